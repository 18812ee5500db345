# What the scripts beside this file share. POSIX sh; runs as root on the host that is deployed to. Facts leave as
# lines key=value on standard output, a reason to go no further as refused=why.
set -u
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077

unit=minewarden.service
program=/usr/bin/minewarden
config=/etc/minewarden/minewarden.toml
# Ours alone: current/ is what runs, previous/ what a rollback brings back, next/ what is being installed. Each holds
# package.KIND, version, digest (of the package) and, where it was saved, minewarden.toml.
cache=/var/cache/minewarden

say() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\r' '  ')"; }
refuse() { say refused "$1"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
digest() { [ -f "$1" ] && sha256sum <"$1" | cut -d ' ' -f 1; }
content() { [ -f "$1" ] && head -c 200 "$1"; }
shown() { systemctl show -p "$1" --value "$unit" 2>/dev/null; }
free_kib() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
last_line() { [ -f "$1" ] && grep -v '^ *$' "$1" | tail -n 1; }

# How the agent is installed: deb, rpm, tar.gz, or nothing.
installed_as() {
	if has dpkg-query && [ "$(dpkg-query -W -f '${db:Status-Status}' minewarden 2>/dev/null)" = installed ]; then
		echo deb
	elif has rpm && rpm -q minewarden >/dev/null 2>&1; then
		echo rpm
	elif [ -e "$program" ]; then
		echo tar.gz
	fi
}

# install_package FILE LOG: folders that scripts of the package make are for all to read.
install_package() (
	umask 022
	case $1 in
	*.deb) unlocked "$2" dpkg --force-confdef --force-confold -i "$1" ;;
	*.rpm) rpm -U --replacepkgs --oldpackage "$1" >"$2" 2>&1 ;;
	*.tar.gz) from_archive "$1" >"$2" 2>&1 ;;
	*) echo "$1: no kind of package" >"$2" && return 1 ;;
	esac
)

# remove_package KIND LOG
remove_package() {
	case $1 in
	deb) unlocked "$2" dpkg --purge minewarden ;;
	rpm) rpm -e minewarden >"$2" 2>&1 ;;
	tar.gz) sh /usr/lib/minewarden/install.sh --uninstall --purge >"$2" 2>&1 ;;
	esac
}

# unlocked LOG COMMAND...: dpkg does not wait for another package manager by itself.
unlocked() {
	log=$1
	shift
	tries=0
	while ! "$@" >"$log" 2>&1; do
		tries=$((tries + 1))
		grep -q 'lock' "$log" && [ "$tries" -lt 120 ] || return 1
		sleep 1
	done
}

# from_archive FILE: runs the script of the package, which looks at the name of the folder that it lies in.
from_archive() {
	unpacked=$(mktemp -d "$cache/unpacked.XXXXXX") || return 1
	tar -xzf "$1" -C "$unpacked" && sh "$unpacked"/minewarden-*/install.sh
	status=$?
	rm -rf "$unpacked"
	return $status
}

# put_config FILE: the new one is whole before it has the name.
put_config() {
	mkdir -p -m 755 "${config%/*}" && install -m 644 "$1" "$config.deploy" && mv "$config.deploy" "$config"
}

# Brings up what is installed now. The unit's own end is awaited elsewhere.
restart() {
	systemctl daemon-reload
	systemctl reset-failed "$unit" 2>/dev/null
	systemctl enable --quiet "$unit" 2>/dev/null
	systemctl restart "$unit" 2>/dev/null
	return 0
}

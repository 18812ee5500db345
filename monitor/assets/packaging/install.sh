#!/bin/sh
# Installs minewarden from the files beside this script, or removes what it installed.
#
#   install.sh [--root DIR]                        install or upgrade
#   install.sh --uninstall [--purge] [--root DIR]  remove; --purge also takes the configuration, state and group
#
# Every file that it puts is listed in /usr/lib/minewarden/installed, where a copy of this script lies too, so that
# removing needs no archive. A configuration that was changed is kept; the new one is put beside it as .new.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=
purge=no
action=install
own=usr/lib/minewarden

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

has() { command -v "$1" > /dev/null 2>&1; }

# A running systemd, and the host itself is meant.
live() { [ -z "$root" ] && [ -d /run/systemd/system ] && has systemctl; }

digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# The name of a file or folder of ours must not lead elsewhere.
checked() {
	case "/$1/" in
	*/../* | //*) fail "a path in the list leads elsewhere: $1" ;;
	esac
}

# Folders that were not there are ours, to be removed when they are empty.
folder() {
	[ -d "$root/$1" ] || {
		folder "$(dirname "$1")"
		mkdir "$root/$1"
		echo "folder - $1" >> "$new"
	}
}

# put MODE SOURCE PATH: never a half-written file, and never into a program that runs.
put() {
	folder "$(dirname "$3")"
	cp "$2" "$root/$3.minewarden-new"
	chmod "$1" "$root/$3.minewarden-new"
	mv -f "$root/$3.minewarden-new" "$root/$3"
}

# config MODE SOURCE PATH: theirs stays when it is not what we put there last time.
config() {
	target=$root/$3
	before=$(sed -n "s|^config \([0-9a-f]*\) $3\$|\1|p" "$record" 2> /dev/null || true)
	if [ ! -e "$target" ] || [ "$(digest "$target")" = "$before" ]; then
		put "$1" "$2" "$3"
	elif [ "$(digest "$target")" != "$(digest "$2")" ] && [ "$(digest "$2")" != "$before" ]; then
		put "$1" "$2" "$3.new"
		echo "/$3 was changed here and stays; the new one is /$3.new"
	fi
}

# Another package manager's files are its own.
unmanaged() {
	[ -z "$root" ] || return 0
	if has dpkg-query && dpkg-query -S /usr/bin/minewarden > /dev/null 2>&1; then
		fail "/usr/bin/minewarden belongs to a Debian package: use apt or dpkg"
	fi
	if has rpm && rpm -qf /usr/bin/minewarden > /dev/null 2>&1; then
		fail "/usr/bin/minewarden belongs to an rpm: use dnf, zypper or rpm"
	fi
}

install_all() {
	[ -f "$here/files.list" ] || fail "$here/files.list is missing: run it from the unpacked archive"
	machine=$(basename "$here")
	[ -n "$root" ] || case "$machine" in
	*-"$(uname -m)") ;;
	*) fail "this is $machine, the machine is $(uname -m)" ;;
	esac
	unmanaged
	fresh=yes
	[ ! -f "$record" ] || fresh=no
	new=$(mktemp)
	if [ "$fresh" = no ]; then grep '^folder ' "$record" > "$new" || true; fi
	while read -r kind mode path; do
		checked "$path"
		if [ "$kind" = config ]; then
			config "$mode" "$here/files/$path" "$path"
			echo "config $(digest "$here/files/$path") $path" >> "$new"
		else
			put "$mode" "$here/files/$path" "$path"
			echo "file - $path" >> "$new"
		fi
	done < "$here/files.list"
	put 0755 "$here/install.sh" "$own/install.sh"
	leave_behind
	put 0644 "$new" "$own/installed"
	rm -f "$new"
	settle
}

# What the version before had and this one has not.
leave_behind() {
	[ "$fresh" = no ] || return 0
	while read -r kind _ path; do
		checked "$path"
		if [ "$kind" = file ] && ! grep -qxF "file - $path" "$new"; then
			rm -f "$root/$path"
		fi
	done < "$record"
}

# The group, the state folder, the catalog, the unit.
settle() {
	if has systemd-sysusers; then
		systemd-sysusers ${root:+--root="$root"} minewarden.conf
	elif [ -z "$root" ] && ! getent group minewarden > /dev/null; then
		groupadd --system minewarden
	fi
	if has systemd-tmpfiles; then systemd-tmpfiles ${root:+--root="$root"} --create minewarden.conf; fi
	if has journalctl; then journalctl ${root:+--root="$root"} --update-catalog || true; fi
	if has systemctl; then
		# Later the administrator's choice stays.
		if [ "$fresh" = yes ]; then systemctl ${root:+--root="$root"} --quiet enable minewarden.service; fi
		if live; then
			systemctl daemon-reload
			if [ "$fresh" = yes ]; then
				systemctl start minewarden.service
			else
				systemctl try-restart minewarden.service
			fi
		fi
	fi
	echo "installed: $("$root/usr/bin/minewarden" --version)"
}

uninstall() {
	[ -f "$record" ] || fail "${root:-this host} has no /$own/installed: this script installed nothing there"
	if live; then systemctl stop minewarden.service; fi
	if has systemctl; then systemctl ${root:+--root="$root"} --quiet disable minewarden.service || true; fi
	while read -r kind _ path; do
		checked "$path"
		case "$kind-$purge" in
		file-* | config-yes) rm -f "$root/$path" ;;
		esac
	done < "$record"
	folders=$(sed -n 's/^folder - //p' "$record" | sort -r)
	rm -f "$root/$own/install.sh" "$record"
	if [ "$purge" = yes ]; then
		rm -rf "$root/etc/minewarden" "$root/var/lib/minewarden" "$root/run/minewarden"
		if grep -q '^minewarden:' "$root/etc/group" 2> /dev/null; then
			groupdel ${root:+--prefix "$root"} minewarden
		fi
	else
		echo "kept: /etc/minewarden, /var/lib/minewarden and the group minewarden; --purge takes them"
	fi
	echo "$folders" | while read -r path; do
		checked "$path"
		if [ -d "$root/$path" ]; then rmdir --ignore-fail-on-non-empty "$root/$path"; fi
	done
	if live; then
		# The journal namespace that the unit wants has no other user; systemd leaves its sockets behind.
		systemctl stop systemd-journald@minewarden.service systemd-journald@minewarden.socket \
			systemd-journald-varlink@minewarden.socket 2> /dev/null || true
		rm -rf /run/systemd/journal.minewarden
		systemctl daemon-reload
	fi
	if has journalctl; then journalctl ${root:+--root="$root"} --update-catalog || true; fi
	echo "removed"
}

while [ $# -gt 0 ]; do
	case "$1" in
	--root)
		[ $# -gt 1 ] || fail "--root needs a folder"
		[ -d "$2" ] || fail "$2 is no folder"
		root=$(cd "$2" && pwd)
		# The host itself needs no prefix.
		[ "$root" != / ] || root=
		shift
		;;
	--uninstall) action=uninstall ;;
	--purge) purge=yes ;;
	*) fail "unknown option $1: install.sh [--uninstall [--purge]] [--root DIR]" ;;
	esac
	shift
done
[ "$purge" = no ] || [ "$action" = uninstall ] || fail "--purge goes with --uninstall"
[ "$(id -u)" = 0 ] || fail "must be run as root"
record=$root/$own/installed
if [ "$action" = install ]; then install_all; else uninstall; fi

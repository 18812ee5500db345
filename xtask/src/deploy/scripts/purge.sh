# purge.sh FOLDER: removes everything, and searches for what may be left. Journal entries stay.
log=$1/log
how=$(installed_as)
say before "$("$program" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)"

# What the package brought, asked before it goes: files only, folders are shared with others.
manifest() {
	case $how in
	deb) dpkg -L minewarden ;;
	rpm) rpm -ql minewarden ;;
	tar.gz) sed 's|^[a-z]* [^ ]* |/|' /usr/lib/minewarden/installed ;;
	esac 2>/dev/null | while IFS= read -r path; do
		[ -d "$path" ] || printf '%s\n' "$path"
	done
}
manifest >"$1/manifest"

# Numbers of the BPF programs that the running agent holds, directly or by a link.
pid=$(shown MainPID)
programs=
if [ "${pid:-0}" -gt 0 ]; then
	programs=$(cat /proc/"$pid"/fdinfo/* 2>/dev/null | awk '$1 == "prog_id:" { print $2 }' | sort -un | tr '\n' ' ')
fi

systemctl disable --quiet --now "$unit" 2>/dev/null
if [ -n "$how" ]; then
	remove_package "$how" "$log" || refuse "removing: $(last_line "$log")"
fi
# The settings that deploy --collector made, and nobody else's: the units go back to how the distribution has them.
ours() {
	[ -e "$1" ] || return 1
	rm -f "$1"
	rmdir "${1%/*}" 2>/dev/null
	return 0
}
if ours /etc/systemd/journal-upload.conf.d/minewarden.conf; then
	systemctl disable --quiet --now systemd-journal-upload.service 2>/dev/null
fi
ours /etc/systemd/system/systemd-journal-upload.service.d/minewarden.conf
if ours /etc/nginx/conf.d/minewarden-collector.conf; then
	systemctl try-reload-or-restart nginx.service 2>/dev/null
	systemctl disable --quiet --now minewarden-vacuum.timer systemd-journal-remote.socket 2>/dev/null
	systemctl stop systemd-journal-remote.service 2>/dev/null
fi
for path in systemd-journal-remote.socket.d/minewarden.conf systemd-journal-remote.service.d/minewarden.conf \
	minewarden-vacuum.service minewarden-vacuum.timer; do
	ours "/etc/systemd/system/$path"
done
ours /etc/systemd/journal-remote.conf.d/minewarden.conf
rm -f /var/lib/systemd/timers/stamp-minewarden-vacuum.timer
# Journals of the agent's own namespaces stay as files; nobody has to keep them open.
systemctl stop 'systemd-journald@minewarden*.service' 'systemd-journald@minewarden*.socket' \
	'systemd-journald-varlink@minewarden*.socket' 2>/dev/null
# systemd leaves their sockets, on which nobody listens any more.
rm -rf /run/systemd/journal.minewarden /run/systemd/journal.minewarden-fleet
# rpm leaves folders that no package owns.
rmdir /usr/share/doc/minewarden /usr/share/licenses/minewarden /usr/lib/minewarden 2>/dev/null
rm -rf /etc/minewarden /var/lib/minewarden "$cache" /run/minewarden "/etc/systemd/system/$unit.d"
for base in /var/tmp /tmp /run /root; do
	for left in "$base"/minewarden-deploy.??????????; do
		[ "$left" = "$1" ] || rm -rf "$left"
	done
done
getent passwd minewarden >/dev/null && userdel minewarden 2>/dev/null
getent group minewarden >/dev/null && groupdel minewarden 2>/dev/null
systemctl daemon-reload
systemctl reset-failed "$unit" 2>/dev/null
journalctl --update-catalog >/dev/null 2>&1

# From here it only looks.
left= files=0
found() { left="$left; $1"; }
while IFS= read -r path; do
	files=$((files + 1))
	[ -e "$path" ] || [ -h "$path" ] && found "file $path"
done <"$1/manifest"
for path in "$program" /usr/lib/systemd/system/$unit /etc/systemd/system/$unit /etc/minewarden /var/lib/minewarden \
	"$cache" /run/minewarden /usr/lib/systemd/catalog/minewarden.catalog /usr/lib/sysusers.d/minewarden.conf \
	/usr/lib/tmpfiles.d/minewarden.conf /usr/lib/minewarden /usr/share/doc/minewarden \
	/usr/share/licenses/minewarden /etc/systemd/system/*/"$unit" \
	/etc/systemd/system/"$unit".d /etc/systemd/system/*/minewarden.conf /etc/systemd/*.conf.d/minewarden.conf \
	/etc/nginx/conf.d/minewarden-collector.conf /var/lib/systemd/timers/stamp-minewarden-vacuum.timer \
	/run/systemd/journal.minewarden*; do
	[ -e "$path" ] || [ -h "$path" ] && found "file $path"
done
[ "$(shown LoadState)" = not-found ] || found "unit $unit ($(shown LoadState))"
known=$(systemctl list-unit-files --no-legend 'minewarden*' 2>/dev/null | awk '{ print $1 }' | tr '\n' ' ')
[ -z "$known" ] || found "unit files $known"
getent passwd minewarden >/dev/null && found "user minewarden"
getent group minewarden >/dev/null && found "group minewarden"
for exe in /proc/[0-9]*/exe; do
	case $(readlink "$exe" 2>/dev/null) in
	"$program" | "$program (deleted)") found "process ${exe%/exe}" ;;
	esac
done
journalctl --list-catalog 2>/dev/null | grep -q ' minewarden: ' && found "catalog entries"
looked=0
for number in $programs; do
	looked=$((looked + 1))
	if has bpftool; then
		bpftool prog show id "$number" >/dev/null 2>&1 && found "BPF program $number"
	else
		grep -ls "^prog_id:[[:space:]]*$number\$" /proc/[0-9]*/fdinfo/* >/dev/null 2>&1 && found "BPF program $number"
	fi
done
pinned=$(find /sys/fs/bpf -name '*minewarden*' 2>/dev/null | head -n 1)
[ -z "$pinned" ] || found "pinned BPF object $pinned"
has bpftool && say asked bpftool
say files "$files"
say programs "$looked"
say left "${left#; }"

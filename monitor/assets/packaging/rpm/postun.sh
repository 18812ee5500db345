# $1 is the number of packages of this name after the transaction: 0 on removal, 1 on an upgrade.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
	if [ "$1" -ge 1 ]; then
		systemctl try-restart minewarden.service || :
	fi
fi
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
	# The journal namespace that the unit wants has no other user; systemd leaves its sockets behind.
	systemctl stop systemd-journald@minewarden.service systemd-journald@minewarden.socket \
		systemd-journald-varlink@minewarden.socket 2> /dev/null || :
	rm -rf /run/systemd/journal.minewarden
fi
if [ "$1" -eq 0 ]; then
	# rpm knows no purge: what the agent kept goes now, a changed configuration stays as .rpmsave.
	rm -rf /var/lib/minewarden /run/minewarden
	# The package lists files alone.
	for folder in /etc/minewarden /usr/share/doc/minewarden /usr/share/licenses/minewarden; do
		if [ -d "$folder" ]; then
			find "$folder" -depth -type d -empty -delete
		fi
	done
	if command -v groupdel > /dev/null && getent group minewarden > /dev/null; then
		groupdel minewarden || :
	fi
	if command -v journalctl > /dev/null; then
		journalctl --update-catalog || :
	fi
fi
exit 0

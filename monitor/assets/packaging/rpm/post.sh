# $1 is the number of packages of this name after the transaction: 1 on installation, 2 on an upgrade.
if command -v systemd-sysusers > /dev/null; then
	systemd-sysusers minewarden.conf || :
elif ! getent group minewarden > /dev/null; then
	groupadd --system minewarden || :
fi
if command -v systemd-tmpfiles > /dev/null; then
	systemd-tmpfiles --create minewarden.conf || :
fi
if command -v journalctl > /dev/null; then
	journalctl --update-catalog || :
fi
if command -v systemctl > /dev/null; then
	# Later the administrator's choice stays.
	if [ "$1" -eq 1 ]; then
		systemctl --no-reload enable minewarden.service > /dev/null 2>&1 || :
	fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload || :
		if [ "$1" -eq 1 ]; then
			systemctl start minewarden.service || :
		fi
	fi
fi
exit 0

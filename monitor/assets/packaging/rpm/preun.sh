# $1 is the number of packages of this name after the transaction: 0 on removal, 1 on an upgrade.
if [ "$1" -eq 0 ] && command -v systemctl > /dev/null; then
	if [ -d /run/systemd/system ]; then
		systemctl stop minewarden.service || :
	fi
	systemctl --no-reload disable minewarden.service > /dev/null 2>&1 || :
fi
exit 0

# undo.sh FOLDER: takes install.sh back: the version and the configuration before it, or nothing if nothing was there.
if [ ! -d "$cache/next" ]; then
	say undone untouched
	return 0
fi
if [ -f "$cache/next/version" ]; then
	old=$(ls "$cache"/current/package.* 2>/dev/null | head -n 1)
	if [ -n "$old" ]; then
		install_package "$old" "$1/log" || refuse "putting back $(content "$cache/current/version"): $(last_line "$1/log")"
		say undone "$(content "$cache/current/version")"
	else
		systemctl disable --quiet --now "$unit" 2>/dev/null
		remove_package "$(installed_as)" "$1/log" || refuse "removing: $(last_line "$1/log")"
		systemctl daemon-reload
		systemctl reset-failed "$unit" 2>/dev/null
		say undone nothing
	fi
fi
if [ -f "$cache/next/before.toml" ]; then
	put_config "$cache/next/before.toml" || refuse "$config: cannot be written"
else
	rm -f "$config"
fi
if [ -e "$program" ]; then
	rm -rf "$cache/next"
	restart
else
	[ -f "$cache/next/had-folder" ] || rm -rf "${config%/*}"
	rm -rf "$cache"
fi

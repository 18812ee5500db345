# The new one is well: it is current, and what it replaced is what a rollback brings back.
[ -d "$cache/next" ] || refuse "$cache/next: not there"
if [ -f "$cache/next/version" ]; then
	if [ -d "$cache/current" ]; then
		rm -f "$cache/current/minewarden.toml"
		[ -f "$cache/next/before.toml" ] && mv "$cache/next/before.toml" "$cache/current/minewarden.toml"
		rm -rf "$cache/previous" && mv "$cache/current" "$cache/previous"
	fi
	rm -f "$cache/next/before.toml" "$cache/next/had-folder"
	mv "$cache/next" "$cache/current"
else
	rm -rf "$cache/next"
fi

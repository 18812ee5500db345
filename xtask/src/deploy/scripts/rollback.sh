# rollback.sh FOLDER: the version before, with the configuration that it ran with.
old=$(ls "$cache"/previous/package.* 2>/dev/null | head -n 1)
[ -n "$old" ] || refuse "no earlier version is kept in $cache/previous"
sum=$(digest "$old")
[ "$sum" = "$(content "$cache/previous/digest")" ] || refuse "$old is not what was kept: its digest is $sum"
install_package "$old" "$1/log" || refuse "installing: $(last_line "$1/log")"
if [ -f "$cache/previous/minewarden.toml" ]; then
	put_config "$cache/previous/minewarden.toml" || refuse "$config: cannot be written"
fi
rm -rf "$cache/current" && mv "$cache/previous" "$cache/current" && rm -f "$cache/current/minewarden.toml"
restart

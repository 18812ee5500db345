# install.sh FOLDER PACKAGE VERSION DIGEST CONFIG: installs FOLDER/PACKAGE unless it is "-", FOLDER/minewarden.toml
# if CONFIG is yes, and starts. What it replaces stays until commit.sh or undo.sh decides.
folder=$1 package=$2
# Nothing of the host was changed yet.
cancel() {
	rm -rf "$cache/next"
	rmdir "$cache" 2>/dev/null
	refuse "$cache: cannot be written"
}
mkdir -p -m 700 "$cache" && rm -rf "$cache/next" && mkdir "$cache/next" || cancel
if [ -f "$config" ]; then
	cp -p "$config" "$cache/next/before.toml" || cancel
fi
if [ -d "${config%/*}" ]; then
	: >"$cache/next/had-folder" || cancel
fi
if [ "$package" != - ]; then
	mv "$folder/$package" "$cache/next/" || cancel
	printf '%s\n' "$4" >"$cache/next/digest" && printf '%s\n' "$3" >"$cache/next/version" || cancel
	install_package "$cache/next/$package" "$folder/log" || refuse "installing: $(last_line "$folder/log")"
fi
if [ "$5" = yes ]; then
	put_config "$folder/minewarden.toml" || refuse "$config: cannot be written"
fi
restart

# What is there, and what is installed. Changes nothing.
say hostname "$(uname -n)"
say kernel "$(uname -r)"
say machine "$(uname -m)"
[ -d /run/systemd/system ] && say systemd yes
lacks=
for tool in awk cut df grep head install journalctl mktemp sha256sum systemctl tail tar tr; do
	has "$tool" || lacks="$lacks $tool"
done
say lacks "${lacks# }"
if has dpkg && [ -s /var/lib/dpkg/status ]; then
	say packager deb
elif has rpm && { [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; }; then
	say packager rpm
else
	say packager tar.gz
fi
say free_usr "$(free_kib /usr)"
say free_var "$(free_kib /var)"
if [ -x "$program" ]; then
	say program "$(digest "$program")"
	say version "$("$program" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)"
	say installed "$(installed_as)"
fi
say config "$(digest "$config")"
say current "$(content "$cache/current/digest")"
say previous "$(content "$cache/previous/version")"
say previous_package "$(content "$cache/previous/digest")"
say active "$(systemctl is-active "$unit" 2>/dev/null)"

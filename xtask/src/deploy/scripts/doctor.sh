# doctor.sh FOLDER WITH_CONFIG: what the new agent says of this host; its report is all of standard output.
chmod 700 "$1/minewarden"
if [ "$2" = yes ]; then
	"$1/minewarden" config --check "$1/minewarden.toml" >/dev/null || exit 3
	exec "$1/minewarden" doctor --json --config "$1/minewarden.toml"
fi
exec "$1/minewarden" doctor --json

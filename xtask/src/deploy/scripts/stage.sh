# stage.sh KIB: a folder of ours with that much room, from which programs may run.
why=
for base in /var/tmp /tmp /run /root; do
	[ -d "$base" ] && [ -w "$base" ] || continue
	free=$(free_kib "$base")
	if [ "${free:-0}" -lt "$1" ]; then
		why="$why; $base: ${free:-0} KiB free"
		continue
	fi
	folder=$(mktemp -d "$base/minewarden-deploy.XXXXXXXXXX") || continue
	if printf '#!/bin/sh\nexit 0\n' >"$folder/probe" && chmod 700 "$folder/probe" && "$folder/probe" 2>/dev/null; then
		rm "$folder/probe"
		say folder "$folder"
		return 0
	fi
	rm -rf "$folder"
	why="$why; $base: no program may run there"
done
refuse "no folder for $1 KiB from which a program may run${why}"

# arrived.sh FOLDER ADDRESS ID SECONDS: waits until a journal of that address holds the entry with that MINEWARDEN_ID.
end=$(($(date +%s) + $4))
while [ "$(date +%s)" -lt "$end" ]; do
	for file in "$1/remote-$2".journal "$1/remote-$2"@*.journal; do
		[ -f "$file" ] || continue
		if [ -n "$(journalctl -q --file="$file" "MINEWARDEN_ID=$3" -n 1 -o cat 2>/dev/null)" ]; then
			say arrived yes
			return 0
		fi
	done
	sleep 0.5
done

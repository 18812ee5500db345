# settle.sh SECONDS FRESH: waits until the unit runs what is installed and its journal has an entry of this very run. The
# invocation is journald's own word for a run of a unit; nobody can forge it.
end=$(($(date +%s) + $1))
while :; do
	state=$(shown ActiveState) pid=$(shown MainPID) run=$(shown InvocationID) entry=
	if [ "$state" = active ] && [ -n "$run" ]; then
		entry=$(journalctl -q --namespace='*' -t minewarden "_SYSTEMD_INVOCATION_ID=$run" MINEWARDEN_EVENT=agent-started \
			MINEWARDEN_EVENT=heartbeat -n 1 -o json \
			--output-fields=MINEWARDEN_EVENT,MINEWARDEN_ID 2>/dev/null)
	fi
	same=no
	[ "/proc/$pid/exe" -ef "$program" ] && same=yes
	[ -n "$entry" ] && [ "$same" = yes ] && break
	[ "$state" = failed ] && break
	# The unit is tried again for ever; one that was just started and is tried again has failed.
	[ "$2" = yes ] && [ "$(shown NRestarts)" != 0 ] && break
	[ "$(date +%s)" -ge "$end" ] && break
	sleep 0.5
done
say state "$state"
say same "$same"
say entry "$entry"
say now "$(date +%s)"
say restarts "$(shown NRestarts)"
say version "$("$program" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)"
say heartbeat "$("$program" config 2>/dev/null | sed -n 's/^heartbeat = "\(.*\)"$/\1/p' | head -n 1)"
say result "$(shown Result)"
# The agent's own words; systemd's lines about the unit say less.
last=
for match in "_SYSTEMD_INVOCATION_ID=$(shown InvocationID)" "_SYSTEMD_UNIT=$unit"; do
	[ -n "$last" ] || last=$(journalctl -q --namespace='*' "$match" -n 1 -o cat 2>/dev/null)
done
say last "$last"

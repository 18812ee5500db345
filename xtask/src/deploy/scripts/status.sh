# status.sh HOURS: facts first, then the agent's entries of that time, one JSON object a line.
say kernel "$(uname -r)"
if [ -x "$program" ]; then
	say version "$("$program" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)"
	say state "$(shown ActiveState)"
	say since "$(date -u -d "$(shown ActiveEnterTimestamp)" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)"
	say restarts "$(shown NRestarts)"
	say heartbeat "$("$program" config 2>/dev/null | sed -n 's/^heartbeat = "\(.*\)"$/\1/p' | head -n 1)"
fi
say now "$(date +%s)"
fields=MINEWARDEN_ID,MINEWARDEN_EVENT,MINEWARDEN_INCIDENT,MINEWARDEN_LEVEL,MINEWARDEN_COUNTERS,MINEWARDEN_TEST
journalctl -q --namespace='*' -t minewarden "_SYSTEMD_UNIT=$unit" --since "-$1h" -o json --output-fields="$fields" \
	MINEWARDEN_EVENT=agent-started MINEWARDEN_EVENT=agent-stopped MINEWARDEN_EVENT=heartbeat MINEWARDEN_EVENT=loss \
	MINEWARDEN_EVENT=incident-opened MINEWARDEN_EVENT=incident-raised MINEWARDEN_EVENT=incident-ended 2>/dev/null |
	tail -n 4000

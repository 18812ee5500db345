# The running agent must report a harmless conversation.
if ! "$program" selftest --help >/dev/null 2>&1; then
	say selftest absent
	return 0
fi
if said=$("$program" selftest 2>&1); then
	say selftest passed
else
	say selftest failed
fi
say said "$(printf '%s\n' "$said" | grep -v '^ *$' | tail -n 1)"

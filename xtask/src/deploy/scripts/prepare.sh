# prepare.sh look PROGRAM PACKAGE...: which packages are missing. prepare.sh install PACKAGE...: installs them.
what=$1
shift
if [ "$what" = look ]; then
	missing=
	while [ $# -gt 1 ]; do
		[ -x "$1" ] || missing="$missing $2"
		shift 2
	done
	say missing "${missing# }"
	has apt-get && say apt yes
	return 0
fi
log=$(mktemp) || refuse "no temporary file"
if ! DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "$@" \
	>"$log" 2>&1; then
	why=$(last_line "$log")
	rm -f "$log"
	refuse "installing $*: $why"
fi
rm -f "$log"

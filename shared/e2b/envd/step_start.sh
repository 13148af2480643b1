# Starts a step: siesta DIR CWD COMMAND. Whoever makes DIR runs it; the others
# find it there. The step is a session of its own, so it outlives this script
# and can be killed as a whole. Its leader survives a TERM sent to its group, to
# write down how the command ended. DIR/pid holds the leader's pid and the time
# it started at, which tells it from a later process of the same number.
dir=$1 cwd=$2 command=$3
mkdir -p "${dir%/*}" "$cwd" || exit 1
mkdir "$dir" 2>/dev/null || { [ -d "$dir" ]; exit; }

# Job control, or the shell would make the step ignore interrupts; and where
# there is no setsid, a group of its own must do.
set -m
own=$(command -v setsid)
$own /bin/bash -c '
	dir=$1 cwd=$2 command=$3
	trap : TERM INT HUP
	started=0
	if read -r line 2>/dev/null </proc/$$/stat; then
		set -- ${line##*) }
		started=${20}
	fi
	echo "$$ $started" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid" || exit
	(cd "$cwd" && exec /bin/bash -l -c "$command") >"$dir/out" 2>&1
	echo "$?" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
' siesta "$dir" "$cwd" "$command" >/dev/null 2>&1 </dev/null &

# Whoever starts it next must find a pid.
for _ in {1..500}; do
	[ -e "$dir/pid" ] && exit 0
	sleep 0.01
done
exit 1

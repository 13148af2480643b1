# Stops a step: siesta DIR. TERM to every process of its session, 5 s, then KILL
# until none is left.
dir=$1
read -r leader started 2>/dev/null <"$dir/pid" || exit 0

# What to signal: the session's processes, or where there is no /proc, the
# group. A leader that started at another time belongs to somebody else.
members() {
	if [ ! -e /proc/self/stat ]; then
		kill -0 -- "-$leader" 2>/dev/null && echo "-$leader"
		return
	fi
	if read -r line 2>/dev/null <"/proc/$leader/stat"; then
		set -- ${line##*) }
		[ "${20}" = "$started" ] || return
	fi
	for stat in /proc/[0-9]*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		pid=${line%% *}
		set -- ${line##*) }
		[ "$4" = "$leader" ] && [ "$1" != Z ] && [ "$1" != X ] && echo "$pid"
	done
}

pids=$(members)
[ -z "$pids" ] && exit 0
kill -TERM -- $pids 2>/dev/null
for ((i = 0; i < 150; i++)); do
	pids=$(members)
	[ -z "$pids" ] && exit 0
	[ "$i" -ge 50 ] && kill -KILL -- $pids 2>/dev/null
	sleep 0.1
done
exit 1

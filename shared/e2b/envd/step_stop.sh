# Stops a step: siesta DIR. TERM to every process of its session and to all that
# these have started, 5 s, then KILL until none is left.
dir=$1
read -r leader started 2>/dev/null <"$dir/pid" || exit 0

# A leader that started at another time belongs to somebody else.
if read -r line 2>/dev/null <"/proc/$leader/stat"; then
	set -- ${line##*) }
	[ "${20}" = "$started" ] || exit 0
fi

# Sets alive to what is left: pids, or where there is no /proc, the group. Once
# ours, a process stays so when its parent has died.
ours=" $leader "
look() {
	alive=''
	if [ ! -e /proc/self/stat ]; then
		kill -0 -- "-$leader" 2>/dev/null && alive=-$leader
		return
	fi
	more=yes
	while [ -n "$more" ]; do
		more='' alive=''
		for stat in /proc/[0-9]*/stat; do
			read -r line 2>/dev/null <"$stat" || continue
			pid=${line%% *}
			set -- ${line##*) } # state, parent, group, session
			if [[ $ours != *" $pid "* ]]; then
				[[ $4 == "$leader" || $ours == *" $2 "* ]] || continue
				ours+="$pid " more=yes
			fi
			[[ $1 == [ZX] ]] || alive+=" $pid"
		done
	done
}

look
[ -z "$alive" ] && exit 0
kill -TERM -- $alive 2>/dev/null
for ((i = 0; i < 150; i++)); do
	look
	[ -z "$alive" ] && exit 0
	[ "$i" -ge 50 ] && kill -KILL -- $alive 2>/dev/null
	sleep 0.1
done
exit 1

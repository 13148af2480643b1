# Reads a step: siesta DIR OFFSET LIMIT. Prints one line, STATE CODE OFFSET SIZE,
# then up to LIMIT bytes of output from OFFSET on; a negative OFFSET means the
# last LIMIT bytes.
dir=$1 offset=$2 limit=$3

ended() {
	code=0
	[ -e "$dir/exit" ] && read -r code <"$dir/exit" && state=exited
}
alive() {
	read -r pid started <"$dir/pid" && kill -0 "$pid" 2>/dev/null || return
	[ -e /proc/self/stat ] || return 0
	read -r line 2>/dev/null <"/proc/$pid/stat" || return
	set -- ${line##*) }
	[ "$1" != Z ] && [ "${20}" = "$started" ]
}
new() {
	made=$(stat -c %Y "$dir" 2>/dev/null || stat -f %m "$dir") && [ $(($(date +%s) - made)) -lt 10 ]
}

# How it ended is read before its output, so that the output of an ended step
# is complete; and once more after a look at its leader, which may have ended
# in between.
state=none code=0
if [ -d "$dir" ]; then
	if ended; then :
	elif [ -e "$dir/pid" ]; then
		if alive; then state=running; else ended || state=died; fi
	elif new; then state=running
	else state=died
	fi
elif [ ! -d "${dir%/*/*}" ]; then state=lost # it holds the marker of whoever starts steps
fi
size=0
[ -e "$dir/out" ] && size=$(($(wc -c <"$dir/out")))
[ "$offset" -lt 0 ] && offset=$((size > limit ? size - limit : 0))
echo "$state $code $offset $size"
count=$((size - offset < limit ? size - offset : limit))
if [ "$count" -gt 0 ]; then
	tail -c +$((offset + 1)) "$dir/out" | head -c "$count"
fi
exit 0

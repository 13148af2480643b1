# Reads a step: siesta DIR OFFSET LIMIT. Prints one line, STATE CODE OFFSET SIZE,
# then up to LIMIT bytes of output, 1 MiB at the most, from OFFSET on, or from where
# there is some again after it; a negative OFFSET means the last LIMIT bytes.
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

# A piece that is opened stays readable when it makes room for a later one.
piece=1048576 size=0 start=0
if [ -e "$dir/out" ]; then
	exec 3<"$dir/out" 4</dev/null
	size=$(($(wc -c <"$dir/out")))
	[ "$offset" -lt 0 ] && offset=$((size > limit ? size - limit : 0))
elif pieces=("$dir"/out.1????????) && [ -e "${pieces[-1]}" ]; then
	last=${pieces[-1]##*.}
	size=$(((last - 100000000) * piece + $(wc -c 2>/dev/null <"$dir/out.$last" || echo "$piece")))
	[ "$offset" -lt 0 ] && offset=$((size > limit ? size - limit : 0))
	for one in "${pieces[@]}"; do
		at=${one##*.} start=$(((${one##*.} - 100000000) * piece))
		[ $((start + piece)) -gt "$offset" ] || continue
		{ exec 3<"$one"; } 2>/dev/null || continue
		[ "$at" = "$last" ] || [ $((start + $(wc -c <"$one"))) -gt "$offset" ] && break
	done
	[ "$offset" -ge "$start" ] || offset=$start
	exec 4</dev/null
	[ "$at" = "$last" ] || { exec 4<"$dir/out.$((at + 1))"; } 2>/dev/null
fi
[ "$offset" -ge 0 ] || offset=0 # it has printed nothing yet
echo "$state $code $offset $size"
count=$((size - offset < limit ? size - offset : limit))
if [ "$count" -gt 0 ]; then
	{ tail -c +$((offset - start + 1)) <&3; cat <&4; } | head -c "$count"
fi
exit 0

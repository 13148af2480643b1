# Copies the code of $workspace to $folder/files, and lists what is installed in
# $folder/installed. Prints the copy's hash. May be killed, and run again.
tar --version 2>/dev/null | grep -q GNU && sha256sum -z </dev/null >/dev/null 2>&1 || exit 4

# running GROUP: a process of the group is left.
running() {
	for stat in /proc/[0-9]*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		set -- "$1" ${line##*) } # state, parent, group
		[ "$4" = "$1" ] && [[ $2 != [ZX] ]] && return
	done
	return 1
}

# Nobody of an earlier job writes from here on but its server, whose state belongs
# to the app.
for step in "$root"/*/[0-9]*-*; do
	[ "${step%/*}" != "$own" ] && [ ! -e "$step/exit" ] && read -r leader started 2>/dev/null <"$step/pid" || continue
	[[ ${step##*/} =~ ^[0-9]+-start(-[0-9]+b?)?$ ]] && continue
	if read -r line 2>/dev/null <"/proc/$leader/stat"; then # its number may be another's by now
		set -- ${line##*) }
		[ "${20}" = "$started" ] || continue
	fi
	kill -KILL -- "-$leader" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		running "$leader" || continue 2
		sleep 0.05
	done
	exit 1
done
for old in "$root"/*/keep; do
	[ "${old%/*}" = "$own" ] || [ ! -e "$old" ] || remove "$old" || exit 1
done

# copy TO. A folder comes before all that is in it, so that tar closes it after that:
# find's own order.
copy() {
	(cd "$workspace" && installed) >"$folder/installed" && (cd "$workspace" && code -print0) >"$folder/list" || return
	tar -C "$workspace" --null --no-recursion -T "$folder/list" -cf - | tar -C "$1" -xpf -
	local ended=("${PIPESTATUS[@]}")
	[ "${ended[0]}" -le 1 ] && [ "${ended[1]}" = 0 ] # 1: something was written to while it was read
}
part=$folder/files.part
for ((i = 0; i < 3; i++)); do # files may go while they are copied
	[ -d "$folder/files" ] && break
	{ [ ! -e "$part" ] || remove "$part"; } && mkdir -p "$part" || exit 1
	copy "$part" && mv -T "$part" "$folder/files"
done
[ -d "$folder/files" ] || exit 1
manifest "$folder/files"

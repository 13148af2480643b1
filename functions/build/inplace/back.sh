# Makes $workspace what it was when $folder was made, whose hash was $hash. What is
# the same is left alone: a server that runs on may look at it. What is put back is
# as new as it is: many servers load only what is newer than what they have. It only
# reads the copy, so it may be killed, and run again.
files=$folder/files
[ -d "$files" ] || exit 2
mkdir -p "$workspace" && cd "$workspace" || exit 1
code -type d ! -perm -700 -exec chmod u+rwx {} \;

# What was installed since goes.
declare -A had
while IFS= read -r -d '' name; do had[$name]=1; done <"$folder/installed"
while IFS= read -r -d '' name; do
	if [ -d "$folder/aside/$name" ] || [ -z "${had[$name]}" ]; then remove "$name" || exit 1; fi
done < <(installed)

# parts SIDE: what there is, twice for a file, with the name behind the second blank.
# Of links no two are alike.
parts() {
	code -type l -printf "l $1 %p\0" && code ! -type l -printf '%y %m %p\0' && code -type f -print0 | xargs -0r sha256sum -z
}
isFolder() { [ -d "$1" ] && [ ! -L "$1" ]; }
different=$folder/different
{ parts here && (cd "$files" && parts kept); } | sort -z | uniq -zu | cut -z -d' ' -f3- | sort -zu >"$different" || exit 1
declare -A anew
while IFS= read -r -d '' name; do
	anew[$name]=1
	if isFolder "$name"; then
		isFolder "$files/$name" || remove "$name" || exit 1
	else
		printf '%s\0' "$name"
	fi
done <"$different" >"$folder/gone"
xargs -0r rm -f -- <"$folder/gone" || exit 1
(cd "$files" && code -print0) | while IFS= read -r -d '' name; do # a folder before all that is in it
	[ -z "${anew[$name]}" ] || printf '%s\0' "$name"
done | tar -C "$files" --null --no-recursion -T - -cf - | tar -xpmf - || exit 1

same=yes
while IFS= read -r -d '' name; do
	if [ -d "$folder/aside/$name" ]; then
		mv -T "$folder/aside/$name" "$name" || exit 1
	fi
	[ -d "$name" ] || same=
done <"$folder/installed"
[ "$same" ] && [ "$(manifest .)" = "$hash" ] || exit 3

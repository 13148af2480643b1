# Moves what is installed in $workspace to $folder/aside, the very same files. May be
# killed, and run again.
[ -d "$folder/files" ] || exit 2
cd "$workspace" || exit 1
while IFS= read -r -d '' name; do
	[ -d "$name" ] && [ ! -e "$folder/aside/$name" ] || continue
	mkdir -p "$folder/aside/${name%/*}" && mv -T "$name" "$folder/aside/$name" || exit 1
done <"$folder/installed"

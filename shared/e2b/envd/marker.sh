# Raises the marker: siesta FILE EPOCH [LEAST]. A late writer of an older epoch changes
# nothing. What the app put in its place, such as a pipe, is removed. Where there is a
# LEAST, it prints what is there, and only raises what is at least that.
file=$1 epoch=$2 least=$3
if [ "$least" ]; then
	have=
	[ -f "$file" ] && have=$(head -c 64 -- "$file")
	echo "$have"
	[ "$have" -ge "$least" ] 2>/dev/null || exit 0
fi
mkdir -p "${file%/*}" || exit
for f in "$file" "$file.lock"; do
	{ [ ! -e "$f" ] && [ ! -L "$f" ]; } || [ -f "$f" ] || rm -rf -- "$f" || exit
done
exec 9>"$file.lock" || exit
command -v flock >/dev/null && { flock -w 5 9 || exit; }
[ -f "$file" ] && read -r have <"$file" && [ "$have" -ge "$epoch" ] 2>/dev/null && exit 0
echo "$epoch" >"$file.$$" && mv "$file.$$" "$file"

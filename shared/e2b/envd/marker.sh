# Raises the marker: siesta FILE EPOCH. A late writer of an older epoch changes
# nothing.
file=$1 epoch=$2
mkdir -p "${file%/*}" || exit
exec 9>"$file.lock" || exit
command -v flock >/dev/null && { flock -w 5 9 || exit; }
[ -e "$file" ] && read -r have <"$file" && [ "$have" -ge "$epoch" ] 2>/dev/null && exit 0
echo "$epoch" >"$file.$$" && mv "$file.$$" "$file"

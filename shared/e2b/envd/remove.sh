# Removes files: siesta LIST FOLDER. LIST holds paths relative to FOLDER, each
# ended by a NUL. One at a time: what an earlier caller gave up on may still run,
# and must not remove what is written after this.
list=$1 folder=$2
exec 9>"$list.lock" || exit
command -v flock >/dev/null && { flock 9 || exit; }
[ -d "$folder" ] || exit 0
cd "$folder" && xargs -0 rm -rf -- <"$list"

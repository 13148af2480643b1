# Makes the folder that it runs in what the archive $from holds, whose SHA-256 is
# $hash. Dependencies that the template brought stay. May be run again.
set -o pipefail
[ "$(sha256sum <"$from" | cut -d' ' -f1)" = "$hash" ] || exit 4
find . -mindepth 1 \( -name node_modules -o -name .venv \) -type d -prune -o ! -type d -exec rm -f {} + &&
	{ find . -mindepth 1 \( -name node_modules -o -name .venv \) -type d -prune -o -type d -print0 | LC_ALL=C sort -rz | xargs -0r rmdir 2>/dev/null || true; } &&
	tar -xpzf "$from" && rm -f "$from"

# The SHA-256 of a folder's code: of each part name, type, mode, link target and content.
manifest() {
	(cd "$1" && {
		code -printf '%y %m %p %l\0' | sort -z
		code -type f -print0 | sort -z | xargs -0r sha256sum -z
	} | sha256sum | cut -d' ' -f1)
}

# Removes folders, whatever their modes.
remove() {
	rm -rf -- "$@" 2>/dev/null && return
	find "$@" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
	rm -rf -- "$@"
}

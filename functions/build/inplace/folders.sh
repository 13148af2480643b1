set -o pipefail
export LC_ALL=C

# The folders of a project that are not its code: what is installed, and what tools
# make again.
installs=(-name node_modules -o -name .venv)
caches=(-name .next -o -name .nuxt -o -name .svelte-kit -o -name .turbo -o -name .cache -o -name __pycache__)

# All of the folder that it runs in but what is installed, by find's further words.
beside() { find . -mindepth 1 \( "${installs[@]}" \) -type d -prune -o "$@"; }

# The code: files, folders and links, by find's further words, without an -o.
code() { beside \( "${caches[@]}" \) -type d -prune -o \( -type f -o -type d -o -type l \) "$@"; }

# The outermost folders of what is installed, each ended by a NUL.
installed() { find . -mindepth 1 \( "${caches[@]}" \) -type d -prune -o \( "${installs[@]}" \) -type d -prune -print0; }

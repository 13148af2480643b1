#!/usr/bin/env bash
# Installs what the local system and its tests run on and this machine lacks: Postgres, Redis, slirp4netns, which gives
# sandboxes the network, a server of plain files that they can reach, ps and Perl; with the argument chromium that, too. Quiet and quick when nothing is missing.
set -euo pipefail

missing=()
command -v go >/dev/null || { echo "Siesta needs Go 1.26: https://go.dev/dl/" >&2; exit 1; }
command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
[[ $(uname) != Linux ]] || command -v slirp4netns >/dev/null || missing+=(slirp4netns)
[[ $(uname) != Linux ]] || (PATH=/usr/local/bin:/usr/bin:/bin && { command -v python3 || command -v busybox; }) >/dev/null || missing+=(busybox)
command -v ps >/dev/null || missing+=(procps)
command -v perl >/dev/null || missing+=(perl)
command -v python3 >/dev/null || missing+=(python3) # reads a pyproject.toml in a test
[[ ${1:-} != chromium ]] || command -v chromium chromium-browser google-chrome /Applications/Chromium.app/Contents/MacOS/Chromium >/dev/null || missing+=(chromium)
((${#missing[@]})) || exit 0

root=()
[[ $(id -u) == 0 ]] || root=(sudo)
if command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || command -v sudo >/dev/null; }; then
	echo "Installing ${missing[*]} with apt-get" >&2
	# The packages would start servers of their own; the local system starts private ones.
	policy=/usr/sbin/policy-rc.d
	made=
	if [[ ! -e $policy ]]; then
		printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
		"${root[@]}" chmod +x "$policy"
		made=1
	fi
	trap '[[ -z $made ]] || "${root[@]}" rm -f "$policy"' EXIT
	"${root[@]}" apt-get update -qq
	DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
elif command -v brew >/dev/null; then
	names=("${missing[@]/redis-server/redis}")
	names=("${names[@]/#postgresql/postgresql@17}")
	echo "Installing ${names[*]} with Homebrew" >&2
	brew install --quiet "${names[@]}"
else
	echo "Siesta's local system needs ${missing[*]}. Install them with this machine's package manager and try again." >&2
	exit 1
fi

# Starts a step: siesta DIR CWD COMMAND. Whoever makes DIR runs it; the others
# find it there. The step is a session of its own, so it outlives this script
# and can be killed as a whole. Its leader survives a TERM sent to its group, to
# write down how the command ended. DIR/pid holds the leader's pid and the time
# it started at, which tells it from a later process of the same number.
# The command's own variables come as SIESTA_ENV_<name>, and are called by their
# names for the command alone: PATH, BASH_ENV and others would change what is done
# here. Exits with 28 where the disk is full, with 20 where what is there is no
# folder to write to.
dir=$1 cwd=$2 command=$3
make() {
	mkdir -p "$1" 2>/dev/null && return
	at=$1
	while [ -n "$at" ] && [ ! -e "$at" ] && [ ! -L "$at" ]; do at=${at%/*}; done
	[ -d "$at" ] && [ -w "$at" ] && exit 28
	exit 20
}
make "${dir%/*}"
make "$cwd"
mkdir "$dir" 2>/dev/null || { [ -d "$dir" ] || exit 28; exit 0; }

# Job control, or the shell would make the step ignore interrupts; and where
# there is no setsid, a group of its own must do.
set -m
own=$(command -v setsid)
$own /bin/bash -c '
	dir=$1 cwd=$2 command=$3
	trap : TERM INT HUP
	started=0
	if read -r line 2>/dev/null </proc/$$/stat; then
		set -- ${line##*) }
		started=${20}
	fi
	echo "$$ $started" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid" || exit
	(
		cd "$cwd" || exit
		set -- "$command"
		for one in "${!SIESTA_ENV_@}"; do
			case ${one#SIESTA_ENV_} in
			SHELLOPTS | BASHOPTS | BASH_VERSINFO | UID | EUID | PPID) ;; # every bash has its own
			*) set -- "$@" "${one#SIESTA_ENV_}=${!one}" ;;
			esac
			unset "$one"
		done
		[ $# = 1 ] || export -- "${@:2}"
		exec /bin/bash -l -c "$1"
	) >"$dir/out" 2>&1
	echo "$?" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
' siesta "$dir" "$cwd" "$command" >/dev/null 2>&1 </dev/null &

# Whoever starts it next must find a pid, unless the command itself removed it.
for _ in {1..500}; do
	[ -e "$dir/pid" ] || [ ! -d "$dir" ] && exit 0
	sleep 0.01
done
echo x 2>/dev/null >"$dir/try" || exit 28
exit 1

# Starts a step: siesta DIR CWD COMMAND. Whoever makes DIR runs it; the others
# find it there. The step is a session of its own, so it outlives this script
# and can be killed as a whole. Its leader survives a TERM sent to its group, to
# write down how the command ended. DIR/pid holds the leader's pid and the time
# it started at, which tells it from a later process of the same number.
# The command's own variables come as SIESTA_ENV_<name>, and are called by their
# names for the command alone: PATH, BASH_ENV and others would change what is done
# here. Exits with 28 where the disk is full, with 20 where what is there is no
# folder to write to. Prints "began" if it made DIR. Prints "began" if it made DIR.
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
echo began

# How often the kernel has ended a process for lack of memory: see step_left.sh.
grep -s '^oom_kill ' /proc/vmstat 2>/dev/null >"$dir/oom"

# Job control, or the shell would make the step ignore interrupts; and where
# there is no setsid, a group of its own must do.
set -m
own=$(command -v setsid)

# Its output is kept in pieces of 1 MiB, DIR/out.100000000 and on: the first 8, and
# the last 8 as they come. A full disk loses some, and holds up nobody. Where split
# cannot do that, all of it is in DIR/out.
keep=
split --filter=: /dev/null 2>/dev/null && keep='
	old=$((${FILE##*.} - 8))
	[ "$old" -lt 100000008 ] || rm -f "${FILE%.*}.$old"
	cat >"$FILE" || cat >/dev/null
	:
'
$own /bin/bash -c '
	dir=$1 cwd=$2 command=$3 keep=$4
	trap : TERM INT HUP
	started=0
	if read -r line 2>/dev/null </proc/$$/stat; then
		set -- ${line##*) }
		started=${20}
	fi
	echo "$$ $started" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid" || exit
	if [ -n "$keep" ]; then
		# It outlives a TERM too, and ends with the last one that can print.
		exec 3> >(
			trap "" TERM INT HUP
			SHELL=/bin/bash exec split -b 1M -a 9 --numeric-suffixes=100000000 --filter="$keep" - "$dir/out."
		)
		keeper=$!
	else
		exec 3>"$dir/out"
		keeper=
	fi
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
	) >&3 2>&1 3>&-
	code=$?
	exec 3>&-
	# All that it printed is kept before its end is told; what it left in the
	# background may print on.
	for _ in {1..100}; do
		[ -n "$keeper" ] && kill -0 "$keeper" 2>/dev/null || break
		sleep 0.01
	done
	echo "$code" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
' siesta "$dir" "$cwd" "$command" "$keep" >/dev/null 2>&1 </dev/null &
disown # or the shell would tell of its end

# Whoever starts it next must find a pid, unless the command itself removed it.
for _ in {1..500}; do
	[ -e "$dir/pid" ] || [ ! -d "$dir" ] && exit 0
	sleep 0.01
done
echo x 2>/dev/null >"$dir/try" || exit 28
exit 1

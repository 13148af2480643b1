# Tells what a step has left: siesta DIR. Prints a line "alone" where no process of
# this user runs but the daemon's first and this one, and a line "memory" where the
# kernel has ended some process for the lack of it since the step began.
if read -r _ before 2>/dev/null <"$1/oom"; then
	read -r _ now < <(grep -s '^oom_kill ' /proc/vmstat)
	[ "${now:-0}" -gt "$before" ] && echo memory
fi
[ -e /proc/self/stat ] || exit 0
for process in /proc/[0-9]*; do
	case ${process#/proc/} in 1 | $$ | $PPID) continue ;; esac
	[ -O "$process" ] && read -r line 2>/dev/null <"$process/stat" || continue
	set -- ${line##*) }
	[[ $1 == [ZX] || $2 == "$$" ]] || exit 0
done
echo alone

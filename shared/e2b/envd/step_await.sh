# Waits for the end of a step that step_start.sh began, $4 hundredths of a second at
# the most, and leaves step_read.sh its arguments: DIR CWD COMMAND PATIENCE OFFSET LIMIT.
if [ "$began" ]; then
	echo began
	for ((i = 0; i < $4; i++)); do
		[ -e "$1/exit" ] || [ ! -d "$1" ] && break
		sleep 0.01
	done
fi
set -- "$1" "$5" "$6"

package envd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"siesta/shared/e2b"
)

// listenScript prints who it runs as, then the kernel's lines of sockets that
// listen. https://docs.kernel.org/networking/proc_net_tcp.html
const listenScript = `id -u; grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; exit 0`

// Listening returns the TCP ports, in their order, on which processes of the
// sandbox's user listen, on whatever address: the edge reaches loopback, too. What
// the sandbox's own daemons listen on is not among them.
func (c *Client) Listening(ctx context.Context) ([]int, error) {
	const op = "look for ports"
	result, err := c.Run(ctx, Command{Path: "/bin/bash", Args: []string{"-c", listenScript}}, 256<<10)
	if err != nil {
		return nil, failure(op, err)
	}
	ports, err := parseListening(string(result.Stdout))
	if err != nil {
		return nil, broken(op, e2b.ErrUnknown, err)
	}
	return ports, nil
}

// parseListening reads what listenScript prints.
func parseListening(out string) (ports []int, err error) {
	user, lines, _ := strings.Cut(out, "\n")
	if _, err := strconv.Atoi(user); err != nil {
		return nil, fmt.Errorf("no user id: %.40q", user)
	}
	for line := range strings.Lines(lines) {
		// sl, local address, remote address, state, queues, timer, retransmits, user
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[3] != "0A" || fields[7] != user {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err == nil && port > 0 && port != Port {
			ports = append(ports, int(port))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// tlsScript greets a port of loopback as a client of TLS does that knows nothing of
// it but one cipher, and prints tls if the first bytes that come back are those of
// a handshake, or of an alert. Any server of TLS has one of the two for that.
// https://www.rfc-editor.org/rfc/rfc8446#section-5.1
const tlsScript = `hello='\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03siesta siesta siesta siesta 1234\x00\x00\x04\xc0\x2f\x00\x2f\x01\x00'
for host in 127.0.0.1 ::1; do
	{ exec 3<>"/dev/tcp/$host/$1"; } 2>/dev/null || continue
	printf "$hello" >&3
	LC_ALL=C IFS= read -r -t 1 -N 2 -u 3 answer
	if [ "$answer" = $'\x16\x03' ] || [ "$answer" = $'\x15\x03' ]; then echo tls; fi
	exit 0
done`

// SpeaksTLS reports whether a server of the sandbox takes nothing but TLS on a
// port, which the edge does not speak to it.
func (c *Client) SpeaksTLS(ctx context.Context, port int) (bool, error) {
	const op = "look for TLS"
	result, err := c.Run(ctx, Command{Path: "/bin/bash", Args: []string{"-c", tlsScript, "siesta", strconv.Itoa(port)}}, 1<<10)
	if err != nil {
		return false, failure(op, err)
	}
	return strings.TrimSpace(string(result.Stdout)) == "tls", nil
}

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

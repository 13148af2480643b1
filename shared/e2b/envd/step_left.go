package envd

import (
	"context"
	_ "embed" // the script
	"slices"
	"strings"
)

//go:embed step_left.sh
var leftScript string

// Left is what a step has left behind, which its end does not tell.
type Left struct {
	Alone    bool // no process of the sandbox's user runs any more
	NoMemory bool // the kernel has ended one for lack of memory since the step began
}

// LeftByStep looks at what is left of a step. What cannot be told is false.
func (c *Client) LeftByStep(ctx context.Context, dir string) (Left, error) {
	out, err := c.script(ctx, "look for processes", leftScript, nil, 64, dir)
	if err != nil {
		return Left{}, err
	}
	words := strings.Fields(string(out))
	return Left{Alone: slices.Contains(words, "alone"), NoMemory: slices.Contains(words, "memory")}, nil
}

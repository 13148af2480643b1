package envd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

type ServerStep struct{ Epoch int }

func (s ServerStep) String() string {
	if s.Epoch > 0 {
		return fmt.Sprintf("start-%d", s.Epoch)
	}
	return "start"
}

func (c *Client) NewestServer(ctx context.Context, jobID string, createNo int) (ServerStep, bool, error) {
	names, err := c.List(ctx, path.Dir(StepDir(jobID, createNo, "")))
	if errors.Is(err, fs.ErrNotExist) {
		return ServerStep{}, false, nil
	}
	var s ServerStep
	found := false
	for _, n := range names {
		n, ok := strings.CutPrefix(n, strconv.Itoa(createNo)+"-start")
		if ok {
			found = true
			e, _ := strconv.Atoi(strings.TrimPrefix(n, "-"))
			s.Epoch = max(s.Epoch, e)
		}
	}
	return s, found, err
}

package envd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// ServerStep is one of the steps by which a job's server is started. Its zero value
// is the build's own start.
type ServerStep struct {
	Epoch int // the wake that started it; 0: the build
	Stage ServerStage
}

// ServerStage is how far a wake has gone to bring the server back. A later one comes
// only after the earlier ones have ended.
type ServerStage int

const (
	ServerStart   ServerStage = iota // the start command
	ServerInstall                    // it ended: the install command
	ServerAgain                      // that ended: the start command once more
)

// String is the step's name, as StepDir takes it.
func (s ServerStep) String() string {
	switch {
	case s.Stage == ServerInstall:
		return fmt.Sprintf("install-%d", s.Epoch)
	case s.Stage == ServerAgain:
		return fmt.Sprintf("start-%db", s.Epoch)
	case s.Epoch > 0:
		return fmt.Sprintf("start-%d", s.Epoch)
	default:
		return "start"
	}
}

var serverStepName = regexp.MustCompile(`^(start|install)-([1-9][0-9]{0,8})(b?)$`)

// ParseServerStep reads a step's name; false: it is none of a server's steps.
func ParseServerStep(name string) (ServerStep, bool) {
	if name == (ServerStep{}).String() {
		return ServerStep{}, true
	}
	m := serverStepName.FindStringSubmatch(name)
	if m == nil || m[1] == "install" && m[3] != "" {
		return ServerStep{}, false
	}
	s := ServerStep{}
	s.Epoch, _ = strconv.Atoi(m[2]) // digits only
	switch {
	case m[1] == "install":
		s.Stage = ServerInstall
	case m[3] != "":
		s.Stage = ServerAgain
	}
	return s, true
}

// Compare orders a job's steps as they are started, the earliest first.
func (s ServerStep) Compare(t ServerStep) int {
	return cmp.Or(cmp.Compare(s.Epoch, t.Epoch), cmp.Compare(s.Stage, t.Stage))
}

// Next is the step of a wake after s has ended; false: there is nothing more to
// try. installs: there is an install command.
func (s ServerStep) Next(epoch int, installs bool) (ServerStep, bool) {
	switch {
	case s.Stage == ServerInstall:
		return ServerStep{s.Epoch, ServerAgain}, true
	case s.Epoch < epoch:
		return ServerStep{epoch, ServerStart}, true
	case s.Stage == ServerStart && installs:
		return ServerStep{epoch, ServerInstall}, true
	default:
		return ServerStep{}, false
	}
}

// NewestServer is the step of a job's server that was started last; false: the job
// has never started one in this sandbox.
func (c *Client) NewestServer(ctx context.Context, jobID string, createNo int) (newest ServerStep, found bool, err error) {
	names, err := c.List(ctx, path.Dir(StepDir(jobID, createNo, "")))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ServerStep{}, false, fmt.Errorf("list steps: %w", err)
	}
	for _, name := range names {
		name, ours := strings.CutPrefix(name, strconv.Itoa(createNo)+"-")
		if s, ok := ParseServerStep(name); ours && ok && (!found || s.Compare(newest) > 0) {
			newest, found = s, true
		}
	}
	return newest, found, nil
}

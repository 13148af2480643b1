package sqs

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"siesta/shared/job"
)

// version is the one version of the messages that this code sends and takes.
const version = 1

// Bounds of SQS.
const (
	MaxBody       = 1 << 20           // bytes of a message, attributes included
	MaxDelay      = 900 * time.Second // before a sent message may be received
	MaxVisibility = 12 * time.Hour    // of a received message
)

// maxCount is the highest turn or epoch: a row has no room for more.
const maxCount = math.MaxInt32

// BuildMessage asks the build function for one turn on a job. With a Request it
// is an entry point of its own: the job is accepted first, for UserID; its Turn
// is 0.
type BuildMessage struct {
	Version int             `json:"version"` // set by SendBuild
	JobID   string          `json:"job_id"`
	Turn    int             `json:"turn"`
	UserID  string          `json:"user_id,omitempty"`
	Tier    job.Tier        `json:"tier,omitempty"`
	Request json.RawMessage `json:"request,omitempty"` // a job.Request, not yet validated
	Group   string          `json:"-"`                 // tenant of a fair queue, such as the user's id; "" for none
}

// PauseMessage asks the pause function to put a job's sandbox to sleep. It is
// about one epoch of it only.
type PauseMessage struct {
	Version      int       `json:"version"` // set by SendPause
	JobID        string    `json:"job_id"`
	SandboxID    string    `json:"sandbox_id"` // nobody here reads it; an older version dead-letters a message without it
	Epoch        int       `json:"epoch"`
	BuildVersion string    `json:"build_version"`
	BaseJobID    string    `json:"base_job_id,omitempty"`
	ReadyAt      time.Time `json:"ready_at,omitzero"`
}

// Pause is the message that puts the present epoch of a job's sandbox to sleep.
func Pause(j job.Job) PauseMessage {
	return PauseMessage{JobID: j.ID, SandboxID: j.SandboxID, Epoch: j.Epoch, BuildVersion: j.BuildVersion, BaseJobID: j.BaseJobID, ReadyAt: j.CompletedAt}
}

// Turn is the message that asks for the present turn of a job.
func Turn(j job.Job) BuildMessage {
	return BuildMessage{JobID: j.ID, Turn: j.Turn, Group: j.UserID}
}

// DecodeBuild reads the body of a build message. The error is job.ErrBadMessage
// with the reason in words. Fields that it does not know are passed over.
func DecodeBuild(body string) (BuildMessage, error) {
	var m BuildMessage
	if err := decode(body, &m); err != nil {
		return BuildMessage{}, err
	}
	if string(m.Request) == "null" {
		m.Request = nil
	}
	m.JobID = strings.ToLower(m.JobID)
	switch {
	case m.Version != version:
		return BuildMessage{}, bad("version is %d and must be %d", m.Version, version)
	case !job.IsID(m.JobID):
		return BuildMessage{}, bad("job_id must be a UUID")
	case m.Turn < 0 || m.Turn > maxCount:
		return BuildMessage{}, bad("turn must be from 0 to %d", maxCount)
	case m.Request != nil && m.Turn != 0:
		return BuildMessage{}, bad("turn is %d and must be 0 beside a request", m.Turn)
	case m.Request != nil && m.UserID == "":
		return BuildMessage{}, bad("user_id is required beside a request")
	case badName(m.UserID), badName(string(m.Tier)):
		return BuildMessage{}, bad("user_id and tier must be printable, and 256 bytes at most")
	}
	return m, nil
}

// DecodePause reads the body of a pause message, as DecodeBuild does.
func DecodePause(body string) (PauseMessage, error) {
	var m PauseMessage
	if err := decode(body, &m); err != nil {
		return PauseMessage{}, err
	}
	m.JobID = strings.ToLower(m.JobID)
	switch {
	case m.Version != version:
		return PauseMessage{}, bad("version is %d and must be %d", m.Version, version)
	case !job.IsID(m.JobID):
		return PauseMessage{}, bad("job_id must be a UUID")
	case m.Epoch < 0 || m.Epoch > maxCount:
		return PauseMessage{}, bad("epoch must be from 0 to %d", maxCount)
	}
	return m, nil
}

// jobOf returns the job that a message is about, "" if it names none. It is for
// log lines, so a message that cannot be decoded has one, too.
func jobOf(body string) string {
	var m struct {
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil || !job.IsID(strings.ToLower(m.JobID)) {
		return ""
	}
	return strings.ToLower(m.JobID)
}

func decode(body string, into any) error {
	if len(body) > MaxBody {
		return bad("it is larger than 1 MiB")
	}
	if !job.IsWholeText([]byte(body)) {
		return bad("its text is not whole: it must be UTF-8, without halves of surrogate pairs")
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return bad("it is not the JSON object that it should be")
	}
	return nil
}

// badName reports whether s is unfit to be a name: it goes into a column and
// into logs.
func badName(s string) bool {
	const maxName = 256
	return len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", job.ErrBadMessage, fmt.Sprintf(format, args...))
}

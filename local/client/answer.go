package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"siesta/shared/job"
)

// Answer is what came back.
type Answer struct {
	Method, Path string // of the call
	Sent         []byte // the call's body
	Code         int
	Header       http.Header
	Body         []byte
	RetryAfter   time.Duration // 0: there is none
	Took         time.Duration
	Told         Told
}

// Told is what the JSON of an answer says, whichever call it is of: what it does
// not mention is zero. A pointer is nil for null.
type Told struct {
	JobID            string           `json:"job_id"`
	Status           job.Status       `json:"status"` // of a resume or a cancel another word
	StageLabel       string           `json:"stage_label"`
	Framework        *string          `json:"framework"`
	Port             *int             `json:"port"`
	PreviewURL       *string          `json:"preview_url"`
	BuildVersion     *string          `json:"build_version"`
	ErrorMessage     *string          `json:"error_message"` // why the build failed
	SandboxState     job.SandboxState `json:"sandbox_state"`
	BaseJobID        *string          `json:"base_job_id"`
	MovedTo          *string          `json:"moved_to"`
	SandboxPaused    bool             `json:"sandbox_paused"`
	SandboxExpiresAt *string          `json:"sandbox_expires_at"`
	AwakeUntil       *string          `json:"awake_until"`
	Revision         int64            `json:"revision"`
	Paused           bool             `json:"paused"` // a snapshot's
	ShareURL         string           `json:"share_url"`

	Detail  Detail  `json:"detail"`   // why the call failed
	DebugID *string `json:"debug_id"` // of the failed build or call
}

// Detail says in words why a call failed; of a sandbox's failure it has a type,
// and says where it has moved.
type Detail struct {
	Message string `json:"message"`
	Type    string `json:"error_type"`
	MovedTo string `json:"moved_to"` // the version that has the sandbox
}

// UnmarshalJSON takes a text or an object.
func (d *Detail) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &d.Message)
	}
	type object Detail
	return json.Unmarshal(text, (*object)(d))
}

// Wanted makes an error of every answer that has none of these codes, as in
// client.Wanted(http.StatusOK)(c.Status(ctx, id)).
func Wanted(codes ...int) func(Answer, error) (Answer, error) {
	return func(a Answer, err error) (Answer, error) {
		if err == nil {
			err = a.want(codes...)
		}
		return a, err
	}
}

// want is an error unless the answer has one of these codes.
func (a Answer) want(codes ...int) error {
	if slices.Contains(codes, a.Code) {
		return nil
	}
	return fmt.Errorf("%s %s: %d %s: %s", a.Method, a.Path, a.Code, http.StatusText(a.Code), a.Body)
}

// Text is a text that may be null, which becomes "".
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package e2b

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"siesta/shared/secrets"
)

// State is what E2B says of a sandbox. A sandbox that is still pausing, or
// still being resumed, counts as paused.
type State string

// The two states that E2B tells.
const (
	Running State = "running"
	Paused  State = "paused"
)

// Sandbox is a sandbox as E2B describes it. Create and Connect tell its id,
// envd version and access token; List all but the token; Get all.
type Sandbox struct {
	ID          string
	EnvdVersion string
	AccessToken secrets.Text // for envd; derived from the id by E2B: it never changes
	Metadata    map[string]string
	State       State
	StartedAt   time.Time // start of the current run, not of the sandbox's life
	EndAt       time.Time // end of its time to live; when paused, of its last run
}

// Tagged reports whether it carries all of these tags, whatever else it does.
func (s Sandbox) Tagged(tags map[string]string) bool {
	for key, value := range tags {
		if got, ok := s.Metadata[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// Create says what sandbox to create.
type Create struct {
	Template string
	Timeout  time.Duration     // time to live, rounded up to seconds; at its end E2B pauses
	Metadata map[string]string // keys and values of [A-Za-z0-9_.-]

	// Key is of 1 to 255 of a-z and 0-9: where E2B keeps keys, a second call of
	// the same one makes no second sandbox, but gets the first one's answer, be
	// it an error or not. "" sends none.
	Key string
}

// Create creates a sandbox that E2B pauses at the end of its time, and that
// only we wake. ctx bounds the sending; the answer is waited for up to 80 s.
func (c *Client) Create(ctx context.Context, in Create) (Sandbox, error) {
	type autoResume struct {
		Enabled bool `json:"enabled"`
	}
	body := struct {
		TemplateID string            `json:"templateID"`
		Timeout    int               `json:"timeout"`
		Metadata   map[string]string `json:"metadata,omitempty"`
		AutoPause  bool              `json:"autoPause"`
		AutoResume autoResume        `json:"autoResume"`
		Secure     bool              `json:"secure,omitempty"`
	}{in.Template, seconds(in.Timeout), in.Metadata, true, autoResume{false}, c.config.Version == V1}
	if err := withTimeout(OpCreate, body.Timeout); err != nil {
		return Sandbox{}, err
	}
	if in.Key != "" && !isName(in.Key, mostKey) {
		return Sandbox{}, &Error{Op: OpCreate, Kind: ErrRefused, Cause: fmt.Errorf("%q is no idempotency key", shorten(in.Key, 80))}
	}
	ans, err := c.do(ctx, request{op: OpCreate, method: http.MethodPost, path: c.versioned("/sandboxes"), key: in.Key, body: body, success: []int{http.StatusCreated}})
	if err != nil {
		return Sandbox{}, err
	}
	return decodeSandbox(OpCreate, "", ans)
}

// Connect makes sure that a sandbox runs for at least timeout from now, rounded
// up to seconds; resumed reports whether it slept. It never shortens a running
// sandbox's time. ErrGuestHung: only Reboot brings it up. ctx bounds the
// sending; the answer is waited for up to 80 s.
func (c *Client) Connect(ctx context.Context, id string, timeout time.Duration) (s Sandbox, resumed bool, err error) {
	return c.connect(ctx, id, connect{Timeout: seconds(timeout)})
}

// Reboot is Connect, but a sandbox that sleeps boots from its disk: its files
// are there, less what was not yet on disk when it was paused; its processes and
// the environment that it was created with are gone. One that runs is left as it
// is, and resumed is false.
func (c *Client) Reboot(ctx context.Context, id string, timeout time.Duration) (s Sandbox, resumed bool, err error) {
	return c.connect(ctx, id, connect{Timeout: seconds(timeout), Memory: new(bool)})
}

// connect is the body of a connect call.
type connect struct {
	Timeout int   `json:"timeout"`
	Memory  *bool `json:"memory,omitempty"` // false: bring up its files alone
}

func (c *Client) connect(ctx context.Context, id string, body connect) (s Sandbox, resumed bool, err error) {
	path, err := sandboxPath(OpConnect, id, "/connect")
	if err != nil {
		return Sandbox{}, false, err
	}
	if err := withTimeout(OpConnect, body.Timeout); err != nil {
		return Sandbox{}, false, err
	}
	ans, err := c.do(ctx, request{op: OpConnect, method: http.MethodPost, path: c.versioned(path), body: body, success: []int{http.StatusOK, http.StatusCreated}})
	if err != nil {
		return Sandbox{}, false, err
	}
	s, err = decodeSandbox(OpConnect, id, ans)
	return s, ans.status == http.StatusCreated, err
}

// Pause puts a sandbox to sleep with its memory. nil is E2B's confirmation; of
// the errors only ErrPaused says that it sleeps. ctx bounds the
// sending; from then on nobody cancels, and the answer is waited for up to 80 s.
func (c *Client) Pause(ctx context.Context, id string) error {
	path, err := sandboxPath(OpPause, id, "/pause")
	if err != nil {
		return err
	}
	_, err = c.do(ctx, request{op: OpPause, method: http.MethodPost, path: path, body: struct{}{}, success: []int{http.StatusNoContent}})
	return err
}

// Kill ends a sandbox and deletes what a pause kept of it. ctx bounds the
// sending; the answer is waited for up to 80 s.
func (c *Client) Kill(ctx context.Context, id string) error {
	path, err := sandboxPath(OpKill, id, "")
	if err != nil {
		return err
	}
	_, err = c.do(ctx, request{op: OpKill, method: http.MethodDelete, path: path, success: []int{http.StatusNoContent}})
	return err
}

// Get describes a sandbox, with its access token.
func (c *Client) Get(ctx context.Context, id string) (Sandbox, error) {
	path, err := sandboxPath(OpGet, id, "")
	if err != nil {
		return Sandbox{}, err
	}
	ans, err := c.do(ctx, request{op: OpGet, method: http.MethodGet, path: path, success: []int{http.StatusOK}})
	if err != nil {
		return Sandbox{}, err
	}
	return decodeSandbox(OpGet, id, ans)
}

// versioned is the route of a call that has two generations.
func (c *Client) versioned(path string) string {
	if c.config.Version == V2 {
		return "/v2" + path
	}
	return path
}

func sandboxPath(op Op, id, call string) (string, error) {
	if !isName(id, mostID) {
		return "", &Error{Op: op, Kind: ErrRefused, Cause: fmt.Errorf("%q is no sandbox id", shorten(id, 80))}
	}
	return "/sandboxes/" + id + call, nil
}

// withTimeout refuses what E2B would take for an end at once, or for its own
// default.
func withTimeout(op Op, timeout int) error {
	if timeout > 0 {
		return nil
	}
	return &Error{Op: op, Kind: ErrRefused, Cause: errors.New("timeout must be above zero")}
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// wire is a sandbox in E2B's JSON.
type wire struct {
	SandboxID       string            `json:"sandboxID"`
	EnvdVersion     string            `json:"envdVersion"`
	EnvdAccessToken string            `json:"envdAccessToken"`
	Metadata        map[string]string `json:"metadata"`
	State           State             `json:"state"`
	StartedAt       time.Time         `json:"startedAt"`
	EndAt           time.Time         `json:"endAt"`
}

// sandbox checks the one thing that addresses are made of. Older services
// append a client's id to it.
func (w wire) sandbox() (Sandbox, error) {
	id, _, _ := strings.Cut(w.SandboxID, "-")
	s := Sandbox{id, w.EnvdVersion, secrets.NewText(w.EnvdAccessToken), w.Metadata, w.State, w.StartedAt, w.EndAt}
	if !isName(id, mostID) {
		return s, fmt.Errorf("answer has %q as sandbox id", shorten(w.SandboxID, 80))
	}
	return s, nil
}

func parseSandbox(body []byte) (Sandbox, error) {
	var w wire
	if err := json.Unmarshal(body, &w); err != nil {
		return Sandbox{}, err
	}
	return w.sandbox()
}

// decodeSandbox: the call took effect, but an answer that cannot be read, or that
// is about another sandbox than the one asked for, leaves open on what. asked is
// "" where no sandbox was named.
func decodeSandbox(op Op, asked string, ans response) (Sandbox, error) {
	s, err := parseSandbox(ans.body)
	if err == nil && asked != "" && s.ID != asked {
		err = fmt.Errorf("answer is about sandbox %s", s.ID)
	}
	if err != nil {
		return Sandbox{}, &Error{Op: op, Status: ans.status, Kind: ErrUnknown, Cause: err}
	}
	return s, nil
}

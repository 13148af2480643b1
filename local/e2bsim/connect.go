package e2bsim

import (
	"context"
	"net/http"
	"time"
)

type connectRequest struct {
	Timeout *int32 `json:"timeout"`
	Memory  *bool  `json:"memory"`
}

// waitRounds is how often connect waits for a transition of somebody else's.
const waitRounds = 3

func (s *Server) connect(ctx context.Context, c *call) answer {
	var req connectRequest
	if f := c.decode(&req, c.v2); f != nil {
		return f.answer()
	}
	timeout := timeoutV2
	switch {
	case req.Timeout != nil:
		timeout = time.Duration(*req.Timeout) * time.Second
	case !c.v2:
		return fail(http.StatusBadRequest, `validation error: property "timeout" is missing`).answer()
	}
	if timeout < 0 {
		return fail(http.StatusBadRequest, "validation error: timeout must be at least 0").answer()
	}
	if f := s.checkTimeout(timeout); f != nil {
		return f.answer()
	}
	w := wake{call: c, timeout: timeout, cold: req.Memory != nil && !*req.Memory, stale: c.fault.is(Stale), hollow: c.hollow()}
	b, status, f := s.bringUp(ctx, c.id, w)
	if f != nil {
		return f.answer()
	}
	d := s.describe(b)
	if c.fault.is(OtherID) {
		d.SandboxID = newID()
	}
	return ok(status, d)
}

// wake says how a sandbox is to be brought up.
type wake struct {
	call    *call
	timeout time.Duration
	cold    bool // boot it anew from its files
	stale   bool // from older files
	hollow  bool // only say so
}

// bringUp is connect: it extends a running sandbox and resumes a paused one,
// or joins whoever is about to. The status is 200 when it was running, 201
// when it was resumed.
func (s *Server) bringUp(ctx context.Context, id string, w wake) (*box, int, *failure) {
	for range waitRounds {
		s.mu.Lock()
		b := s.boxes[id]
		if b == nil || b.visible() == "" && b.state != StateKilling {
			s.mu.Unlock()
			return nil, 0, notFound(id)
		}
		switch b.state {
		case StateRunning:
			f := s.prolong(b, w)
			s.mu.Unlock()
			return b, http.StatusOK, f
		case StatePaused, StateResuming:
			if b.state == StatePaused && b.kept.hung && !w.cold {
				s.mu.Unlock()
				return nil, 0, snapshotHung()
			}
			if w.hollow {
				s.mu.Unlock()
				return b, http.StatusCreated, nil
			}
			op, joined := b.op, b.state == StateResuming
			if !joined {
				if f := s.slot(); f != nil {
					s.mu.Unlock()
					return nil, 0, f
				}
				op = s.beginResume(b, w)
			}
			s.mu.Unlock()
			if joined {
				s.calls.record(s, w.call, Waiting, 0)
			}
			f := op.wait(ctx)
			if f == nil && joined {
				s.mu.Lock()
				if b.state == StateRunning {
					f = s.prolong(b, w)
				}
				s.mu.Unlock()
			}
			return b, http.StatusCreated, f
		case StateKilling:
			s.mu.Unlock()
			return nil, 0, inTransition()
		default:
			op := b.op
			s.mu.Unlock()
			s.calls.record(s, w.call, Waiting, 0)
			if f := op.wait(ctx); f != nil {
				return nil, 0, f
			}
		}
	}
	return nil, 0, inTransition()
}

// prolong lets a running sandbox live for at least w.timeout more. The caller
// holds mu.
func (s *Server) prolong(b *box, w wake) *failure {
	if s.pastMaxRun(b) {
		return fail(http.StatusBadRequest, "Max instance length exceeded")
	}
	if !w.hollow && s.clock.Now().Add(w.timeout).After(b.end) {
		s.extend(b, w.timeout)
		s.note(b)
	}
	return nil
}

// beginResume brings a paused sandbox up. The caller holds mu.
func (s *Server) beginResume(b *box, w wake) *operation {
	return s.begin(b, StateResuming, func(*operation) *failure {
		s.sleep(s.closing, s.cfg.ResumeLatency)
		err := s.revive(b, w)
		if err != nil {
			s.killMachine(b)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.move(b, StatePaused)
			return &failure{Code: http.StatusInternalServerError, Message: "Failed to resume sandbox", ErrorCode: "internal_server_error"}
		}
		b.started = s.clock.Now()
		s.extend(b, w.timeout)
		s.move(b, StateRunning)
		return nil
	})
}

// revive thaws the machine, or starts a new one where none is left or an
// older state is wanted.
func (s *Server) revive(b *box, w wake) error {
	if w.cold || w.stale {
		s.killMachine(b)
		b.cold = b.cold || w.cold
	}
	if w.stale {
		if err := restore(b, b.newestCopy(b.pauses-1)); err != nil {
			return err
		}
	}
	if b.machine == nil {
		return s.start(b)
	}
	if err := b.machine.Thaw(); err != nil {
		return err
	}
	s.mu.Lock()
	b.run++
	s.mu.Unlock()
	return nil
}

func (s *Server) resume(ctx context.Context, c *call) answer {
	var req connectRequest
	if f := c.decode(&req, true); f != nil {
		return f.answer()
	}
	timeout := timeoutV1
	if req.Timeout != nil {
		timeout = time.Duration(*req.Timeout) * time.Second
	}
	if f := s.checkTimeout(timeout); f != nil {
		return f.answer()
	}
	s.mu.Lock()
	b := s.boxes[c.id]
	running := b != nil && b.state == StateRunning
	s.mu.Unlock()
	if running {
		return fail(http.StatusConflict, "Sandbox "+c.id+" is already running").answer()
	}
	cold := req.Memory != nil && !*req.Memory
	b, _, f := s.bringUp(ctx, c.id, wake{call: c, timeout: timeout, cold: cold, stale: c.fault.is(Stale), hollow: c.hollow()})
	if f != nil {
		return f.answer()
	}
	return ok(http.StatusCreated, s.describe(b))
}

// snapshotHung: the memory has a hung daemon in it, so it is of no use.
func snapshotHung() *failure {
	return &failure{Code: http.StatusConflict, ErrorCode: "sandbox_snapshot_guest_agent_unresponsive",
		Message: "The guest agent did not respond when the sandbox was paused; resume it with memory: false"}
}

func inTransition() *failure {
	return fail(http.StatusConflict, "Sandbox is in transition, try again later")
}

package e2bsim

import (
	"encoding/json"
	"net/http"
	"time"
)

// duration is a time.Duration that JSON writes as "1m30s".
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// wireFault is a Fault in JSON.
type wireFault struct {
	ID         int      `json:"id,omitempty"`
	Call       Kind     `json:"call"`
	Sandbox    string   `json:"sandbox,omitempty"`
	Nth        int      `json:"nth,omitempty"`
	Times      int      `json:"times,omitempty"`
	Action     Action   `json:"action"`
	Delay      duration `json:"delay,omitempty"`
	Lag        duration `json:"lag,omitempty"`
	Status     int      `json:"status,omitempty"`
	Message    string   `json:"message,omitempty"`
	RetryAfter int      `json:"retry_after,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"`

	ErrorCode   string `json:"error_code,omitempty"`
	ShouldRetry string `json:"should_retry,omitempty"`
}

func (f Fault) wire() wireFault {
	return wireFault{f.ID, f.Call, f.Sandbox, f.Nth, f.Times, f.Action, duration(f.Delay), duration(f.Lag), f.Status, f.Message, f.RetryAfter, f.Bytes, f.ErrorCode, f.ShouldRetry}
}

func (f wireFault) fault() Fault {
	return Fault{ID: f.ID, Call: f.Call, Sandbox: f.Sandbox, Nth: f.Nth, Times: f.Times, Action: f.Action, Delay: time.Duration(f.Delay),
		Lag: time.Duration(f.Lag), Status: f.Status, Message: f.Message, RetryAfter: f.RetryAfter, Bytes: f.Bytes,
		ErrorCode: f.ErrorCode, ShouldRetry: f.ShouldRetry}
}

// wirePlan is a Plan in JSON.
type wirePlan struct {
	MaxConcurrent int      `json:"max_concurrent"`
	MaxTimeout    duration `json:"max_timeout"`
	MaxRun        duration `json:"max_run"`
	RefusePause   bool     `json:"refuse_pause"`
}

// AdminHandler returns the simulator's own API, below /_sim/. It is for tests
// and demos: it asks for no key, and is for programs of this machine alone.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/sandboxes", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Sandboxes()) })
	mux.HandleFunc("GET /_sim/meter", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Meter()) })
	mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Calls()) })
	mux.HandleFunc("GET /_sim/clock", func(w http.ResponseWriter, _ *http.Request) { s.replyClock(w) })
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) { s.replyFaults(w) })
	mux.HandleFunc("GET /_sim/plan", func(w http.ResponseWriter, _ *http.Request) { s.replyPlan(w) })

	mux.HandleFunc("DELETE /_sim/sandboxes/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Vanish(r.Context(), r.PathValue("id")); err != nil {
			fail(http.StatusNotFound, err.Error()).answer().write(w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/clock/advance", func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			By duration `json:"by"`
		}
		if !read(w, r, &req) {
			return
		}
		if req.By < 0 {
			fail(http.StatusBadRequest, "the clock moves forward only").answer().write(w)
			return
		}
		if err := s.Advance(r.Context(), time.Duration(req.By)); err == nil {
			s.replyClock(w)
		}
	})
	mux.HandleFunc("POST /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var req wireFault
		if !read(w, r, &req) {
			return
		}
		id, err := s.AddFault(req.fault())
		if err != nil {
			fail(http.StatusBadRequest, err.Error()).answer().write(w)
			return
		}
		reply(w, map[string]int{"id": id})
	})
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /_sim/plan", func(w http.ResponseWriter, r *http.Request) {
		var req wirePlan
		if read(w, r, &req) {
			s.SetPlan(Plan{req.MaxConcurrent, time.Duration(req.MaxTimeout), time.Duration(req.MaxRun), req.RefusePause})
			s.replyPlan(w)
		}
	})
	return FromHere(mux)
}

func (s *Server) replyClock(w http.ResponseWriter) { reply(w, map[string]time.Time{"now": s.Now()}) }

func (s *Server) replyFaults(w http.ResponseWriter) {
	script := []wireFault{}
	for _, f := range s.Faults() {
		script = append(script, f.wire())
	}
	reply(w, script)
}

func (s *Server) replyPlan(w http.ResponseWriter) {
	p := s.Plan()
	reply(w, wirePlan{p.MaxConcurrent, duration(p.MaxTimeout), duration(p.MaxRun), p.RefusePause})
}

func reply(w http.ResponseWriter, body any) { ok(http.StatusOK, body).write(w) }

// read decodes a body that may hold no unknown fields, or answers 400.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		fail(http.StatusBadRequest, "read body: "+err.Error()).answer().write(w)
		return false
	}
	return true
}

package e2bsim

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// newSandbox is what create takes. What is not here is accepted and ignored.
type newSandbox struct {
	TemplateID      string            `json:"templateID"`
	Timeout         *int32            `json:"timeout"`
	Metadata        map[string]string `json:"metadata"`
	EnvVars         map[string]string `json:"envVars"`
	AutoPause       bool              `json:"autoPause"`
	AutoPauseMemory *bool             `json:"autoPauseMemory"`
	Secure          bool              `json:"secure"`
	AutoResume      struct {
		Enabled bool `json:"enabled"`
	} `json:"autoResume"`
}

// Default timeouts of the two generations of the API.
const (
	timeoutV1 = 15 * time.Second
	timeoutV2 = 300 * time.Second
)

func (s *Server) create(ctx context.Context, c *call) answer {
	var req newSandbox
	if f := c.decode(&req, false); f != nil {
		return f.answer()
	}
	b, f := s.newBox(&req, c.v2)
	if f != nil {
		return f.answer()
	}
	if c.hollow() {
		return ok(http.StatusCreated, s.describe(b))
	}
	s.mu.Lock()
	if f := s.slot(); f != nil {
		s.mu.Unlock()
		return f.answer()
	}
	s.boxes[b.id] = b
	op := s.begin(b, StateBooting, func(*operation) *failure { return s.boot(b) })
	s.mu.Unlock()
	if f := op.wait(ctx); f != nil {
		return f.answer()
	}
	return ok(http.StatusCreated, s.describe(b))
}

// newBox checks a create call and returns the sandbox that it asks for.
func (s *Server) newBox(req *newSandbox, v2 bool) (*box, *failure) {
	if req.TemplateID == "" {
		return nil, fail(http.StatusBadRequest, `validation error: property "templateID" is missing`)
	}
	alias, _, _ := strings.Cut(req.TemplateID, ":")
	alias = alias[strings.LastIndex(alias, "/")+1:]
	for _, known := range s.cfg.Templates {
		if alias == templateID(known) {
			alias = known
		}
	}
	if !slices.Contains(s.cfg.Templates, alias) {
		return nil, fail(http.StatusNotFound, "template '"+req.TemplateID+"' not found")
	}
	timeout := timeoutV1
	if v2 {
		timeout = timeoutV2
	}
	if req.Timeout != nil {
		timeout = time.Duration(*req.Timeout) * time.Second
	}
	if timeout <= 0 {
		return nil, fail(http.StatusBadRequest, "Timeout must be greater than 0")
	}
	if f := s.checkTimeout(timeout); f != nil {
		return nil, f
	}
	memory := req.AutoPauseMemory == nil || *req.AutoPauseMemory
	if !memory && (!req.AutoPause || req.AutoResume.Enabled) {
		return nil, fail(http.StatusBadRequest, "autoPauseMemory=false needs autoPause and excludes autoResume")
	}
	b := &box{id: newID(), templateID: templateID(alias), alias: alias, metadata: req.Metadata, env: req.EnvVars,
		autoPause: req.AutoPause, autoPauseMemory: memory, autoResume: req.AutoResume.Enabled,
		createTimeout: timeout, createdAt: s.clock.Now()}
	b.dir = filepath.Join(s.cfg.DataDir, b.id)
	if v2 || req.Secure {
		b.accessToken = s.token(b.id)
	}
	return b, nil
}

// boot starts a new sandbox's machine.
func (s *Server) boot(b *box) *failure {
	err := os.MkdirAll(b.dir, 0o755)
	if err == nil {
		err = s.start(b)
	}
	if err != nil {
		_ = os.RemoveAll(b.dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.move(b, StateGone)
		return &failure{Code: http.StatusInternalServerError, Message: "Failed to create sandbox", ErrorCode: "sandbox_create_failed"}
	}
	b.started = s.clock.Now()
	s.extend(b, b.createTimeout)
	s.move(b, StateRunning)
	return nil
}

// start gives b a machine on the files that are in its home.
func (s *Server) start(b *box) error {
	env := maps.Clone(s.cfg.BaseEnv)
	if env == nil {
		env = map[string]string{}
	}
	if !b.cold {
		maps.Copy(env, b.env)
	}
	m, err := s.cfg.Backend.Start(s.closing, Spec{ID: b.id, Home: b.home(), Env: env, AccessToken: b.accessToken})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.closing.Err(); err != nil { // Close has not seen this machine
		_ = m.Kill()
		return err
	}
	b.machine = m
	b.run++
	s.watch(b, m)
	return nil
}

// slot refuses when the plan allows no further sandbox. The caller holds mu.
func (s *Server) slot() *failure {
	busy := 0
	for _, b := range s.boxes {
		if b.state.busy() {
			busy++
		}
	}
	if limit := s.plan.MaxConcurrent; limit > 0 && busy >= limit {
		return concurrencyLimit(limit)
	}
	return nil
}

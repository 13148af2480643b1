package e2bsim

import (
	"context"
	"net/http"
	"time"

	"siesta/local/e2bsim/envd"
)

// described is a sandbox as create and connect answer it.
type described struct {
	TemplateID         string  `json:"templateID"`
	SandboxID          string  `json:"sandboxID"`
	Alias              string  `json:"alias"`
	ClientID           string  `json:"clientID"`
	EnvdVersion        string  `json:"envdVersion"`
	EnvdAccessToken    string  `json:"envdAccessToken,omitempty"`
	TrafficAccessToken *string `json:"trafficAccessToken"`
	Domain             *string `json:"domain"`
}

// listed is a sandbox as list answers it.
type listed struct {
	TemplateID   string            `json:"templateID"`
	Alias        string            `json:"alias"`
	SandboxID    string            `json:"sandboxID"`
	ClientID     string            `json:"clientID"`
	StartedAt    time.Time         `json:"startedAt"`
	EndAt        time.Time         `json:"endAt"`
	State        State             `json:"state"`
	CPUCount     int               `json:"cpuCount"`
	MemoryMB     int               `json:"memoryMB"`
	DiskSizeMB   int               `json:"diskSizeMB"`
	EnvdVersion  string            `json:"envdVersion"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	VolumeMounts []struct{}        `json:"volumeMounts"`
}

type lifecycle struct {
	AutoResume bool   `json:"autoResume"`
	OnTimeout  string `json:"onTimeout"`
}

// detailed is a sandbox as get answers it.
type detailed struct {
	listed
	EnvdAccessToken     string    `json:"envdAccessToken,omitempty"`
	Domain              *string   `json:"domain"`
	AllowInternetAccess bool      `json:"allowInternetAccess"`
	Lifecycle           lifecycle `json:"lifecycle"`

	// Of a sandbox whose pause has ended alone.
	PauseMode               string `json:"pauseMode,omitempty"` // full or filesystem
	EnvdUnresponsiveAtPause bool   `json:"envdUnresponsiveAtPause,omitempty"`
}

func (s *Server) get(_ context.Context, c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[c.id]
	if b == nil {
		return notFound(c.id).answer()
	}
	v := b.viewAt(s.clock.Now().Add(-c.lag()))
	if v.state == "" {
		return notFound(c.id).answer()
	}
	d := detailed{listed: s.listing(b, v), EnvdAccessToken: b.accessToken, Domain: s.domain(), AllowInternetAccess: true,
		Lifecycle: lifecycle{AutoResume: b.autoResume, OnTimeout: "kill"}}
	if b.autoPause {
		d.Lifecycle.OnTimeout = "pause"
	}
	if v.state == StatePaused && b.state == StatePaused {
		d.PauseMode, d.EnvdUnresponsiveAtPause = "full", b.kept.hung
		if b.kept.filesOnly {
			d.PauseMode = "filesystem"
		}
	}
	if c.fault.is(OtherID) {
		d.SandboxID = newID()
	}
	return ok(http.StatusOK, d)
}

func (s *Server) describe(b *box) described {
	return described{TemplateID: b.templateID, SandboxID: b.id, Alias: b.alias, ClientID: clientID,
		EnvdVersion: envd.Version, EnvdAccessToken: b.accessToken, Domain: s.domain()}
}

func (s *Server) listing(b *box, v view) listed {
	return listed{TemplateID: b.templateID, Alias: b.alias, SandboxID: b.id, ClientID: clientID,
		StartedAt: v.started, EndAt: v.end, State: v.state, CPUCount: s.cfg.Size.CPUs, MemoryMB: s.cfg.Size.MemoryMB,
		DiskSizeMB: s.cfg.Size.DiskMB, EnvdVersion: envd.Version, Metadata: b.metadata, VolumeMounts: []struct{}{}}
}

// domain is null on the hosted service, where clients know it.
func (s *Server) domain() *string {
	if s.cfg.Domain == defaultDomain {
		return nil
	}
	return &s.cfg.Domain
}

package e2bsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// record is what survives the simulator's own end: everything but processes.
type record struct {
	ID, TemplateID, Alias, AccessToken     string
	Metadata, Env                          map[string]string
	AutoPause, AutoPauseMemory, AutoResume bool
	CreateTimeout                          time.Duration
	CreatedAt, Started, End, PausedAt      time.Time
	Cold, Snapshot, FilesOnly, Hung        bool
	Copies                                 []snapshot
	Pauses                                 int
	Billed                                 time.Duration
}

const recordName = "sandbox.json"

// save writes b's record into its folder. The caller holds mu. If it cannot be
// written, this run goes on as before and the next one does not know the sandbox.
func (s *Server) save(b *box) {
	raw, err := json.Marshal(record{b.id, b.templateID, b.alias, b.accessToken, b.metadata, b.env, b.autoPause, b.autoPauseMemory, b.autoResume,
		b.createTimeout, b.createdAt, b.started, b.end, b.pausedAt, b.cold, b.snapshot, b.kept.filesOnly, b.kept.hung, b.copies, b.pauses, b.billed})
	if err == nil {
		_ = os.WriteFile(filepath.Join(b.dir, recordName), raw, 0o600)
	}
}

// load brings back the sandboxes of an earlier run, as after a power cut: what
// pauses on its own, or was paused, is paused; anything else is gone.
func (s *Server) load() error {
	folders, err := os.ReadDir(s.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	for _, folder := range folders {
		dir := filepath.Join(s.cfg.DataDir, folder.Name())
		raw, err := os.ReadFile(filepath.Join(dir, recordName))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var r record
		if err == nil {
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			return fmt.Errorf("load sandbox %s: %w", folder.Name(), err)
		}
		if !r.AutoPause && !r.Snapshot {
			_ = os.RemoveAll(dir)
			continue
		}
		b := &box{id: r.ID, templateID: r.TemplateID, alias: r.Alias, accessToken: r.AccessToken, metadata: r.Metadata, env: r.Env,
			autoPause: r.AutoPause, autoPauseMemory: r.AutoPauseMemory, autoResume: r.AutoResume, createTimeout: r.CreateTimeout,
			createdAt: r.CreatedAt, dir: dir, started: r.Started, end: r.End, pausedAt: r.PausedAt, cold: r.Cold, snapshot: true,
			kept: sleep{r.FilesOnly, r.Hung}, copies: r.Copies, pauses: r.Pauses, billed: r.Billed}
		s.boxes[b.id] = b
		s.move(b, StatePaused)
	}
	return nil
}

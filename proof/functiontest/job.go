package functiontest

import (
	"strings"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// sandboxTime is how long a sandbox lives if nobody prolongs it.
const sandboxTime = 30 * time.Minute

// Creating takes a queued job to where its first create call is on its way.
func (w *World) Creating(j job.Job) job.Job {
	w.T.Helper()
	j = w.Must(w.Rows.ClaimTurn(w.T.Context(), j.ID, 0))
	j = w.Must(w.Rows.Begin(w.T.Context(), j, job.Limits{}))
	return w.Must(w.Rows.RecordCreate(w.T.Context(), j))
}

// Create makes a sandbox with these tags and returns its id.
func (w *World) Create(tags map[string]string) string {
	w.T.Helper()
	s, err := w.Sandboxes.Create(w.T.Context(), e2b.Create{Template: "base", Timeout: sandboxTime, Metadata: tags})
	w.OK(err)
	return s.ID
}

// Building takes a queued job to scaffold, with its sandbox.
func (w *World) Building(j job.Job) job.Job {
	w.T.Helper()
	j = w.Creating(j)
	return w.Must(w.Rows.RecordSandbox(w.T.Context(), j, w.Create(job.Tags(Stack, j.ID, j.CreateNo)), sandboxTime))
}

// Checks takes a job from scaffold to its last step. That its sandbox carries the
// marker is recorded, but not so.
func (w *World) Checks(j job.Job) job.Job {
	w.T.Helper()
	if j.MarkerEpoch < j.Epoch {
		j = w.Must(w.Rows.RecordMarker(w.T.Context(), j.ID, j.Epoch))
	}
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = w.Must(w.Rows.Advance(w.T.Context(), j, j.Progress, next))
	}
	return j
}

// Ready is a READY job whose sandbox runs and is due for its pause after wait.
func (w *World) Ready(wait time.Duration) job.Job {
	w.T.Helper()
	j := w.Checks(w.Building(w.Accept(NewJob())))
	return w.Must(w.Rows.Ready(w.T.Context(), j, j.Progress, "https://3000-x.e2b.app", wait))
}

// Iterating is a job that has taken a version's sandbox, which runs, and may change its
// files.
func (w *World) Iterating(from job.Job) job.Job {
	w.T.Helper()
	ctx := w.T.Context()
	n := NewJob()
	n.Request.ProjectID, n.BaseJobID = from.ProjectID, from.ID
	j := w.Must(w.Rows.ClaimTurn(ctx, w.Accept(n).ID, 0))
	j = w.Must(w.Rows.Take(ctx, from, w.Must(w.Rows.Begin(ctx, j, job.Limits{}))))
	_, _, err := w.Sandboxes.Connect(ctx, j.SandboxID, sandboxTime)
	w.OK(err)
	j = w.Must(w.Rows.RecordConnected(ctx, j, sandboxTime))
	j = w.Must(w.Rows.RecordMarker(ctx, j.ID, j.Epoch))
	return w.Must(w.Rows.RecordKept(ctx, j, j.Progress, strings.Repeat("0", 64)))
}

// Pause puts a READY job to sleep.
func (w *World) Pause(j job.Job) job.Job {
	w.T.Helper()
	j = w.Must(w.Rows.TakePause(w.T.Context(), j.ID, j.Epoch))
	w.OK(w.Sandboxes.Pause(w.T.Context(), j.SandboxID))
	return w.Must(w.Rows.RecordPaused(w.T.Context(), j))
}

// Inside is the daemon of a job's sandbox, which must run.
func (w *World) Inside(j job.Job) *envd.Client {
	w.T.Helper()
	s, err := w.Sandboxes.Get(w.T.Context(), j.SandboxID)
	w.OK(err)
	return envd.Of(w.Sandboxes, s)
}

// Run runs a shell command in a job's sandbox and returns what it wrote.
func (w *World) Run(j job.Job, command string) string {
	w.T.Helper()
	result, err := w.Inside(j).Run(w.T.Context(), envd.Command{Path: "/bin/bash", Args: []string{"-c", command}}, 1<<16)
	w.OK(err)
	if result.ExitCode != 0 {
		w.T.Fatalf("%s: exit code %d: %s", command, result.ExitCode, result.Stderr)
	}
	return string(result.Stdout)
}

package model_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/sqssim"
	"siesta/proof/model"
	"siesta/shared/job"
)

// compare looks at everything that a user or an operator can see. What it finds
// as it should be the model takes over to the millisecond.
func (w *pair) compare() {
	w.compareSandboxes()
	for n, j := range w.model.Jobs {
		w.compareJob(n+1, j)
	}
	w.compareMessages()
}

// slack is what rounding to whole seconds may add.
const slack = 1200 * time.Millisecond

// near reports whether a moment is as expected: not before, and not later than
// the step took.
func (w *pair) near(got, from, to time.Time) bool {
	if got.IsZero() || from.IsZero() {
		return got.IsZero() == from.IsZero()
	}
	return !got.Before(from.Add(-slack)) && !got.After(to.Add(slack).Add(w.now().Sub(w.began)))
}

// in words a moment as people read it.
func (w *pair) in(at time.Time) string {
	if at.IsZero() {
		return "not set"
	}
	return fmt.Sprintf("in %.1f s", at.Sub(w.now()).Seconds())
}

func (w *pair) compareJob(n int, j *model.Job) {
	row, err := w.Store.Get(w.ctx, j.ID)
	if err != nil {
		w.must(err)
		return
	}
	same := func(what string, got, want any) {
		if got != want {
			w.differ("job %d: %s is %v, want %v", n, what, got, want)
		}
	}
	when := func(what string, got time.Time, want *time.Time) {
		if !w.near(got, *want, *want) {
			w.differ("job %d: %s is %s, want %s", n, what, w.in(got), w.in(*want))
		}
		*want = got
	}
	same("status", row.Status, j.Status)
	same("sandbox_state", row.SandboxState, j.State)
	same("sandbox_paused", row.SandboxPaused, j.State == job.SandboxPaused)
	same("epoch", row.Epoch, j.Epoch)
	same("marker_epoch", row.MarkerEpoch, j.Marker)
	same("turn", row.Turn, j.Turn)
	when("op_until", row.OpUntil, &j.Op)
	same("somebody waits for a wake", !row.WaiterUntil.IsZero(), false)
	when("pause_due_at", row.PauseDueAt, &j.Due)
	when("sandbox_expires_at", row.SandboxExpiresAt, &j.Expires)
	when("lease_until", row.LeaseUntil, &j.Lease)
	when("missing_since", row.MissingSince, &j.Missing)
	when("deadline_at", row.DeadlineAt, &j.Deadline)
	same("pause_error is set", row.PauseError != "", j.PauseRefused)
	same("error_message is set", row.ErrorMessage != "", j.Status == job.Failed && !j.Deleted)
	same("debug_id is set", row.DebugID != "", j.Status == job.Failed || !j.Failing.IsZero())
	same("preview_url is set", row.PreviewURL != "", j.Status == job.Ready && !j.Deleted)
	if j.Sandbox != nil {
		if j.Sandbox.ID == "" { // made and ended in one step, before it was seen
			j.Sandbox.ID = cmp.Or(row.SandboxID, "one of its own")
		}
		same("sandbox_id", row.SandboxID, j.Sandbox.ID)
	} else {
		same("sandbox_id", row.SandboxID, "")
	}
	w.compareIteration(same, when, row, j)
	if w.built == j {
		j.Revision = row.Revision
	}
	same("revision", row.Revision, j.Revision)
	if j.Deleted {
		same("its code or log may be stored", row.SourceKey != "", false)
		w.answers(model.Answer{Code: 404})(w.API().Status(w.ctx, j.ID))
		return
	}
	w.compareCache(same, row, j)
	w.compareStatus(same, row, j)
}

// compareIteration looks at what ties a version to others.
func (w *pair) compareIteration(same func(string, any, any), when func(string, time.Time, *time.Time), row job.Job, j *model.Job) {
	same("base_job_id", row.BaseJobID, id(j.Base))
	same("taken_from", row.TakenFrom, id(j.From))
	same("moved_to", row.MovedTo, id(j.To))
	same("kept_hash is set", row.KeptHash != "", j.Kept)
	same("failing is set", row.Failing != "", !j.Failing.IsZero() && !j.Deleted)
	same("deleted_at is set", !row.DeletedAt.IsZero(), j.Deleted)
	when("failing_at", row.FailingAt, &j.Failing)
	when("current_at", row.CurrentAt, &j.Current)
	when("gone_at", row.GoneAt, &j.Gone)
}

// id is that of a job, if there is one.
func id(j *model.Job) string {
	if j == nil {
		return ""
	}
	return j.ID
}

func (w *pair) compareCache(same func(string, any, any), row job.Job, j *model.Job) {
	cached, ok, err := w.Cache.Get(w.ctx, row.ID)
	w.must(err)
	same("it is cached", ok, true)
	same("cached revision", cached.Revision, row.Revision-j.Behind)
	same("cached status", cached.Status, row.Status)
	same("cached sandbox_state", cached.SandboxState, row.SandboxState)
	same("cached sandbox_paused", cached.SandboxPaused, row.SandboxPaused)
	same("cached sandbox_expires_at", cached.SandboxExpiresAt.Equal(row.SandboxExpiresAt), true)
	same("preview_url is cached", cached.PreviewURL != "", row.Status == job.Ready)
}

func (w *pair) compareStatus(same func(string, any, any), row job.Job, j *model.Job) {
	want := model.Answer{Code: 200, Says: string(j.Status)}
	if !j.Status.Terminal() {
		want.RetryAfter = 2
	}
	told := w.answers(want)(w.API().Status(w.ctx, j.ID))
	same("told sandbox_state", told.SandboxState, j.State)
	same("told sandbox_paused", told.SandboxPaused, j.State == job.SandboxPaused)
	same("told revision", told.Revision, row.Revision-j.Behind)
	same("preview_url is told", told.PreviewURL != nil, j.Status == job.Ready)
	same("sandbox_expires_at is told", told.SandboxExpiresAt != nil, j.Status == job.Ready && j.State == job.SandboxRunning && !j.Expires.IsZero())
	same("awake_until is told", told.AwakeUntil != nil, j.Status == job.Ready && (j.State == job.SandboxRunning || j.State == job.SandboxResuming))
	same("told moved_to", client.Text(told.MovedTo), id(j.To))
	same("told base_job_id", client.Text(told.BaseJobID), id(j.Base))
	same("error_message is told", told.ErrorMessage != nil, j.Status == job.Failed)
}

// compareSandboxes pairs what E2B has with what the model says it has.
func (w *pair) compareSandboxes() {
	var alive []e2bsim.Info
	for _, s := range w.E2B.Sandboxes() {
		if s.State != e2bsim.StateGone {
			alive = append(alive, s)
		}
	}
	if len(alive) != len(w.model.Sandboxes) {
		w.differ("E2B has %d sandboxes, want %d", len(alive), len(w.model.Sandboxes))
		return
	}
	for _, got := range alive {
		i := slices.IndexFunc(w.model.Sandboxes, func(s *model.Sandbox) bool { return s.ID == got.ID || s.ID == "" && w.made(s, got) })
		if i < 0 {
			w.differ("E2B has a sandbox with the tags %v that nobody should have made", got.Metadata)
			return
		}
		want := w.model.Sandboxes[i]
		want.ID = got.ID
		if running := got.State == e2bsim.StateRunning; running != want.Running || !running && got.State != e2bsim.StatePaused {
			w.differ("sandbox %d is %s, want running %v", i+1, got.State, want.Running)
		}
		if want.Running && (!w.near(got.EndAt, want.End, want.End) || !w.near(got.StartedAt, want.Started, want.Started)) {
			w.differ("sandbox %d ends %s, want %s", i+1, w.in(got.EndAt), w.in(want.End))
		}
		want.End, want.Started = got.EndAt, got.StartedAt
	}
}

// made reports whether a sandbox is the one that a call of the model's made.
func (w *pair) made(s *model.Sandbox, got e2bsim.Info) bool {
	id, no := got.Metadata[job.TagJob], got.Metadata[job.TagCreate]
	if s.Job == nil {
		return !slices.ContainsFunc(w.model.Jobs, func(j *model.Job) bool { return j.ID == id })
	}
	return s.Job.ID == id && no == fmt.Sprint(s.Create)
}

// compareMessages pairs what lies in the queues with what should.
func (w *pair) compareMessages() {
	wanted := slices.Clone(w.model.Messages)
	for _, queue := range slices.Sorted(maps.Keys(queues)) {
		for _, got := range w.SQS.Messages(queues[queue]) {
			i := slices.IndexFunc(wanted, func(m *model.Message) bool { return m.ID == got.ID })
			if i < 0 {
				i = slices.IndexFunc(wanted, func(m *model.Message) bool {
					return m.ID == "" && w.about(m, got) && m.Queue == queue && w.near(got.VisibleAt, m.Earliest, m.Latest)
				})
			}
			if i < 0 {
				w.differ("the %s queue holds, visible %s, %s: want none like it", queue, w.in(got.VisibleAt), got.Body)
				continue
			}
			want := wanted[i]
			wanted = slices.Delete(wanted, i, i+1)
			if want.Queue != queue || !w.about(want, got) || !w.near(got.VisibleAt, want.Earliest, want.Latest) || got.Receives != want.Receives {
				w.differ("the %s queue holds, received %d times, visible %s, %s: want number %d, received %d times, visible %s to %s",
					queue, got.Receives, w.in(got.VisibleAt), got.Body, want.Number, want.Receives, w.in(want.Earliest), w.in(want.Latest))
			}
			want.ID, want.Earliest, want.Latest = got.ID, got.VisibleAt, got.VisibleAt
		}
	}
	for _, m := range wanted {
		w.differ("the %s queue lacks a message of number %d, visible %s", m.Queue, m.Number, w.in(m.Earliest))
	}
}

// about reports whether a message is about the job, and the turn or epoch, of
// the model's.
func (w *pair) about(m *model.Message, got sqssim.Message) bool {
	var body struct {
		JobID string `json:"job_id"`
		Turn  int    `json:"turn"`
		Epoch int    `json:"epoch"`
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		return false
	}
	return body.JobID == m.Job.ID && max(body.Turn, body.Epoch) == m.Number
}

// Package crash kills the functions at every call that they make, one at a time,
// and finds out whether the promises still hold. It owns the scenarios in which
// that is tried, and how each of them must end. How a system is built, moved and
// broken is package world's.
package crash

import (
	"context"
	"fmt"
	"net/http"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/proof/world"
	"siesta/shared/job"
)

// Scenario brings a system to where a function is about to run, lets it run,
// and knows how it must end, whatever happens to the function on the way.
type Scenario struct {
	Name     string
	Function string // whose calls meet the faults
	Prepare  func(context.Context, *world.System) (id string, err error)
	Act      func(ctx context.Context, s *world.System, id string) error
	Again    bool                        // act once more after the fault, as an impatient user does
	End      func(job.Job) (want string) // what a job ends as: "" when it does; nil: ready and asleep
	Jobs     int                         // at most; 0: 1
	Env      map[string]string           // settings of the functions
	Rotate   bool                        // where time counts, each of its calls meets one fate, in turn
	Spare    bool                        // where time counts it is left out: another scenario makes the same calls
	Same     bool                        // versions that sleep in the end have the workspace that they had
}

// Scenarios are the ways through every function on which crashes are tried.
var Scenarios = append(append(visits, iterations...), []Scenario{
	{Name: "build", Function: "build", Prepare: world.Started, Act: deliver("build")},
	{Name: "build handed over", Function: "build", Prepare: crowded, Act: later, Rotate: true},
	{Name: "pause", Function: "pause", Prepare: world.Ready, Act: deliver("pause")},
	{Name: "resume", Function: "resume", Prepare: world.Asleep, Act: ask("resume")},
	{Name: "resume again", Function: "resume", Prepare: world.Asleep, Act: ask("resume"), Again: true, Rotate: true},
	{Name: "snapshot", Function: "snapshot", Prepare: world.Awake, Act: ask("snapshot"), Rotate: true},
	{Name: "cancel", Function: "cancel", Prepare: world.Halfway, Act: ask("cancel"), End: cancelled},
	{Name: "start", Function: "start", Prepare: nobody, Act: start, Rotate: true},
	{Name: "start again", Function: "start", Prepare: nobody, Act: start, Again: true, Rotate: true},
	{Name: "reconcile what is stuck", Function: "reconcile", Prepare: abandoned, Act: sweep, End: cancelled, Jobs: 3},
	{Name: "rebuild", Function: "versions", Prepare: world.Asleep, Act: ask("rebuild"), Again: true, Jobs: 2, Rotate: true},
	{Name: "rebuilt", Function: "build", Prepare: rebuilding, Act: later, Jobs: 2, Rotate: true},
	{Name: "restore", Function: "versions", Prepare: world.Asleep, Act: ask("restore"), Rotate: true},
	{Name: "delete", Function: "delete", Prepare: world.Asleep, Act: remove, End: removed, Rotate: true},
	{Name: "delete halfway", Function: "delete", Prepare: world.Halfway, Act: remove, End: removed, Rotate: true},
	{Name: "reconcile versions", Function: "reconcile", Prepare: surplus, Act: sweep, End: removed, Jobs: 3, Env: map[string]string{"KEEP_SANDBOXES": "1"}, Rotate: true},
	{Name: "reconcile what E2B did", Function: "reconcile", Prepare: surprised, Act: sweep, End: lost, Jobs: 2, Rotate: true},
}...)

// Run empties the system, prepares it, and lets the scenario meet fate at the
// k-th call of its function from then on. pristine is what world.System.Pristine
// returned. hit is what met it; nil when there
// were fewer calls. broken are the promises that do not hold in the end.
func (c Scenario) Run(ctx context.Context, s *world.System, k int, fate world.Fate, pristine string) (hit *world.Call, broken []string, err error) {
	if err := s.Empty(ctx); err != nil {
		return nil, nil, err
	}
	id, err := c.Prepare(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare %s: %w", c.Name, err)
	}
	at := &world.AtCall{Function: c.Function, K: k, Fate: fate}
	s.Judge(at)
	err = c.Act(ctx, s, id)
	s.Judge(nil)
	if err == nil && c.Again {
		err = c.Act(ctx, s, id)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("act %s: %w", c.Name, err)
	}
	if broken, err = s.Settle(ctx); err != nil || len(broken) > 0 {
		return at.Met(), broken, err
	}
	broken, err = c.ended(ctx, s, pristine)
	return at.Met(), broken, err
}

func (c Scenario) ended(ctx context.Context, s *world.System, pristine string) (broken []string, err error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	if len(jobs) > max(c.Jobs, 1) {
		broken = append(broken, fmt.Sprintf("there are %d jobs", len(jobs)))
	}
	end := c.End
	if end == nil {
		end = succeeded
	}
	for _, j := range jobs {
		if j.Kept() && !s.S3.Has("sources/"+j.SourceKey) {
			broken = append(broken, fmt.Sprintf("job %s says that its code is at %s, where nothing is", j.ID, j.SourceKey))
		}
		if !j.DeletedAt.IsZero() && s.S3.Has("logs/"+job.LogKey(j.UserID, j.ID)) {
			broken = append(broken, fmt.Sprintf("job %s is deleted, and its log is kept", j.ID))
		}
		if want := end(j); want != "" {
			broken = append(broken, fmt.Sprintf("job %s is %s (%s), sandbox %s: want %s", j.ID, j.Status, j.ErrorMessage, j.SandboxState, want))
		}
	}
	if c.Same && len(broken) == 0 {
		return same(ctx, s, jobs, pristine)
	}
	return broken, nil
}

func succeeded(j job.Job) string {
	if world.IsAsleep(j) {
		return ""
	}
	return "ready, asleep"
}

// cancelled: a call to cancel that never came through cancels nothing.
func cancelled(j job.Job) string {
	if j.Status == job.Failed && (j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone) || world.IsAsleep(j) {
		return ""
	}
	return "failed, gone"
}

// removed: what was deleted, or given up for a younger version, has no sandbox, and
// of what was deleted the code is gone, too. A call that never came through deletes
// nothing, and one that was cut may only have cancelled.
func removed(j job.Job) string {
	gone := j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone
	switch {
	case world.IsAsleep(j),
		gone && !j.DeletedAt.IsZero() && !j.Kept(),
		gone && j.DeletedAt.IsZero() && (j.Kept() || j.Status == job.Failed):
		return ""
	}
	return "asleep, or gone with its code, or to be built again from it"
}

// lost: what E2B lost, it has lost.
func lost(j job.Job) string {
	if j.Status == job.Ready && (j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxPaused) {
		return ""
	}
	return "ready, asleep or gone"
}

func nobody(context.Context, *world.System) (string, error) { return "", nil }

// crowded is a job whose first create E2B has no room for, so that it is handed
// over from turn to turn.
func crowded(ctx context.Context, s *world.System) (string, error) {
	if _, err := s.E2B.AddFault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached}); err != nil {
		return "", err
	}
	return world.Started(ctx, s)
}

// abandoned are three jobs that only reconcile helps: one whose build message is
// lost, one whose pause message is, and a cancelled one whose sandbox nobody
// killed.
func abandoned(ctx context.Context, s *world.System) (string, error) {
	failed, err := world.Halfway(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&world.AtCall{Function: "cancel", Part: "e2b", K: 1, Fate: world.Before})
	err = s.Ask(ctx, failed, "cancel")
	s.Judge(nil)
	if err != nil {
		return "", err
	}
	s.DropMessages()
	if _, err := world.Ready(ctx, s); err != nil {
		return "", err
	}
	if _, err := world.Started(ctx, s); err != nil {
		return "", err
	}
	s.DropMessages()
	return "", s.Pass(ctx, 2*world.Leap)
}

// rebuilding is a job that builds a version again, and has not begun.
func rebuilding(ctx context.Context, s *world.System) (string, error) {
	base, err := world.Asleep(ctx, s)
	if err != nil {
		return "", err
	}
	return base, s.Ask(ctx, base, "rebuild")
}

// surplus are two versions of a project that may keep the sandbox of one, and a
// version of another whose deletion was recorded and then cut.
func surplus(ctx context.Context, s *world.System) (string, error) {
	if _, err := rebuilding(ctx, s); err != nil {
		return "", err
	}
	for range 3 {
		if err := s.DeliverAll(ctx); err != nil {
			return "", err
		}
		if err := s.Pass(ctx, world.Leap); err != nil {
			return "", err
		}
	}
	deleted, err := world.Asleep(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&world.AtCall{Function: "delete", Part: "e2b", K: 1, Fate: world.Before})
	err = remove(ctx, s, deleted)
	s.Judge(nil)
	if err != nil {
		return "", err
	}
	return "", s.Pass(ctx, job.Grace+world.Leap)
}

// surprised are two jobs that sleep: E2B loses one's sandbox, and somebody
// outside wakes the other's. A third sandbox belongs to no job.
func surprised(ctx context.Context, s *world.System) (string, error) {
	first, err := world.Asleep(ctx, s)
	if err != nil {
		return "", err
	}
	second, err := world.Asleep(ctx, s)
	if err != nil {
		return "", err
	}
	if err := s.Pass(ctx, job.Grace+world.Leap); err != nil {
		return "", err
	}
	if err := s.Vanish(ctx, first); err != nil {
		return "", err
	}
	if err := s.WakeOutside(ctx, second); err != nil {
		return "", err
	}
	return "", s.CreateOutside(ctx)
}

func deliver(function string) func(context.Context, *world.System, string) error {
	return func(ctx context.Context, s *world.System, _ string) error {
		_, err := s.Deliver(ctx, function)
		return err
	}
}

// later delivers a job's turns, as their time comes.
func later(ctx context.Context, s *world.System, id string) error {
	for range 3 {
		if _, err := s.Deliver(ctx, "build"); err != nil {
			return err
		}
		if err := s.Pass(ctx, world.Leap); err != nil {
			return err
		}
	}
	return nil
}

func ask(verb client.Verb) func(context.Context, *world.System, string) error {
	return func(ctx context.Context, s *world.System, id string) error {
		return s.Ask(ctx, id, verb)
	}
}

func remove(ctx context.Context, s *world.System, id string) error {
	_, err := s.API().Call(ctx, http.MethodDelete, "/api/generation/"+id, nil, nil)
	return err
}

func start(ctx context.Context, s *world.System, _ string) error {
	_, err := s.API().Start(ctx, s.Request(), "once")
	return err
}

func sweep(ctx context.Context, s *world.System, _ string) error {
	_ = s.Sweep(ctx) // it may have died
	return nil
}

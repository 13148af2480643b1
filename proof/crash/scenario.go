package crash

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Scenario brings a system to where a function is about to run, lets it run,
// and knows how it must end, whatever happens to the function on the way.
type Scenario struct {
	Name     string
	Function string // whose calls meet the faults
	Prepare  func(context.Context, *System) (id string, err error)
	Act      func(ctx context.Context, s *System, id string) error
	Again    bool                        // act once more after the fault, as an impatient user does
	End      func(job.Job) (want string) // what a job ends as: "" when it does; nil: ready and asleep
	Jobs     int                         // at most; 0: 1
}

// Scenarios are the ways through every function on which crashes are tried.
var Scenarios = []Scenario{
	{Name: "build", Function: "build", Prepare: started, Act: deliver("build")},
	{Name: "build handed over", Function: "build", Prepare: crowded, Act: later},
	{Name: "pause", Function: "pause", Prepare: ready, Act: deliver("pause")},
	{Name: "resume", Function: "resume", Prepare: asleep, Act: post("resume")},
	{Name: "resume again", Function: "resume", Prepare: asleep, Act: post("resume"), Again: true},
	{Name: "snapshot", Function: "snapshot", Prepare: awake, Act: post("snapshot")},
	{Name: "cancel", Function: "cancel", Prepare: halfway, Act: post("cancel"), End: cancelled},
	{Name: "start", Function: "start", Prepare: nobody, Act: start},
	{Name: "start again", Function: "start", Prepare: nobody, Act: start, Again: true},
	{Name: "reconcile what is stuck", Function: "reconcile", Prepare: abandoned, Act: sweep, End: cancelled, Jobs: 3},
	{Name: "reconcile what E2B did", Function: "reconcile", Prepare: surprised, Act: sweep, End: lost, Jobs: 2},
}

// atCall gives the k-th call of a function its fate, of those to one part if
// that is named, and lets all others pass.
type atCall struct {
	function, part string
	k              int
	fate           Fate

	calls atomic.Int64
	met   atomic.Pointer[Call]
}

func (a *atCall) Admit(c Call) Fate {
	if c.Function != a.function || a.part != "" && c.Part != a.part || a.calls.Add(1) != int64(a.k) {
		return Pass
	}
	a.met.Store(&c)
	return a.fate
}

func (a *atCall) Answered(Call) {}

// Run empties the system, prepares it, and lets the scenario meet fate at the
// k-th call of its function from then on. hit is what met it; nil when there
// were fewer calls. broken are the promises that do not hold in the end.
func (c Scenario) Run(ctx context.Context, s *System, k int, fate Fate) (hit *Call, broken []string, err error) {
	if err := s.Empty(ctx); err != nil {
		return nil, nil, err
	}
	id, err := c.Prepare(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare %s: %w", c.Name, err)
	}
	at := &atCall{function: c.Function, k: k, fate: fate}
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
		return at.met.Load(), broken, err
	}
	broken, err = c.ended(ctx, s)
	return at.met.Load(), broken, err
}

func (c Scenario) ended(ctx context.Context, s *System) (broken []string, err error) {
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
		if want := end(j); want != "" {
			broken = append(broken, fmt.Sprintf("job %s is %s (%s), sandbox %s: want %s", j.ID, j.Status, j.ErrorMessage, j.SandboxState, want))
		}
	}
	return broken, nil
}

func succeeded(j job.Job) string {
	if j.Status == job.Ready && j.SandboxState == job.SandboxPaused {
		return ""
	}
	return "ready, asleep"
}

// cancelled: a call to cancel that never came through cancels nothing.
func cancelled(j job.Job) string {
	if j.Status == job.Failed && (j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxNone) || succeeded(j) == "" {
		return ""
	}
	return "failed, gone"
}

// lost: what E2B lost, it has lost.
func lost(j job.Job) string {
	if j.Status == job.Ready && (j.SandboxState == job.SandboxGone || j.SandboxState == job.SandboxPaused) {
		return ""
	}
	return "ready, asleep or gone"
}

// Request asks for a job whose app is this program.
func (s *System) Request() job.Request {
	none, command := "", fmt.Sprintf(`exec %s %s "$PORT"`, s.self, appName)
	return job.Request{
		ProjectID: job.NewID(), Goal: "a page",
		Source:   job.Source{Files: map[string]job.File{"index.html": {Content: []byte("hello")}}},
		Commands: job.Commands{Install: &none, Check: &none, Start: &command},
	}
}

func nobody(context.Context, *System) (string, error) { return "", nil }

func started(ctx context.Context, s *System) (string, error) {
	a, err := client.Wanted(http.StatusCreated)(s.API().Start(ctx, s.Request(), ""))
	return a.Told.JobID, err
}

// crowded is a job whose first create E2B has no room for, so that it is handed
// over from turn to turn.
func crowded(ctx context.Context, s *System) (string, error) {
	if _, err := s.E2B.AddFault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached}); err != nil {
		return "", err
	}
	return started(ctx, s)
}

func ready(ctx context.Context, s *System) (string, error) {
	id, err := started(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.reach(ctx, id, "build", func(j job.Job) bool { return j.Status == job.Ready })
}

func asleep(ctx context.Context, s *System) (string, error) {
	id, err := ready(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.reach(ctx, id, "pause", func(j job.Job) bool { return j.SandboxPaused })
}

func awake(ctx context.Context, s *System) (string, error) {
	id, err := sleeper(ctx, s)
	if err != nil {
		return "", err
	}
	return id, post("resume")(ctx, s, id)
}

// halfway is a job whose builder died when its sandbox had just been filled.
func halfway(ctx context.Context, s *System) (string, error) {
	id, err := started(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&atCall{function: "build", part: "sandbox", k: 3, fate: Before})
	defer s.Judge(nil)
	return id, s.DeliverAll(ctx)
}

// abandoned are three jobs that only reconcile helps: one whose build message is
// lost, one whose pause message is, and a cancelled one whose sandbox nobody
// killed.
func abandoned(ctx context.Context, s *System) (string, error) {
	failed, err := halfway(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&atCall{function: "cancel", part: "e2b", k: 1, fate: Before})
	err = post("cancel")(ctx, s, failed)
	s.Judge(nil)
	if err != nil {
		return "", err
	}
	s.dropMessages()
	if _, err := ready(ctx, s); err != nil {
		return "", err
	}
	if _, err := started(ctx, s); err != nil {
		return "", err
	}
	s.dropMessages()
	return "", s.Pass(ctx, 2*leap)
}

// surprised are two jobs that sleep: E2B loses one's sandbox, and somebody
// outside wakes the other's. A third sandbox belongs to no job.
func surprised(ctx context.Context, s *System) (string, error) {
	first, err := asleep(ctx, s)
	if err != nil {
		return "", err
	}
	second, err := asleep(ctx, s)
	if err != nil {
		return "", err
	}
	if err := s.Pass(ctx, job.Grace+leap); err != nil {
		return "", err
	}
	if err := s.vanish(ctx, first); err != nil {
		return "", err
	}
	if err := s.wakeOutside(ctx, second); err != nil {
		return "", err
	}
	return "", s.createOutside(ctx)
}

// reach delivers to a function until a job is as wanted; minutes pass.
func (s *System) reach(ctx context.Context, id, function string, wanted func(job.Job) bool) error {
	for range 10 {
		if _, err := s.Deliver(ctx, function); err != nil {
			return err
		}
		if j, err := s.store.Get(ctx, id); err != nil || wanted(j) {
			return err
		}
		if err := s.Pass(ctx, leap); err != nil {
			return err
		}
	}
	return fmt.Errorf("job %s does not get on", id)
}

func deliver(function string) func(context.Context, *System, string) error {
	return func(ctx context.Context, s *System, _ string) error {
		_, err := s.Deliver(ctx, function)
		return err
	}
}

// later delivers a job's turns, as their time comes.
func later(ctx context.Context, s *System, id string) error {
	for range 3 {
		if _, err := s.Deliver(ctx, "build"); err != nil {
			return err
		}
		if err := s.Pass(ctx, leap); err != nil {
			return err
		}
	}
	return nil
}

// post is a user's call about a job. What it answers is not looked at: it may
// have died.
func post(verb client.Verb) func(context.Context, *System, string) error {
	return func(ctx context.Context, s *System, id string) error {
		_, err := s.API().Do(ctx, id, verb)
		return err
	}
}

func start(ctx context.Context, s *System, _ string) error {
	_, err := s.API().Start(ctx, s.Request(), "once")
	return err
}

func sweep(ctx context.Context, s *System, _ string) error {
	_ = s.Sweep(ctx) // it may have died
	return nil
}

package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// Try plays one history that its seed decides, from an empty system until all
// has come to rest: a job is brought somewhere, then several act on it at the
// same time, for some rounds, with time in between. Of a thousand calls faults
// go wrong, and E2B has its own.
func (s *System) Try(ctx context.Context, seed uint64, faults int) (Told, error) {
	h := &history{System: s, random: rand.New(rand.NewPCG(seed, seed)), faults: faults}
	begin := pick(h.random, beginnings)
	if err := s.tidy(ctx, begin.ready); err != nil {
		return Told{}, err
	}
	h.preview = begin.ready || begin.name == "just ready"
	h.tell("begins " + begin.name)
	var err error
	if h.id, err = begin.prepare(ctx, s); err != nil {
		return h.told, fmt.Errorf("begin %s: %w", begin.name, err)
	}
	for range 1 + h.random.IntN(4) {
		if err := h.round(ctx); err != nil || len(h.told.Broken) > 0 {
			return h.told, err
		}
	}
	h.tell("comes to rest")
	if h.told.Broken, err = s.Settle(ctx); err != nil || len(h.told.Broken) > 0 {
		return h.told, err
	}
	h.told.Broken, err = h.ended(ctx)
	return h.told, err
}

// history is one that is being played.
type history struct {
	*System
	random    *rand.Rand
	faults    int // in a thousand calls
	id        string
	preview   bool // all that happens is about the preview, not the build
	cancelled bool
	idle      time.Duration // since all messages came
	told      Told

	mu       sync.Mutex
	received []delivery // every message that was received, to come again
}

func (h *history) remember(d delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.received = append(h.received, d)
}

// beginnings are where a history's job may be when it begins.
var beginnings = []struct {
	name    string
	ready   bool // a job that sleeps already will do
	prepare func(context.Context, *System) (string, error)
}{
	{"queued", false, started},
	{"half built, its builder dead", false, after(halfway, 2*time.Minute)},
	{"just ready", false, ready},
	{"asleep", true, sleeper},
	{"awake", true, awake},
	{"awake for long enough", true, after(awake, 11*time.Minute)},
	{"due", true, due},
	{"half asleep, its pause dying", true, after(halfAsleep, time.Minute)},
	{"half asleep, its pause dead", true, after(halfAsleep, 2*time.Minute+leap)},
	{"half awake, its resume dying", true, after(halfAwake, time.Minute)},
	{"half awake, its resume dead", true, after(halfAwake, 2*time.Minute+leap)},
}

// tidy makes an end of the history before, but for a job that sleeps, if that
// is of use.
func (s *System) tidy(ctx context.Context, useful bool) error {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return err
	}
	if useful && len(jobs) == 1 && succeeded(jobs[0]) == "" {
		s.forget()
		return nil
	}
	return s.Empty(ctx)
}

// sleeper is a job that sleeps, if need be a new one.
func sleeper(ctx context.Context, s *System) (string, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return "", err
	}
	if len(jobs) == 1 {
		return jobs[0].ID, nil
	}
	return asleep(ctx, s)
}

// due is a job whose preview is to be put to sleep now.
func due(ctx context.Context, s *System) (string, error) {
	id, err := awake(ctx, s)
	if err != nil {
		return "", err
	}
	return id, post("snapshot")(ctx, s, id)
}

// after lets time pass after a beginning.
func after(prepare func(context.Context, *System) (string, error), d time.Duration) func(context.Context, *System) (string, error) {
	return func(ctx context.Context, s *System) (string, error) {
		id, err := prepare(ctx, s)
		if err != nil {
			return "", err
		}
		return id, s.Pass(ctx, d)
	}
}

// halfAsleep is a job whose pause died before its call to E2B.
func halfAsleep(ctx context.Context, s *System) (string, error) {
	id, err := due(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&atCall{function: "pause", part: "e2b", k: 1, fate: Before})
	defer s.Judge(nil)
	_, err = s.Deliver(ctx, "pause")
	return id, err
}

// halfAwake is a job whose resume died when E2B had done its part.
func halfAwake(ctx context.Context, s *System) (string, error) {
	id, err := sleeper(ctx, s)
	if err != nil {
		return "", err
	}
	s.Judge(&atCall{function: "resume", part: "e2b", k: 1, fate: After})
	defer s.Judge(nil)
	return id, post("resume")(ctx, s, id)
}

// rests are the times that may pass between two rounds, and moments those within
// one: together no more than a call may take.
var (
	rests   = []time.Duration{0, 0, 5 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, outage}
	moments = []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}
)

// round lets some act at the same time, and time pass.
func (h *history) round(ctx context.Context) error {
	for h.faults > 0 && h.random.IntN(3) == 0 {
		if err := h.breakE2B(); err != nil {
			return err
		}
	}
	actors := []Actor{h.actor(), h.actor()}
	if h.random.IntN(2) == 0 {
		actors = append(actors, h.actor())
	}
	for range h.random.IntN(3) {
		d := pick(h.random, moments)
		actors = append(actors, Actor{Name: d.String() + " pass", Do: func(ctx context.Context) error { return h.Pass(ctx, d) }})
	}
	told, err := h.Race(ctx, h.random.Uint64(), h.faults, actors...)
	h.told.History = append(h.told.History, told.History...)
	h.told.Faults += told.Faults
	h.told.Broken = told.Broken
	h.excuse(told.Faults)
	if err != nil || len(told.Broken) > 0 {
		return err
	}
	d, err := h.rest(ctx)
	if err != nil {
		return err
	}
	h.tell(d.String() + " pass")
	if err := h.Pass(ctx, d); err != nil {
		return err
	}
	if h.idle += d; h.idle < outage {
		return nil
	}
	h.tell("all messages come, and reconcile runs")
	h.allowed += h.idle // what was due then is late already, and its pause may fail once more
	h.idle = 0
	return errors.Join(h.DeliverAll(ctx), h.Sweep(ctx), h.DeliverAll(ctx))
}

// outage is how long nobody does anything at the most. Much longer, and E2B
// ends what nobody has put to sleep.
const outage = 8 * time.Minute

// rest is a time to pass: any, or one that ends just before or after something
// runs out.
func (h *history) rest(ctx context.Context) (time.Duration, error) {
	if h.random.IntN(2) == 0 {
		return pick(h.random, rests), nil
	}
	j, err := h.store.Get(ctx, h.id)
	if err != nil {
		return 0, err
	}
	ends := []time.Duration{0}
	for _, at := range []time.Time{j.OpUntil, j.PauseDueAt, j.LeaseUntil} {
		ends = append(ends, at.Sub(j.ReadAt))
	}
	for _, queue := range []string{"BuildQueue", "PauseQueue"} {
		for _, m := range h.SQS.Messages(queue) {
			ends = append(ends, m.VisibleAt.Sub(h.SQS.Now()))
		}
	}
	margin := pick(h.random, []time.Duration{-20 * time.Second, -5 * time.Second, time.Second})
	d := pick(h.random, ends) + margin
	return min(max(d, 0), outage+time.Minute).Truncate(time.Second), nil
}

// excuse lets sandboxes run on for longer: each fault may cost what one does.
func (h *history) excuse(faults int) { h.allowed += time.Duration(faults) * Overrun }

func (h *history) tell(what string) { h.told.History = append(h.told.History, what) }

// actor is somebody who may have something to do now.
func (h *history) actor() Actor {
	var actors []Actor
	add := func(times int, a Actor) {
		for range times {
			actors = append(actors, a)
		}
	}
	for _, function := range []string{"build", "pause"} {
		if h.SQS.Stats(queueOf[function]).Visible > 0 {
			add(4, h.delivery(function))
		}
	}
	if len(h.received) > 0 {
		d := pick(h.random, h.received)
		add(2, Actor{Name: "duplicate", Function: d.function, Do: func(ctx context.Context) error { return h.invoke(ctx, d) }})
	}
	if h.preview {
		add(4, h.user("resume"))
	}
	add(1, h.user("resume"))
	add(1, h.user("snapshot"))
	add(1, Actor{Name: "schedule", Function: "reconcile", Do: func(ctx context.Context) error { return sweep(ctx, h.System, "") }})
	switch n := h.random.IntN(30); {
	case n == 0:
		h.timedOut = true
		return Actor{Name: "E2B's time is up", Do: func(ctx context.Context) error { return h.E2B.Advance(ctx, time.Hour) }}
	case n == 1 && !h.preview:
		h.cancelled = true
		return h.user("cancel")
	}
	return pick(h.random, actors)
}

func (h *history) user(verb string) Actor {
	return Actor{Name: "user", Function: verb, Do: func(ctx context.Context) error {
		h.shared()
		return post(client.Verb(verb))(ctx, h.System, h.id)
	}}
}

// shared lets sandboxes run on for longer: a wake may be shared, and the last
// one die.
func (h *history) shared() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.allowed += job.OpTime
}

// moods are the faults of E2B's that cost nobody a sandbox.
var moods = []e2bsim.Fault{
	{Call: e2bsim.Create, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Create, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Create, Action: e2bsim.RateLimited}, {Call: e2bsim.Create, Action: e2bsim.ErrorAnswer},
	{Call: e2bsim.Connect, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Connect, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Connect, Action: e2bsim.LimitReached}, {Call: e2bsim.Connect, Action: e2bsim.ErrorAnswer},
	{Call: e2bsim.Pause, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Pause, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.Pause, Action: e2bsim.ErrorAnswer}, {Call: e2bsim.Pause, Action: e2bsim.RateLimited},
	{Call: e2bsim.Kill, Action: e2bsim.GatewayTimeout}, {Call: e2bsim.Kill, Action: e2bsim.TimeoutAfter},
	{Call: e2bsim.List, Action: e2bsim.ErrorAnswer}, {Call: e2bsim.Get, Action: e2bsim.ErrorAnswer},
	{Call: e2bsim.List, Action: e2bsim.Lag, Lag: 4 * time.Minute, Times: 5}, {Call: e2bsim.Get, Action: e2bsim.Lag, Lag: 4 * time.Minute, Times: 5},
	{Call: e2bsim.StartProcess, Action: e2bsim.AnswerLost}, {Call: e2bsim.Files, Action: e2bsim.GatewayTimeout},
}

func (h *history) breakE2B() error {
	f := pick(h.random, moods)
	f.Nth = 1 + h.random.IntN(2)
	h.tell(fmt.Sprintf("E2B: %s of call %d to %s", f.Action, f.Nth, f.Call))
	h.told.Faults++
	h.excuse(1)
	_, err := h.E2B.AddFault(f)
	return err
}

// delivery is a message on its way to a function.
type delivery struct {
	function string
	event    events.SQSEvent
}

var queueOf = map[string]string{"build": "BuildQueue", "pause": "PauseQueue"}

// delivery delivers what a queue has now; that is noted, so that it can come
// again later.
func (h *history) delivery(function string) Actor {
	return Actor{Name: "message", Function: function, Do: func(ctx context.Context) error {
		messages, err := h.SQS.Queue(queueOf[function]).Receive(ctx, 1, 0)
		if err != nil || len(messages) == 0 {
			return err
		}
		d := delivery{function, events.SQSEvent{Records: messages}}
		h.remember(d)
		return h.invoke(ctx, d)
	}}
}

// invoke gives a function a message, which is deleted if it was handled.
func (h *history) invoke(ctx context.Context, d delivery) error {
	payload, err := json.Marshal(d.event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	answer, failed, err := h.Invoke(ctx, d.function, payload)
	if err != nil || failed != "" {
		return err
	}
	var response events.SQSEventResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("decode answer of %s: %w", d.function, err)
	}
	if len(response.BatchItemFailures) > 0 {
		return nil
	}
	return h.SQS.Queue(queueOf[d.function]).Delete(ctx, []string{d.event.Records[0].ReceiptHandle})
}

// ended tells what is not as it must be in the end: nobody but a user ends a
// job, and nothing of it is lost.
func (h *history) ended(ctx context.Context) ([]string, error) {
	j, err := h.store.Get(ctx, h.id)
	if err != nil {
		return nil, err
	}
	if want := succeeded(j); want != "" && !(h.cancelled && j.Status == job.Failed) {
		return []string{fmt.Sprintf("job %s is %s (%s), sandbox %s: want %s", j.ID, j.Status, j.ErrorMessage, j.SandboxState, want)}, nil
	}
	return nil, nil
}

// Patient are settings under which no job's time is up within a history.
var Patient = map[string]string{"BUILD_DEADLINE_SECONDS": "86400"}

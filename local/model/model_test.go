package model_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siesta/local/crash"
	"siesta/local/e2bsim"
	"siesta/local/model"
	"siesta/shared/e2b"
	"siesta/shared/job"
)

const root = "../.."

var bin string

func TestMain(m *testing.M) {
	crash.Init()
	// The command line wins: -rapid.checks=2000 plays that many histories, and
	// -rapid.seed one of them again.
	for name, value := range map[string]string{"rapid.checks": "40", "rapid.steps": "30", "rapid.nofailfile": "true", "rapid.shrinktime": "2m"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if bin, err = os.MkdirTemp("", "siesta-model-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(bin)
	if err := crash.Build(context.Background(), root, bin); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func start(t *testing.T) *system {
	t.Helper()
	dir, err := os.MkdirTemp("", "siesta-model-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // sandboxes run under users of their own
		t.Fatal(err)
	}
	c, err := crash.Start(t.Context(), crash.Config{Root: root, BinDir: bin, DataDir: filepath.Join(dir, "data"), Env: map[string]string{
		"PAUSE_AFTER_SECONDS": fmt.Sprint(model.PauseAfter.Seconds()), "WAKE_SECONDS": fmt.Sprint(model.Wake.Seconds()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
		_ = os.RemoveAll(dir)
	})
	s, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// TestTheSystemDoesWhatTheModelSays plays random histories, one step at a time,
// on the system and on the model. A failure tells the shortest history that was
// found, and the seed that plays it again.
func TestTheSystemDoesWhatTheModelSays(t *testing.T) {
	s := start(t)
	rapid.Check(t, func(r *rapid.T) {
		if err := s.Empty(t.Context()); err != nil {
			r.Fatal(err)
		}
		w := &world{system: s, ctx: t.Context(), model: &model.Model{}}
		w.model.Now, w.began = w.now(), w.now()
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				w.compare()
				if w.wrong != "" {
					r.Fatalf("the history:\n  %s\nthe difference:\n  %s", strings.Join(w.history, "\n  "), w.wrong)
				}
			},
			"start":             w.start,
			"deliver a turn":    func(r *rapid.T) { w.deliver(r, "build") },
			"deliver a pause":   func(r *rapid.T) { w.deliver(r, "pause") },
			"deliver once more": w.duplicate,
			"resume":            func(r *rapid.T) { w.ask(r, "resume", w.model.Resume) },
			"snapshot":          func(r *rapid.T) { w.ask(r, "snapshot", w.model.Snapshot) },
			"cancel":            func(r *rapid.T) { w.ask(r, "cancel", w.model.Cancel) },
			"reconcile":         w.reconcile,
			"time passes":       w.pass,
			"time passes until": w.passUntil,
			"E2B breaks":        w.breakE2B,
			"somebody wakes":    w.wakeOutside,
			"E2B loses":         w.lose,
			"somebody creates":  w.createOutside,
		})
	})
}

func (w *world) start(r *rapid.T) {
	if len(w.model.Jobs) == 2 {
		r.Skip("two jobs are enough")
	}
	w.begin("start")
	j, want := w.model.Start()
	j.ID, _ = w.request(http.MethodPost, "/api/generation/start", w.Request(), want)["job_id"].(string)
}

func (w *world) deliver(r *rapid.T, queue string) {
	w.clear(0)
	if w.SQS.Stats(queues[queue]).Visible == 0 {
		r.Skip("nothing to deliver")
	}
	w.begin("the next message of the %s queue comes", queue)
	if d, ok := w.receive(queue); ok {
		w.handle(d)
	}
}

func (w *world) duplicate(r *rapid.T) {
	if len(w.received) == 0 {
		r.Skip("no message came yet")
	}
	n := rapid.IntRange(0, len(w.received)-1).Draw(r, "message")
	w.begin("message %d comes once more", n+1)
	w.handle(w.received[n])
}

// one picks a job.
func (w *world) one(r *rapid.T) (int, *model.Job) {
	if len(w.model.Jobs) == 0 {
		r.Skip("no job")
	}
	n := rapid.IntRange(0, len(w.model.Jobs)-1).Draw(r, "job")
	return n + 1, w.model.Jobs[n]
}

func (w *world) ask(r *rapid.T, verb string, predict func(*model.Job) model.Answer) {
	n, j := w.one(r)
	w.begin("%s job %d", verb, n)
	want := predict(j)
	w.tell("  which answers %+v", want)
	w.request(http.MethodPost, path(j, verb), nil, want)
}

func (w *world) reconcile(*rapid.T) {
	w.begin("reconcile")
	w.must(w.Sweep(w.ctx))
	w.model.Reconcile()
}

func (w *world) pass(r *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 900).Draw(r, "seconds")) * time.Second
	w.clear(d)
	w.begin("%s pass", d)
}

func (w *world) passUntil(r *rapid.T) {
	edges := w.model.Edges()
	if len(edges) == 0 {
		r.Skip("nothing ahead")
	}
	n := rapid.IntRange(0, len(edges)-1).Draw(r, "edge")
	d := max(edges[n].Sub(w.now())+time.Second, 0).Round(time.Second)
	w.clear(d)
	w.begin("%s pass, over an edge", d)
}

// oneOfE2B picks a sandbox.
func (w *world) oneOfE2B(r *rapid.T) (int, *model.Sandbox) {
	if len(w.model.Sandboxes) == 0 {
		r.Skip("no sandbox")
	}
	n := rapid.IntRange(0, len(w.model.Sandboxes)-1).Draw(r, "sandbox")
	return n + 1, w.model.Sandboxes[n]
}

var faults = model.AllFaults()

func (w *world) breakE2B(r *rapid.T) {
	f := faults[rapid.IntRange(0, len(faults)-1).Draw(r, "fault")]
	whose := ""
	if f.Call != e2bsim.Create && f.Call != e2bsim.List {
		n, s := w.oneOfE2B(r)
		f.Sandbox, whose = s.ID, fmt.Sprintf(" of sandbox %d", n)
	}
	if w.armed(f.Call, f.Sandbox) {
		r.Skip("it breaks already")
	}
	w.begin("E2B: %s at the next %s%s", f.Name, f.Call, whose)
	_, err := w.E2B.AddFault(f.Fault)
	w.must(err)
	w.model.Faults = append(w.model.Faults, f)
}

func (w *world) armed(call e2bsim.Kind, sandbox string) bool {
	for _, f := range w.model.Faults {
		if f.Call == call && f.Sandbox == sandbox {
			return true
		}
	}
	return false
}

func (w *world) wakeOutside(r *rapid.T) {
	n, s := w.oneOfE2B(r)
	if w.armed(e2bsim.Connect, s.ID) {
		r.Skip("the fault is for us")
	}
	w.begin("somebody outside wakes sandbox %d", n)
	_, _, err := w.somebody.Connect(w.ctx, s.ID, time.Hour)
	w.must(err)
	w.model.Wake(s, time.Hour)
}

func (w *world) lose(r *rapid.T) {
	n, s := w.oneOfE2B(r)
	w.begin("E2B loses sandbox %d", n)
	w.must(w.E2B.Vanish(w.ctx, s.ID))
	w.model.Lose(s)
}

func (w *world) createOutside(r *rapid.T) {
	if w.armed(e2bsim.Create, "") {
		r.Skip("the fault is for us")
	}
	w.begin("somebody outside creates a sandbox with our tag")
	_, err := w.somebody.Create(w.ctx, e2b.Create{Template: "base", Timeout: time.Hour, Metadata: job.Tags(w.StackTag, job.NewID(), 1)})
	w.must(err)
	w.model.Sandboxes = append(w.model.Sandboxes, &model.Sandbox{Running: true, Started: w.model.Now, End: w.model.Now.Add(time.Hour)})
}

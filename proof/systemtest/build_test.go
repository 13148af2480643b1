package systemtest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/local/stack"
	"siesta/shared/job"
)

// TestReadyAndPaused follows one job by everything that is told about it, with
// E2B held in the middle of the pause: READY and what belongs to it appear in
// one step, and nobody calls the sandbox paused before E2B does.
func TestReadyAndPaused(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	asked := make(chan struct{})
	s.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.Pause && c.Phase == e2bsim.Received {
			close(asked)
			<-held
		}
	})
	id := job.NewID()
	stop := s.follow(u, id)
	u.enqueue(id, page("hello"))

	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("E2B was not asked to pause the sandbox")
	}
	j := s.row(id)
	if got := u.status(id); got.Status != job.Ready || got.SandboxPaused || got.SandboxState != job.SandboxPausing || j.SandboxPaused {
		t.Errorf("while E2B pauses the status says %+v", got)
	}
	if hash := s.hash(id); hash["sandbox_paused"] != "false" || hash["status"] != "ready" {
		t.Errorf("while E2B pauses the cache says %v", hash)
	}
	release()
	s.until("paused in all three places", func() bool {
		return s.row(id).SandboxPaused && s.hash(id)["sandbox_paused"] == "true" && u.status(id).SandboxPaused
	})
	stages := stop()
	want := "queued starting scaffold code deps checks ready"
	if got := strings.Join(stages, " "); got != want {
		t.Errorf("subscribers were told the stages %q, want %q", got, want)
	}
	got := u.status(id)
	if *got.BuildVersion != "build_v0_1" || *got.PreviewURL != j.PreviewURL || got.SandboxExpiresAt != nil || got.ErrorMessage != nil {
		t.Errorf("the status of a sleeping job says %+v", got)
	}
	if code, body := s.visit(j.PreviewURL); code != http.StatusBadGateway || strings.Contains(body, "hello") {
		t.Errorf("a sleeping preview answered %d %q", code, body)
	}
	checkPromises(t, s)
}

// follow looks at a job in the cache and by the API at each event of it, until
// stop is called, which returns the stages that the events told.
func (s *system) follow(u user, id string) (stop func() []string) {
	s.t.Helper()
	subscription := s.redis.Subscribe(s.t.Context(), "job:"+id+":events")
	if _, err := subscription.Receive(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	var stages []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range subscription.Channel() {
			hash := s.hash(id)
			if stage := hash["status"]; strings.Contains(event.Payload, `"build.stage.started"`) {
				stages = append(stages, between(event.Payload, `"status":"`, `"`))
			} else if stage == "" {
				s.t.Errorf("an event came without the hash: %s", event.Payload)
			}
			s.whole("the cache", hash["status"], hash["preview_url"], hash["sandbox_id"], hash["build_version"])
			if reply := u.ask(id); reply.code == http.StatusOK {
				told := reply.answer()
				s.whole("the status", string(told.Status), client.Text(told.PreviewURL), client.Text(told.BuildVersion))
			}
		}
	}()
	return func() []string {
		_ = subscription.Close()
		<-done
		return stages
	}
}

// whole checks that a READY job shows all of its fields, and another none.
func (s *system) whole(where, status string, fields ...string) {
	for _, field := range fields {
		if (status == string(job.Ready)) != (field != "") {
			s.t.Errorf("%s shows a job that is %q with %q", where, status, fields)
			return
		}
	}
}

func between(s, before, after string) string {
	_, rest, _ := strings.Cut(s, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

// TestTwoAppsOnOnePort: each sandbox has a network of its own. Both stay awake
// for a while after READY, as a setting says, and then go to sleep.
func TestTwoAppsOnOnePort(t *testing.T) {
	s := newStack(t, func(c *stack.Config) { c.Env["PAUSE_AFTER_SECONDS"] = "600" })
	u := s.user()
	ids := map[string]string{u.start(page("first")): "first", u.start(page("second")): "second"}
	for id, text := range ids {
		j := s.await(id, "READY", func(j job.Job) bool { return j.Status.Terminal() })
		if want := "http://3000-" + j.SandboxID + "." + domain; j.PreviewURL != want {
			t.Errorf("the preview is %s, want %s", j.PreviewURL, want)
		}
		if code, body := s.visit(j.PreviewURL); code != http.StatusOK || body != text {
			t.Errorf("the preview of the %s app answered %d %q", text, code, body)
		}
		if got := u.status(id); got.SandboxPaused || got.SandboxExpiresAt == nil {
			t.Errorf("a preview that is awake has the status %+v", got)
		}
	}
	s.passTime(601 * time.Second)
	for id := range ids {
		s.asleep(id)
	}
	checkPromises(t, s)
}

// TestTheExampleWithoutNode builds examples/static, whose server Siesta chooses.
func TestTheExampleWithoutNode(t *testing.T) {
	s := sharedStack(t)
	u := s.user()
	id := u.start(job.Request{Source: folder(t, root+"/examples/static")})
	s.asleep(id)
	checkPromises(t, s)
}

// TestViteHosts: a server that refuses the preview's address is not ready; one
// that takes Vite's own variable for it is.
func TestViteHosts(t *testing.T) {
	s := newStack(t, nil)
	u := s.user()
	kind := u.start(commands("", "", app("-hosts", `"$__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS"`), "index.html", "hello"))
	strict := u.start(commands("", "", app("-hosts", "vite.test"), "index.html", "hello"))
	s.asleep(kind)
	s.await(strict, "waiting for its preview", func(j job.Job) bool { return j.Turn > 0 })
	if j := s.row(strict); j.Status != job.Checks {
		t.Errorf("a server that answers 403 is %s, want checks", j.Status)
	}
	s.until("the build is given up", func() bool {
		s.passTime(time.Minute)
		return s.row(strict).Status == job.Failed
	})
	if j := s.failed(strict); !strings.Contains(j.ErrorMessage, "refused its preview address") {
		t.Errorf("it failed with %q", j.ErrorMessage)
	}
	checkPromises(t, s)
}

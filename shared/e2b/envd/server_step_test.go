package envd

import (
	"errors"
	"net/http"
	"testing"

	"siesta/shared/e2b"
)

func TestServerStepNames(t *testing.T) {
	for _, s := range []ServerStep{{}, {2, ServerStart}, {2, ServerInstall}, {2, ServerAgain}, {10, ServerStart}} {
		if got, ok := ParseServerStep(s.String()); !ok || got != s {
			t.Errorf("%v reads as %v, %v", s, got, ok)
		}
	}
	for _, name := range []string{"install", "check", "generate", "start-", "start-0", "start-2c", "install-2b", "start-99999999999"} {
		if s, ok := ParseServerStep(name); ok {
			t.Errorf("%q reads as %v", name, s)
		}
	}
}

func TestTheNewestServerIsTheOneStartedLast(t *testing.T) {
	down := false
	d, c := newDaemon(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusBadGateway)
		}
		return down
	})
	const id = "0e0e3b9a-3f63-4b1c-8d8b-0d6f9f0c1a2b"
	want := func(createNo int, name string) {
		t.Helper()
		got, found, err := c.NewestServer(t.Context(), id, createNo)
		if err != nil || found != (name != "") || found && got.String() != name {
			t.Errorf("got %s, %v, %v, want %q", got, found, err, name)
		}
	}
	want(1, "")
	for _, step := range []struct{ name, newest string }{{"install", ""}, {"start", "start"}, {"start-10", "start-10"}, {"start-9", "start-10"}, {"install-10", "install-10"}, {"start-10b", "start-10b"}, {"check", "start-10b"}} {
		d.write(".siesta/" + id + "/1-" + step.name + "/pid")
		want(1, step.newest)
	}
	want(0, "") // another sandbox's
	down = true
	if _, _, err := c.NewestServer(t.Context(), id, 1); !errors.Is(err, e2b.ErrUnknown) {
		t.Errorf("without an answer: %v", err)
	}
}

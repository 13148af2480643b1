package systemtest

import (
	"strings"
	"testing"
)

func TestABuildBecomesReadyAndIsPaused(t *testing.T) {
	s := sharedStack(t)
	u := s.user()
	id := u.start(page("hello"))
	j := s.asleep(id)
	got := u.status(id)
	if !got.SandboxPaused || got.PreviewURL == nil || *got.PreviewURL != j.PreviewURL || *got.BuildVersion != "build_v0_1" {
		t.Errorf("got %+v", got)
	}
	if code, body := s.visit(j.PreviewURL); code != 502 || strings.Contains(body, "hello") {
		t.Errorf("a sleeping preview answered %d %q", code, body)
	}
	checkPromises(t, s)
}

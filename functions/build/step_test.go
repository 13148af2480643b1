package main

import (
	"strings"
	"testing"
)

// The generator may write the port into what it makes.
func TestEveryCommandHasTheRequestsPort(t *testing.T) {
	b := setup(t)
	r, port := page(), 8080
	look := `echo "$PORT $HOST" >>../seen`
	start := look + "; " + *r.Commands.Start
	r.Port = &port
	r.Commands.Generate, r.Commands.Install, r.Commands.Check, r.Commands.Start = &look, &look, &look, &start
	j := b.ready(b.accept(r).ID)
	if got, want := b.run(j, "cat seen"), strings.Repeat("8080 0.0.0.0\n", 4); got != want {
		t.Errorf("generate, install, check and start were told\n%swant\n%s", got, want)
	}
	if !strings.Contains(j.PreviewURL, "/8080-") {
		t.Errorf("the preview is at %s", j.PreviewURL)
	}
}

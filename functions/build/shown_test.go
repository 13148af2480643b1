package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
)

// html is a greeting that browsers take for a page.
const html = `'<!DOCTYPE html><title>page</title>'`

// starts is a request for an app with that start command; {self} in it is this
// binary.
func starts(command string) job.Request {
	r := page()
	command = strings.ReplaceAll(command, "{self}", functiontest.Self())
	r.Commands.Start = &command
	return r
}

// wantPort checks on which port a preview is shown.
func (b *fixture) wantPort(j job.Job, port int) {
	b.T.Helper()
	seen := j.Plan.Shown()
	cached, ok, err := b.cache.Get(b.T.Context(), j.ID)
	b.OK(err)
	if !ok || cached.Plan.Shown() != port {
		b.T.Errorf("the cache says port %d, want %d", cached.Plan.Shown(), port)
	}
	if seen != port || !strings.Contains(j.PreviewURL, fmt.Sprintf("//%d-", port)) {
		b.T.Errorf("the plan says port %d, the preview is at %s, want port %d", seen, j.PreviewURL, port)
	}
}

// What a server listens on is its own affair.
func TestAPageIsFoundWhereverItIs(t *testing.T) {
	for name, command := range map[string]string{
		"on another port":       "GREETING=" + html + " PORT=4000 exec {self} serve",
		"without one":           "PORT=4000 exec {self} serve",
		"after the API":         "mkdir api; (cd api; echo 404 >status; exec {self} serve) & until [ -e seen ]; do sleep 0.01; done; GREETING=" + html + " PORT=4000 exec {self} serve",
		"as it has printed":     "mkdir app; echo http://localhost:4000; (cd app; GREETING=" + html + " PORT=4000 exec {self} serve) & until grep -q ':0FA0 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done; GREETING=" + html + " PORT=3900 exec {self} serve",
		"beside an API that is": "mkdir api; (cd api; until grep -q ':0FA0 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done; exec {self} serve) & GREETING=" + html + " PORT=4000 exec {self} serve",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.Once(e2bsim.Preview, e2bsim.Received, func() { b.Run(b.theBox(), "touch project/seen") })
			b.wantPort(b.ready(b.accept(starts(command)).ID), 4000)
		})
	}
}

func TestThePlannedPortIsTheFirstChoice(t *testing.T) {
	for name, command := range map[string]string{
		"two pages":       "mkdir docs; (cd docs; GREETING=" + html + " PORT=4000 exec {self} serve) & GREETING=" + html + " exec {self} serve",
		"two without one": "mkdir docs; (cd docs; PORT=4000 exec {self} serve) & exec {self} serve",
		"nothing at root": "echo 404 >status; exec {self} serve",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.wantPort(b.ready(b.accept(starts(command)).ID), job.DefaultPort)
		})
	}
}

// Many servers make their first page when it is asked for, and that takes a while:
// what is beside them has answered long before.
func TestAPageThatIsBeingMadeIsWaitedFor(t *testing.T) {
	const (
		api     = "mkdir api; (cd api; PORT=4000 exec {self} serve) & "
		silent  = api + "mkdir site; echo page >site/index.html; echo -1 >site/index.html.status; exec {self} site"
		bundles = api + "until [ -e bundled ]; do sleep 0.01; done; GREETING=" + html + " exec {self} serve"
		vite    = 5173
	)
	for name, c := range map[string]struct {
		start, listen, finish string
		passes                time.Duration
		port                  int
	}{
		"when it is asked for": {silent, "1435 0FA0", "rm project/site/index.html.status", 0, vite},
		"for ever":             {silent, "1435 0FA0", "true", failsWithin, 4000},
		"before it listens":    {bundles, "0FA0", "touch project/bundled", 0, vite},
		"and never listens":    {bundles, "0FA0", "true", failsWithin, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := starts(c.start)
			r.Source.Files = map[string]job.File{"package.json": {Content: []byte(`{"devDependencies":{"vite":"7"}}`)}}
			j := b.at(b.spent(r, 0).ID, job.Checks)
			b.Run(j, "for port in "+c.listen+"; do until grep -q \":$port \" /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done; done")
			b.Pass(noPageAfter)
			b.deliver()
			if row := b.Row(j.ID); row.Status.Terminal() {
				t.Fatalf("the job is %s at %s", row.Status, row.PreviewURL)
			}
			b.Run(j, c.finish)
			b.Pass(c.passes)
			b.wantPort(b.ready(j.ID), c.port)
		})
	}
}

// Of several programs, the first that answers need not be the one with the page.
func TestAnAPIThatIsUpFirstIsNotThePreview(t *testing.T) {
	b := setup(t)
	j := b.at(b.spent(starts("mkdir api; (cd api; exec {self} serve) & until [ -e go ]; do sleep 0.01; done; GREETING="+html+" PORT=4000 exec {self} serve"), 0).ID, job.Checks)
	b.Run(j, "until grep -q ':0BB8 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done")
	b.deliver()
	if row := b.Row(j.ID); row.Status.Terminal() {
		t.Fatalf("the job is %s at %s", row.Status, row.PreviewURL)
	}
	b.Run(j, "touch project/go; until grep -q ':0FA0 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done")
	b.wantPort(b.ready(j.ID), 4000)
}

// What tools listen on beside a server is no app, whatever it answers.
func TestAToolsPortIsNoApp(t *testing.T) {
	b := setup(t)
	j := b.at(b.spent(starts("mkdir tool; (cd tool; echo 404 >status; PORT=4206 exec {self} serve) & until [ -e go ]; do sleep 0.01; done; exec {self} serve"), 0).ID, job.Checks)
	b.Run(j, "until grep -q ':106E ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done")
	b.Pass(noPageAfter)
	b.deliver()
	if row := b.Row(j.ID); row.Status.Terminal() {
		t.Fatalf("the job is %s at %s", row.Status, row.PreviewURL)
	}
	b.Run(j, "touch project/go")
	b.wantPort(b.ready(j.ID), job.DefaultPort)
}

// A port that the request named is what its sender wants to see.
func TestANamedPortIsNeverReplaced(t *testing.T) {
	b := setup(t)
	r, port := starts("GREETING="+html+" PORT=4000 exec {self} serve"), 3000
	r.Port = &port
	j := b.at(b.spent(r, 0).ID, job.Checks)
	b.Run(j, "until grep -q ':0FA0 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; done")
	b.Pass(answerWithin)
	row := b.until(j.ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if want := "port 3000 within 3m0s of its start. Something listens on port 4000: "; row.Status != job.Failed || !strings.Contains(row.ErrorMessage, want) {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

// An app that only says that it is broken will not get better.
func TestAnAppThatFailsToEverybodyIsGivenUpSoon(t *testing.T) {
	b := setup(t)
	r := starts("echo 500 >status; echo the real cause; exec {self} serve")
	row := b.givenUp(r, failsWithin)
	want := fmt.Sprintf("The app answered 500 %s on port 3000 within 30s of its start.", http.StatusText(500))
	if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, want) || !strings.Contains(row.ErrorMessage, "the real cause") {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

// What turns every visitor away is no preview, whatever its status.
func TestAnAppThatRefusesItsAddressSaysHowToAllowIt(t *testing.T) {
	for name, c := range map[string]struct{ start, want string }{
		"with 200": {"GREETING='Invalid Host header' exec {self} serve",
			`The app refused its preview address, as webpack-dev-server does with "Invalid Host header", on port 3000 within 30s of its start. Set devServer.allowedHosts to "all"`},
		"with 403": {"echo 403 >status; GREETING='Blocked request. This host (x) is not allowed.' exec {self} serve",
			`The app refused its preview address, as Vite does with "Blocked request. This host", on port 3000 within 30s of its start. Set server.allowedHosts to true`},
		"in unknown words": {"echo 403 >status; GREETING=no exec {self} serve",
			"The app refused its preview address: it answered 403 Forbidden on port 3000 within 30s of its start."},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			row := b.givenUp(starts(c.start), failsWithin)
			if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, c.want) {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
		})
	}
}

// givenUp is a job whose app never comes up, a while after its start.
func (b *fixture) givenUp(r job.Request, after time.Duration) job.Job {
	b.T.Helper()
	j := b.at(b.spent(r, 0).ID, job.Checks)
	b.Pass(after)
	return b.until(j.ID, "finished", func(j job.Job) bool { return j.Status.Terminal() })
}

// A server of TLS is known as such at once, whatever it answers to plain HTTP.
func TestAServerOfTLSIsSaidToBeOne(t *testing.T) {
	for name, start := range map[string]string{
		"that gives no answer": "exec {self} tls",
		"that says so":         "exec {self} https",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			id := b.accept(starts(start)).ID
			row := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
			if row.Status != job.Failed || !strings.HasPrefix(row.ErrorMessage, "The server on port 3000 speaks TLS (https)") {
				t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
			}
			if took := row.CompletedAt.Sub(row.StartedAt); took > failsWithin {
				t.Errorf("it took %v", took)
			}
		})
	}
}

package main

import (
	"fmt"
	"strings"
	"testing"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
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
	if got, want := b.Run(j, "cat seen"), strings.Repeat("8080 0.0.0.0\n", 4); got != want {
		t.Errorf("generate, install, check and start were told\n%swant\n%s", got, want)
	}
	if !strings.Contains(j.PreviewURL, "/8080-") {
		t.Errorf("the preview is at %s", j.PreviewURL)
	}
}

// An app without a start command has something else that serves it: its
// template, or a command before.
func TestAnAppWithoutAStartCommandIsReady(t *testing.T) {
	b := setup(t)
	r := page()
	check, none := *r.Commands.Start+" >/dev/null 2>&1 &", ""
	r.Commands.Check, r.Commands.Start = &check, &none
	b.ready(b.accept(r).ID)
}

// Without a start command, too, the app has its time to answer, and no more.
func TestAnAppWithoutAStartCommandHasToAnswer(t *testing.T) {
	b := setup(t)
	r := page()
	check, none := "echo checked >>../seen", ""
	r.Commands.Check, r.Commands.Start = &check, &none
	j := b.Set(b.accept(r).ID, fmt.Sprintf("polled_ms = %d", jobPoll.Milliseconds()))
	b.at(j.ID, job.Checks)
	b.deliver()
	if seen := b.Run(b.theBox(), "until [ -e .siesta/*/*-check/exit ]; do sleep 0.01; done; cat seen"); seen != "checked\n" {
		t.Errorf("the check wrote %q", seen)
	}
	b.deliver() // a check that took longer than its turn
	b.Pass(answerWithin)
	b.deliver()
	row := b.Row(j.ID)
	if want := "The app gave no answer on port 3000 within 3m0s of its start."; row.Status != job.Failed || row.ErrorMessage != want {
		t.Errorf("the job is %s after %d turns: %s", row.Status, row.Turn, row.ErrorMessage)
	}
	if log := b.Log.String(); !strings.Contains(log, "preview does not answer") || !strings.Contains(log, "edge: status 502") {
		t.Errorf("the log does not say why: %s", log)
	}
}

// A start command that ended may have left its server behind: only the app can
// tell, and has its time for that.
func TestAStartCommandThatEndedIsNoStop(t *testing.T) {
	for name, c := range map[string]struct{ check, start, want string }{
		"with a server behind it": {"", "(until [ -e ../go ]; do sleep 0.01; done; exec SELF serve) >/dev/null 2>&1 &", ""},
		"with nothing behind it":  {"", "echo bye", "The start command ended, and the app gave no answer on port 3000 within 3m0s of its start. Its last output was:\nbye"},
		"with a failure":          {"(until [ -e ../.siesta/*/*-start/exit ]; do sleep 0.01; done; exec SELF serve) >/dev/null 2>&1 &", "echo in use; exit 3", "The server stopped with exit code 3. Its last output was:\nin use"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			r := page()
			check, start := strings.ReplaceAll(c.check, "SELF", functiontest.Self()), strings.ReplaceAll(c.start, "SELF", functiontest.Self())
			r.Commands.Check, r.Commands.Start = &check, &start
			id := b.accept(r).ID
			b.deliver()
			if row := b.Row(id); row.Status == job.Checks { // it is not up yet
				b.Run(row, "touch go")
			}
			if strings.Contains(c.want, "within 3m0s") {
				b.Pass(answerWithin)
			}
			j := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
			if (c.want == "") != (j.Status == job.Ready) || j.ErrorMessage != c.want {
				t.Errorf("the job is %s: %s", j.Status, j.ErrorMessage)
			}
		})
	}
}

// TestManyFilesAreDeletedAtOnce: a call for each would outlast a turn, and each
// turn after it.
func TestManyFilesAreDeletedAtOnce(t *testing.T) {
	b := setup(t)
	const many = 5000
	r := page()
	r.Source.Files = map[string]job.File{"kept": {Content: []byte("new")}, "page": {Delete: true}, "page/index.html": {Content: []byte("new")}}
	for i := range many {
		r.Source.Files[fmt.Sprintf("old %d.txt", i)] = job.File{Delete: true}
	}
	j := b.accept(r)
	b.Once(e2bsim.Create, e2bsim.Answered, func() { // what a template brings along
		b.Run(b.theBox(), fmt.Sprintf(`mkdir project && cd project && echo old | tee kept mine page && touch old\ {0..%d}.txt`, many-1))
	})
	j = b.ready(j.ID)
	if got, want := b.Run(j, "cd project && find . -type f | sort"), "./kept\n./mine\n./page/index.html\n"; got != want {
		t.Errorf("left are\n%.500swant\n%s", got, want)
	}
	if n := b.Calls(e2bsim.Envd) + b.Calls(e2bsim.StartProcess) + b.Calls(e2bsim.Files); n > 50 {
		t.Errorf("the build took %d calls into its sandbox", n)
	}
}

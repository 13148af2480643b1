package systemtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// TestFailedCommands: whatever command of a build fails, its user is told in
// words, with the command's last output, and the sandbox is gone.
func TestFailedCommands(t *testing.T) {
	s := sharedStack(t)
	fails := app("-say", `"what went wrong"`, "-exit", "3")
	for name, r := range map[string]job.Request{
		"install":         commands(fails, "", app()),
		"check":           commands("", fails, app()),
		"start":           commands("", "", fails),
		"late start":      commands("", "", "echo what went wrong; sleep 1; exit 3"),
		"killed":          commands("", "echo what went wrong; kill -9 $$", app()),
		"a subshell":      commands("(echo what went wrong; exit 3)", "", app()),
		"not there":       commands("no-such-program-here", "", app()),
		"nothing to run":  {Source: job.Source{Files: map[string]job.File{"notes.txt": {Content: []byte("text")}}}},
		"generator fails": {Commands: job.Commands{Generate: &fails}},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			t.Parallel()
			u := s.user()
			id := u.start(r)
			j := s.failed(id)
			got := u.status(id)
			if got.Status != job.Failed || client.Text(got.ErrorMessage) != j.ErrorMessage || client.Text(got.DebugID) == "" ||
				got.PreviewURL != nil || got.BuildVersion != nil || got.SandboxPaused {
				t.Errorf("the status says %+v", got)
			}
			word := "what went wrong"
			switch name {
			case "not there":
				word = "no-such-program-here"
			case "nothing to run":
				word = "package.json"
			}
			if !strings.Contains(j.ErrorMessage, word) {
				t.Errorf("the error does not tell %q:\n%s", word, j.ErrorMessage)
			}
			if strings.Contains(word, "what") && name != "killed" && !strings.Contains(j.ErrorMessage, "exit code 3") {
				t.Errorf("the error does not tell the exit code:\n%s", j.ErrorMessage)
			}
			if box, _ := s.E2B.Sandbox(j.SandboxID); box.State != e2bsim.StateGone {
				t.Errorf("its sandbox is %s, want gone", box.State)
			}
			if !strings.Contains(s.lines.String(), client.Text(got.DebugID)) {
				t.Error("the debug_id is not in the functions' log")
			}
		})
	}
}

// TestSecretsStaySecret: what a request's env holds reaches the app's commands
// and no place where it could be read, even when a command prints it.
func TestSecretsStaySecret(t *testing.T) {
	s := newStack(t, awake)
	u := s.user()
	const secret = "correct-horse-battery-staple"
	good := commands("", `echo "the token is $TOKEN"; test "${#TOKEN}" = 28`, app(), "index.html", "hello")
	bad := commands("", `echo "the token is $TOKEN"; exit 3`, app(), "index.html", "hello")
	good.Env, bad.Env = map[string]string{"TOKEN": secret}, map[string]string{"TOKEN": secret}
	built, broken := u.start(good), u.start(bad)
	s.await(built, "READY", func(j job.Job) bool { return j.Status.Terminal() })
	s.rest()
	messages := fmt.Sprint(s.SQS.Messages("PauseQueue"), s.SQS.Messages("BuildQueue"))
	if !strings.Contains(messages, built) {
		t.Errorf("the messages are %s", messages)
	}
	j := s.failed(broken)
	if !strings.Contains(j.ErrorMessage, "the token is ***") {
		t.Errorf("the error says %q", j.ErrorMessage)
	}
	for _, id := range []string{built, broken} {
		var row string
		if err := s.pool.QueryRow(s.t.Context(), `SELECT jobs::text FROM jobs WHERE id = $1`, id).Scan(&row); err != nil {
			t.Fatal(err)
		}
		logged, err := s.redis.XRange(s.t.Context(), "job:"+id+":logs", "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		output := ""
		for _, entry := range logged {
			output += entry.Values["text"].(string) + "\n"
		}
		if !strings.Contains(output, "the token is ***") {
			t.Errorf("the log stream is %q", output)
		}
		hash := ""
		for name, value := range s.hash(id) {
			hash += name + " " + value + "\n"
		}
		for where, text := range map[string]string{
			"row": row, "cache": hash, "log stream": output, "status": u.ask(id).body, "log of the functions": s.lines.String(),
			"messages": messages,
		} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s of job %s holds the secret", where, id)
			}
		}
	}
	s.passTime(16 * time.Minute)
	checkPromises(t, s)
}

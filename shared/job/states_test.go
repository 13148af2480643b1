package job_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"siesta/shared/job"
)

var update = flag.Bool("update", false, "write docs/states.md anew")

// TestTheStatesPageShowsTheTables keeps docs/states.md, which is generated
// here, and the two tables of moves the same.
func TestTheStatesPageShowsTheTables(t *testing.T) {
	const page = "../../docs/states.md"
	want := statesPage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/states.md differs from the tables in shared/job: run go test ./shared/job -update")
	}
}

func statesPage() string {
	var b strings.Builder
	b.WriteString("# States\n\nGenerated from `shared/job` by `go test ./shared/job -update`. What each state means stands at its\n" +
		"constant in `shared/job/status.go` and `shared/job/sandbox.go`. An arrow names the functions that make the move.\n\n## Job\n\n")
	diagram(&b, job.Statuses(), job.Status.Makers, job.Status.Terminal, job.Queued, job.Scheduled)
	b.WriteString("\n## Sandbox\n\n`sandbox_paused` is true exactly in `paused`.\n\n")
	gone := func(s job.SandboxState) bool { return s == job.SandboxGone }
	diagram(&b, job.SandboxStates(), job.SandboxState.Makers, gone, job.SandboxNone)
	return b.String()
}

func diagram[S ~string](b *strings.Builder, all []S, makers func(S, S) []job.Maker, last func(S) bool, first ...S) {
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, s := range first {
		fmt.Fprintf(b, "    [*] --> %s\n", s)
	}
	for _, from := range all {
		for _, to := range all {
			if by := makers(from, to); len(by) > 0 {
				fmt.Fprintf(b, "    %s --> %s: %s\n", from, to, strings.ReplaceAll(strings.Trim(fmt.Sprint(by), "[]"), " ", ", "))
			}
		}
		if last(from) {
			fmt.Fprintf(b, "    %s --> [*]\n", from)
		}
	}
	b.WriteString("```\n")
}

func TestTerminalStatesHaveNoWayOut(t *testing.T) {
	for _, from := range []job.Status{job.Ready, job.Failed} {
		for _, to := range job.Statuses() {
			if from.CanMove(to) {
				t.Errorf("%s can move to %s", from, to)
			}
		}
	}
	for _, to := range job.SandboxStates() {
		if job.SandboxGone.CanMove(to) {
			t.Errorf("a sandbox that is gone can become %s", to)
		}
	}
}

func TestEveryUnfinishedJobCanFail(t *testing.T) {
	for _, s := range job.Statuses() {
		if !s.Terminal() && !s.CanMove(job.Failed) {
			t.Errorf("%s cannot fail", s)
		}
	}
}

func TestEverySandboxCanBeGone(t *testing.T) {
	for _, s := range job.SandboxStates() {
		if got, want := s.CanMove(job.SandboxGone), s != job.SandboxNone && s != job.SandboxGone; got != want {
			t.Errorf("%s to gone: got %t, want %t", s, got, want)
		}
	}
}

func TestAPausedSandboxIsReachedOnlyThroughPausing(t *testing.T) {
	for _, from := range job.SandboxStates() {
		if got, want := from.CanMove(job.SandboxPaused), from == job.SandboxPausing; got != want {
			t.Errorf("%s to paused: got %v, want %v", from, got, want)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, s := range job.Statuses() {
		if !s.Known() || s.Label() == string(s) {
			t.Errorf("%s has no label", s)
		}
	}
	if got := job.Status("later").Label(); got != "later" {
		t.Errorf("an unknown status is labelled %q", got)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// turnsWithout returns the metric of each turn so far: whether E2B gave it no
// sandbox.
func (b *bench) turnsWithout() (turns []float64) {
	b.t.Helper()
	for _, line := range bytes.Split([]byte(b.lines.String()), []byte("\n")) {
		var one map[string]any
		_ = json.Unmarshal(line, &one) // a line that is none has no metric
		if n, ok := one["turns_without_sandbox"].(float64); ok && one["_aws"] != nil {
			turns = append(turns, n)
		}
	}
	return turns
}

// A build that E2B turns away hands over, again and again: the metric is all
// that shows it.
func TestAnE2BThatTakesNoBuildsIsTold(t *testing.T) {
	for name, c := range map[string]struct{ refuse, allow func(b *bench) }{
		"key refused":  {func(b *bench) { b.sim.SetAPIKeys("e2b_another") }, func(b *bench) { b.sim.SetAPIKeys("e2b_0123") }},
		"account full": {func(b *bench) { b.fault(e2bsim.Fault{Call: e2bsim.Create, Action: e2bsim.LimitReached, Times: 2}) }, func(*bench) {}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.accept(page())
			c.refuse(b)
			for range 2 { // the second one asks for a list first
				if again := b.deliver(); again != 0 {
					t.Errorf("the message comes again in %v", again)
				}
			}
			if got := b.turnsWithout(); len(got) != 2 || got[0] != 1 || got[1] != 1 {
				t.Errorf("turns without a sandbox: %v, want both\n%s", got, b.lines)
			}
			if row := b.row(j.ID); row.Status != job.Starting || row.Turn != 2 {
				t.Errorf("the job is %s at turn %d", row.Status, row.Turn)
			}
			c.allow(b)
			b.ready(j.ID)
			if got := b.turnsWithout(); got[2] != 0 {
				t.Errorf("turns without a sandbox: %v, want the first two alone", got)
			}
		})
	}
}

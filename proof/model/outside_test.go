package model_test

import (
	"fmt"
	"slices"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/model"
	"siesta/shared/e2b"
	"siesta/shared/job"
)

// breaks is the action that lets E2B do one of some faults.
func breaks(faults []model.Fault) action {
	return func(w *pair, n int) bool { return w.breakE2B(faults[n%len(faults)], n/len(faults)) }
}

func (w *pair) breakE2B(f model.Fault, n int) bool {
	whose := ""
	if f.Call != e2bsim.Create && f.Call != e2bsim.List {
		s, ok := of(w.model.Sandboxes, n)
		if !ok {
			return false
		}
		f.Sandbox, whose = s.ID, fmt.Sprintf(" of sandbox %d", w.place(s))
	}
	if w.armed(f.Call, f.Sandbox) {
		return false
	}
	w.begin("E2B: %s at the next %s%s", f.Name, f.Call, whose)
	_, err := w.E2B.AddFault(f.Fault)
	w.must(err)
	w.model.Faults = append(w.model.Faults, f)
	return true
}

func (w *pair) place(s *model.Sandbox) int { return slices.Index(w.model.Sandboxes, s) + 1 }

func (w *pair) armed(call e2bsim.Kind, sandbox string) bool {
	return slices.ContainsFunc(w.model.Faults, func(f model.Fault) bool { return f.Call == call && f.Sandbox == sandbox })
}

func (w *pair) wakeOutside(n int) bool {
	s, ok := of(w.model.Sandboxes, n)
	if !ok || w.armed(e2bsim.Connect, s.ID) {
		return false
	}
	w.begin("somebody outside wakes sandbox %d", w.place(s))
	_, _, err := w.somebody.Connect(w.ctx, s.ID, time.Hour)
	w.must(err)
	w.model.Wake(s, time.Hour)
	return true
}

// drop loses every message, as nothing but a mistake of ours does.
func (w *pair) drop(int) bool {
	if len(w.model.Messages) == 0 {
		return false
	}
	w.begin("all messages are lost")
	for _, m := range w.model.Messages {
		w.SQS.Remove(queues[m.Queue], m.ID)
	}
	w.model.Messages = nil
	return true
}

func (w *pair) lose(n int) bool {
	s, ok := of(w.model.Sandboxes, n)
	if ok {
		w.begin("E2B loses sandbox %d", w.place(s))
		w.must(w.E2B.Vanish(w.ctx, s.ID))
		w.model.Lose(s)
	}
	return ok
}

func (w *pair) createOutside(int) bool {
	if w.armed(e2bsim.Create, "") {
		return false
	}
	w.begin("somebody outside creates a sandbox with our tag")
	_, err := w.somebody.Create(w.ctx, e2b.Create{Template: "base", Timeout: time.Hour, Metadata: job.Tags(w.StackTag, job.NewID(), 1)})
	w.must(err)
	w.model.Sandboxes = append(w.model.Sandboxes, &model.Sandbox{Running: true, Started: w.model.Now, End: w.model.Now.Add(time.Hour)})
	return true
}

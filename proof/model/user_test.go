package model_test

import (
	"net/http"
	"slices"

	"siesta/local/client"
	"siesta/proof/model"
	"siesta/shared/job"
)

// mostJobs there are in a history, so that more happens to each.
const mostJobs = 3

func (w *pair) start(int) bool {
	if len(w.model.Jobs) == mostJobs {
		return false
	}
	w.begin("start")
	r := w.request()
	j, want := w.model.Start()
	j.ID = w.answers(want)(w.API().Start(w.ctx, r, "")).JobID
	return true
}

// iterate changes a version, iterateAny whatever there is.
func (w *pair) iterate(n int) bool    { return w.change(w.previews(), n) }
func (w *pair) iterateAny(n int) bool { return w.change(w.model.Jobs, n) }

// change starts an iteration of one of some versions, which passes its check or fails.
func (w *pair) change(versions []*model.Job, n int) bool {
	from, ok := of(versions, n/2)
	bad := n%2 == 1
	if !ok || len(w.model.Jobs) == mostJobs {
		return false
	}
	w.begin("iterate on job %d, in vain: %v", w.number(from), bad)
	row, err := w.Store.Get(w.ctx, from.ID)
	w.must(err)
	r, check := w.request(), "exit 1"
	r.ProjectID, r.PreviousJobID = row.ProjectID, from.ID
	if bad {
		r.Commands.Check = &check
	}
	j, want := w.model.Iterate(from, bad)
	w.tell("  it answers %d %s", want.Code, want.Says)
	told := w.answers(want)(w.API().Start(w.ctx, r, ""))
	if j != nil {
		j.ID = told.JobID
	}
	return true
}

// resume and snapshot ask for a preview, resumeAny and snapshotAny for whatever
// there is.
func (w *pair) resume(n int) bool { return w.ask(w.previews(), n, "resume", w.model.Resume) }
func (w *pair) snapshot(n int) bool {
	return w.ask(w.previews(), n, "snapshot", w.model.Snapshot)
}
func (w *pair) resumeAny(n int) bool { return w.ask(w.model.Jobs, n, "resume", w.model.Resume) }
func (w *pair) snapshotAny(n int) bool {
	return w.ask(w.model.Jobs, n, "snapshot", w.model.Snapshot)
}
func (w *pair) cancel(n int) bool { return w.ask(w.model.Jobs, n, "cancel", w.model.Cancel) }
func (w *pair) cancelBuild(n int) bool {
	return w.ask(w.builds(), n, "cancel", w.model.Cancel)
}

func (w *pair) builds() []*model.Job {
	return slices.DeleteFunc(slices.Clone(w.model.Jobs), func(j *model.Job) bool { return j.Status.Terminal() })
}

func (w *pair) previews() []*model.Job {
	return slices.DeleteFunc(slices.Clone(w.model.Jobs), func(j *model.Job) bool { return j.Status != job.Ready || j.Deleted })
}

func (w *pair) remove(n int) bool {
	j, ok := of(w.model.Jobs, n)
	if ok {
		w.begin("delete job %d", w.number(j))
		want := w.model.Delete(j)
		w.tell("  it answers %d", want.Code)
		w.answers(want)(w.API().Call(w.ctx, http.MethodDelete, "/api/generation/"+j.ID, nil, nil))
	}
	return ok
}

// rebuild and restore may make a job.
func (w *pair) rebuild(n int) bool { return w.again(n, "rebuild", w.model.Rebuild) }
func (w *pair) restore(n int) bool { return w.again(n, "restore", w.model.Restore) }

func (w *pair) again(n int, verb string, predict func(*model.Job) (*model.Job, bool, model.Answer)) bool {
	from, ok := of(w.model.Jobs, n)
	if !ok || len(w.model.Jobs) == mostJobs {
		return false
	}
	w.begin("%s job %d", verb, w.number(from))
	j, made, want := predict(from)
	w.tell("  it answers %d %s", want.Code, want.Says)
	told := w.answers(want)(w.API().Call(w.ctx, http.MethodPost, "/api/generation/"+from.ID+"/"+verb, nil, nil))
	if made {
		j.ID = told.JobID
	}
	return true
}

func (w *pair) ask(jobs []*model.Job, n int, verb string, predict func(*model.Job) model.Answer) bool {
	j, ok := of(jobs, n)
	if !ok {
		return false
	}
	w.begin("%s job %d", verb, w.number(j))
	want := predict(j)
	w.tell("  it answers %d %s", want.Code, want.Says)
	w.answers(want)(w.API().Do(w.ctx, j.ID, client.Verb(verb)))
	if verb == string(client.Resume) && want.Code == http.StatusOK && w.wrong == "" {
		w.visit(j)
	}
	return true
}

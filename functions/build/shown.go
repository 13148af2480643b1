package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"siesta/shared/detect"
	"siesta/shared/e2b"
	"siesta/shared/e2b/webpage"
)

// Where the planned port has no page, others are looked at. A front end often
// starts after the API beside it, so that nothing is decided at once.
const (
	// otherPageAfter the start, a page on another port is the app's.
	otherPageAfter = 2 * time.Second
	// noPageAfter the start, an app that has nothing at its root, or several
	// servers, has none. Where one of these makes pages and is not up yet, such as
	// one that bundles first, that counts failsWithin the start.
	noPageAfter = 5 * time.Second
	// mostPorts is how many others are looked at, and otherTime what they have
	// together: a silent one must not cost what the planned port does.
	mostPorts = 4
	otherTime = time.Second
)

// debuggers are ports of tools beside a server, which are no app: Node's
// inspector, live reload, Python's debugger, Vite's own socket, TanStack's devtools.
var debuggers = []int{9229, 9230, 9231, 35729, 5678, 24678, 4206}

// seen is what a port shows to its visitors.
type seen struct {
	port int
	path string // "": the root
	e2b.Preview
}

// shown is the port that shows the app to its visitors, and what they see there;
// false: none does yet. The planned one is the first choice; where it has no page
// and the request did not name it, another port's page is the next, then whatever
// answers.
func (t *turn) shown(ctx context.Context, planned seen) (seen, bool) {
	if planned.Page() || planned.Ready() && t.j.Plan.Named {
		return planned, true
	}
	if t.j.Plan.Named || !planned.Ready() && t.elapsed() < otherPageAfter {
		return planned, false
	}
	if planned.Answer == e2b.NoAnswer && t.elapsed() < failsWithin {
		return planned, false // something listens there, and most make their first page when it is asked for
	}
	best, rank := planned, rankOf(planned.Preview)
	others := t.others(ctx)
	for i, p := range t.probeAll(ctx, others) {
		if r := rankOf(p); r > rank {
			best, rank = seen{others[i], "", p}, r
		}
	}
	patience := noPageAfter
	switch {
	case rank == 0:
		return planned, false
	case rank == pageRank:
		patience = otherPageAfter
	case t.j.Plan.Several && !planned.Ready() && detect.ShowsPage(t.j.Plan.Framework):
		patience = failsWithin
	case rank == answerRank && len(others) == 0 && !t.j.Plan.Several:
		patience = 0
	}
	if t.elapsed() < patience {
		return planned, false
	}
	return best, true
}

// The ranks of what a port answers.
const (
	nothingRank = iota + 1 // that there is nothing at its root
	answerRank
	pageRank
)

// rankOf is the rank of an answer; 0: there is none that visitors should see.
func rankOf(p e2b.Preview) int {
	switch {
	case p.Page():
		return pageRank
	case p.Ready() && p.Status < 400:
		return answerRank
	case p.Ready():
		return nothingRank
	}
	return 0
}

// others are the ports beside the planned one on which processes of the sandbox
// listen. One look more tells of what is not known now.
func (t *turn) others(ctx context.Context) []int {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	began := time.Now()
	ports, err := t.envd.Listening(ctx)
	if t.started {
		t.polled += time.Since(began)
	}
	if err != nil {
		t.log.WarnContext(ctx, "look for ports", "sandbox_id", t.j.SandboxID, "error", err)
		return nil
	}
	ports = slices.DeleteFunc(ports, func(port int) bool { return port == t.j.Plan.Port || slices.Contains(debuggers, port) })
	if len(ports) > 1 { // of two that answer alike, the app's is the one that it has told people of
		printed := webpage.PrintedPorts(t.lastOutput(ctx, "start"))
		told := slices.DeleteFunc(slices.Clone(ports), func(port int) bool { return !slices.Contains(printed, port) })
		ports = append(told, slices.DeleteFunc(ports, func(port int) bool { return slices.Contains(printed, port) })...)
	}
	return ports[:min(len(ports), mostPorts)]
}

// probeAll looks at ports at the same time, in a moment. If none of them has an
// answer and one holds it back, it counts as a look without an answer.
func (t *turn) probeAll(ctx context.Context, ports []int) []e2b.Preview {
	looking, cancel := context.WithTimeout(ctx, otherTime)
	defer cancel()
	began := time.Now()
	answers := make([]e2b.Preview, len(ports))
	var all sync.WaitGroup
	for i, port := range ports {
		all.Go(func() { answers[i] = t.e2b.Probe(looking, t.e2b.PreviewURL(t.j.SandboxID, port)) })
	}
	all.Wait()
	silent := looking.Err() != nil && !slices.ContainsFunc(answers, e2b.Preview.Answered)
	t.unheard = t.unheard || silent
	if silent || t.started {
		t.polled += time.Since(began)
	}
	return answers
}

// encrypted reports whether a server takes only TLS on the port that does not
// answer. It asks inside, since the edge shows the same of one that is not up, and
// at a turn's end, when that has had its time.
func (t *turn) encrypted(ctx context.Context, app seen) bool {
	if app.Answered() && app.Answer != e2b.AppRefuses {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	speaks, err := t.envd.SpeaksTLS(ctx, app.port)
	if err != nil {
		t.log.WarnContext(ctx, "look for TLS", "sandbox_id", t.j.SandboxID, "error", err)
	}
	return speaks
}

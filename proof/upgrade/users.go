package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

// made is a job that was accepted, and what its user knows of it.
type made struct {
	id, from  string // from: the version that it changes
	user      client.Client
	project   string
	breaks    bool // its check fails
	cancelled bool
	deleted   bool
}

// text is what a job's page shows.
func text(nonce string) string { return "page " + nonce }

// users build, change, look at, wake, cancel and delete.
type users struct {
	*system
	all []client.Client

	mu       sync.Mutex
	iterates bool // they change versions, too
	made     map[string]*made
	pages    map[string]string // what is to be seen of a job: its own text, and its root's
	answers  map[string]int    // by verb and code, since they were told last
	stop     context.CancelFunc
	work     sync.WaitGroup
}

func newUsers(s *system, n int) *users {
	u := &users{system: s, made: map[string]*made{}, pages: map[string]string{}, answers: map[string]int{}}
	for i := range n {
		u.all = append(u.all, u.user(fmt.Sprint("user-", i)))
	}
	return u
}

func (u *users) user(name string) client.Client {
	token, err := u.TokenFor(name)
	if err != nil {
		u.wrong("make a token: %v", err)
	}
	return client.Client{URL: u.APIURL, Token: token}
}

// begin lets them come; end sends them away.
func (u *users) begin(ctx context.Context) {
	ctx, u.stop = context.WithCancel(ctx)
	for _, c := range u.all {
		u.work.Go(func() {
			project := job.NewID()
			for ctx.Err() == nil {
				u.act(func() { u.once(context.WithoutCancel(ctx), c, project) })
				pause(ctx, 200*time.Millisecond)
			}
		})
	}
}

func (u *users) end() {
	u.stop()
	u.work.Wait()
}

func (u *users) iterate(yes bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.iterates = yes
}

// once is one thing that a user does.
func (u *users) once(ctx context.Context, c client.Client, project string) {
	rows, err := u.rows(ctx)
	if err != nil {
		u.wrong("%v", err)
		return
	}
	var ready, building []*made
	u.mu.Lock()
	iterates := u.iterates
	for _, m := range u.made {
		if m.project != project || m.deleted {
			continue
		}
		switch r := rows[m.id]; {
		case r.unfinished():
			building = append(building, m)
		case r.Status == job.Ready:
			ready = append(ready, m)
		}
	}
	u.mu.Unlock()
	dice := rand.IntN(20)
	switch {
	case len(building)+len(ready) == 0, dice == 0 && len(building) < 2 && len(ready) < 4:
		u.start(ctx, c, project)
	case len(building) > 0 && dice == 1:
		u.cancel(ctx, pick(building))
	case len(ready) > 3 && dice == 2:
		u.delete(ctx, pick(ready))
	case len(ready) > 0 && dice < 8 && iterates && len(building) < 2:
		u.change(ctx, pick(ready), rand.IntN(3) == 0, "")
	case len(ready) > 0 && dice < 12:
		u.do(ctx, pick(ready), client.Resume)
	case len(ready) > 0 && dice < 14:
		u.do(ctx, pick(ready), client.Snapshot)
	default:
		m := pick(append(building, ready...))
		u.tell("status")(m.user.Status(ctx, m.id))
	}
}

func pick[T any](from []T) T { return from[rand.IntN(len(from))] }

// start asks for a page of its own.
func (u *users) start(ctx context.Context, c client.Client, project string) *made {
	r := u.Request()
	nonce := job.NewID()
	r.ProjectID = project
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte(text(nonce))}, "root.txt": {Content: []byte(text(nonce))}}
	return u.send(ctx, r, made{user: c, project: project}, text(nonce), text(nonce))
}

// change asks for another page on top of a version. check, if not empty, is its
// check; one that breaks has one that fails.
func (u *users) change(ctx context.Context, m *made, breaks bool, check string) *made {
	r := u.Request()
	nonce := job.NewID()
	r.ProjectID, r.PreviousJobID = m.project, m.id
	r.Source.Files = map[string]job.File{"index.html": {Content: []byte(text(nonce))}}
	if check = cmp.Or(check, "sleep 1"); breaks {
		check += " && false"
	}
	r.Commands.Check = &check
	u.mu.Lock()
	_, root, _ := strings.Cut(u.pages[m.id], "\n")
	u.mu.Unlock()
	return u.send(ctx, r, made{user: m.user, project: m.project, from: m.id, breaks: breaks}, text(nonce), root)
}

// send asks for a job, and keeps it if it was accepted; nil: it was not.
func (u *users) send(ctx context.Context, r job.Request, m made, page, root string) *made {
	verb := "start"
	if m.from != "" {
		verb = "iterate"
	}
	body, err := json.Marshal(r)
	if err != nil {
		u.wrong("encode request: %v", err)
		return nil
	}
	a := u.tell(verb)(m.user.StartRaw(ctx, body, job.NewID()))
	if a.Code != http.StatusCreated {
		return nil
	}
	m.id = a.Told.JobID
	u.mu.Lock()
	defer u.mu.Unlock()
	u.made[m.id], u.pages[m.id] = &m, page+"\n"+root
	return &m
}

func (u *users) do(ctx context.Context, m *made, verb client.Verb) client.Answer {
	return u.tell(string(verb))(m.user.Do(ctx, m.id, verb))
}

func (u *users) cancel(ctx context.Context, m *made) {
	u.mu.Lock()
	m.cancelled = true // also when the answer is lost
	u.mu.Unlock()
	u.do(ctx, m, client.Cancel)
}

func (u *users) delete(ctx context.Context, m *made) client.Answer {
	a := u.tell("delete")(m.user.Call(ctx, http.MethodDelete, "/api/generation/"+m.id, nil, nil))
	u.mu.Lock()
	defer u.mu.Unlock()
	m.deleted = m.deleted || a.Code == http.StatusNoContent || a.Code == http.StatusAccepted
	return a
}

// tell counts an answer. None, or that the service failed, is wrong unless it is
// expected for now.
func (u *users) tell(verb string) func(client.Answer, error) client.Answer {
	return func(a client.Answer, err error) client.Answer {
		wanted := a.Code < http.StatusInternalServerError || a.Told.Detail.Type != "" // of the sandbox: the verdict knows why it is gone
		wanted = wanted || a.Code == http.StatusInternalServerError && u.refused(verb)
		u.mu.Lock()
		u.answers[fmt.Sprintf("%s %d", verb, a.Code)]++
		u.mu.Unlock()
		if err != nil {
			u.wrong("no answer: %v", err)
		} else if !wanted {
			u.wrong("%s is answered %d %s", verb, a.Code, a.Body)
		}
		return a
	}
}

// refused reports whether a call may be refused by the database: a function of the
// commit before must neither end an iteration nor delete a version that has moved.
func (u *users) refused(verb string) bool {
	u.system.mu.Lock()
	defer u.system.mu.Unlock()
	return (verb == string(client.Cancel) || verb == "delete") && u.behind[verb]
}

// told are the answers since they were asked for last.
func (u *users) told() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []string
	for _, what := range slices.Sorted(maps.Keys(u.answers)) {
		all = append(all, fmt.Sprintf("%s ×%d", what, u.answers[what]))
	}
	clear(u.answers)
	return strings.Join(all, ", ")
}

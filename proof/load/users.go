package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"siesta/local/client"
	"siesta/proof/world"
	"siesta/shared/job"
	"siesta/shared/sqs"
)

const (
	// direct is how many jobs there are for each that comes by a build message.
	direct = 10
	// shared is how many jobs a project has.
	shared = 10
	// askEvery is the time between two status calls, whoever makes them.
	askEvery = 50 * time.Millisecond
)

// users are those who send jobs in, ask for them and look at them.
type users struct {
	*system
	api     client.Client
	clients int
	patient bool // a status that is not available yet is asked for again
	request job.Request

	mu             sync.Mutex
	ids            []string // of all jobs that were accepted
	asked          []string // of those that the API knows already
	starts, status sample
	failures       []string // answers that nobody should get
}

func newUsers(s *system, clients int) *users {
	none, start := "", world.AppCommand(s.self)
	return &users{
		system: s, clients: clients,
		api: client.Client{
			URL: s.APIURL, Token: s.Token,
			HTTP: &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}},
		},
		request: job.Request{
			Goal:     "a page",
			Source:   job.Source{Files: map[string]job.File{"index.html": {Content: []byte("a page")}}},
			Commands: job.Commands{Install: &none, Check: &none, Start: &start},
		},
	}
}

// each calls f for 0 to n-1, so many at a time, and returns when all have ended.
func each(atOnce, n int, f func(int)) {
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wait.Go(func() {
			f(i)
			<-slots
		})
	}
	wait.Wait()
}

// submit sends in n jobs at once: most by the API, and some, one after the
// other, as another backend does.
func (u *users) submit(ctx context.Context, n int) {
	projects := make([]string, n/shared+1)
	for i := range projects {
		projects[i] = job.NewID()
	}
	body := func(i int) []byte {
		request := u.request
		request.ProjectID = projects[i%len(projects)]
		text, _ := json.Marshal(request) // texts always marshal
		return text
	}
	others := n / direct
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range others {
			u.enqueue(ctx, body(i))
		}
	})
	each(u.clients, n-others, func(i int) { u.start(ctx, body(i)) })
	wait.Wait()
}

func (u *users) start(ctx context.Context, body []byte) {
	a, err := client.Wanted(http.StatusCreated)(u.api.StartRaw(ctx, body, ""))
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.failures = append(u.failures, err.Error())
		return
	}
	u.starts.add(a.Took)
	u.ids, u.asked = append(u.ids, a.Told.JobID), append(u.asked, a.Told.JobID)
}

func (u *users) enqueue(ctx context.Context, body []byte) {
	id := job.NewID()
	err := u.builds.SendBuild(ctx, sqs.BuildMessage{JobID: id, UserID: "backend", Request: body}, 0)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.failures = append(u.failures, err.Error())
		return
	}
	u.ids = append(u.ids, id)
}

// known are up to n jobs that belong to the API's user.
func (u *users) known(n int) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.asked[:min(n, len(u.asked))])
}

// ask keeps asking for the status of any job until ctx ends.
func (u *users) ask(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		u.mu.Lock()
		id := ""
		if len(u.asked) > 0 {
			id = u.asked[rand.IntN(len(u.asked))]
		}
		u.mu.Unlock()
		if id == "" {
			continue
		}
		wait.Go(func() { // a late answer delays no other question
			a, err := client.Wanted(http.StatusOK)(u.api.Status(context.WithoutCancel(ctx), id))
			for u.patient && a.Code == http.StatusServiceUnavailable && a.RetryAfter > 0 && retryAfter(ctx, a) == nil {
				a, err = client.Wanted(http.StatusOK)(u.api.Status(context.WithoutCancel(ctx), id))
			}
			u.mu.Lock()
			defer u.mu.Unlock()
			if err != nil {
				u.failures = append(u.failures, err.Error())
				return
			}
			u.status.add(a.Took)
		})
	}
}

// wake resumes jobs at once, each until its preview is up, again when it is told
// to, then asks for their pause. It returns how long it took until they were up.
func (u *users) wake(ctx context.Context, ids []string) (sample, error) {
	took, errs := make(sample, len(ids)), make([]error, len(ids))
	each(len(ids), len(ids), func(i int) {
		began := time.Now()
		for {
			a, err := client.Wanted(http.StatusOK, http.StatusAccepted, http.StatusTooManyRequests)(u.api.Do(ctx, ids[i], client.Resume))
			if err == nil && a.Code != http.StatusOK {
				err = retryAfter(ctx, a)
			}
			if err != nil {
				errs[i] = err
				return
			}
			if a.Code == http.StatusOK {
				break
			}
		}
		took[i] = time.Since(began)
		_, errs[i] = client.Wanted(http.StatusAccepted)(u.api.Do(ctx, ids[i], client.Snapshot))
	})
	return took, errors.Join(errs...)
}

// retryAfter waits for as long as the answer says.
func retryAfter(ctx context.Context, a client.Answer) error {
	timer := time.NewTimer(max(a.RetryAfter, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

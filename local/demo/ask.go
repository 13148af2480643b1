package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

const (
	// busyLimit is how long a call is repeated that the system asks to repeat.
	busyLimit = 2 * time.Minute
	// startLimit is how long the call that makes a job may take, even after Ctrl-C.
	startLimit = 45 * time.Second
)

// ErrToken: the API does not take the token.
var ErrToken = errors.New("the API takes no such token: get one of the issuer that the stack names (JwtIssuer), for its audience (JwtAudience), that has not ended, and export TOKEN")

// ErrElsewhere: what answers is not the API.
var ErrElsewhere = errors.New("this is no answer of the API's: API_URL must be the stack's output ApiUrl as it is, with nothing after it; if it is, then something in front of the API, such as a firewall (AWS WAF), a CDN or a proxy, turns this machine away, and must let it through")

// until does one thing again until it is done, and waits as long as it says in
// between. The error of one that is not done within the limit says what was waited for.
func (d *demo) until(ctx context.Context, limit time.Duration, what string, do func(context.Context) (done bool, again time.Duration, err error)) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	late := func() error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("waited %s for %s", limit, what)
	}
	for {
		done, again, err := do(bounded)
		switch {
		case bounded.Err() != nil && !done:
			return late()
		case err != nil || done:
			return err
		}
		select {
		case <-bounded.Done():
			return late()
		case <-time.After(max(again, d.every)):
		}
	}
}

// polite is the time that a system asks for between two questions. A local one is asked
// more often, to be seen at work.
func (d *demo) polite(asked time.Duration) time.Duration {
	if d.inside != nil {
		return 0
	}
	return asked
}

// ask makes a call again for as long as the system is busy, and makes an error of every
// answer that has none of the codes.
func (d *demo) ask(ctx context.Context, call func() (client.Answer, error), codes ...int) (a client.Answer, err error) {
	err = d.until(ctx, busyLimit, "a system that is busy", func(context.Context) (bool, time.Duration, error) {
		a, err = call()
		busy := a.Code == http.StatusTooManyRequests || a.Code == http.StatusServiceUnavailable
		switch {
		case elsewhere(a, err):
			return false, 0, fmt.Errorf("%s %s: %d %.200q: %w", a.Method, a.Path, a.Code, a.Body, ErrElsewhere)
		case err == nil && a.Code == http.StatusUnauthorized:
			return false, 0, fmt.Errorf("401 %s: %w", a.Header.Get("Www-Authenticate"), ErrToken)
		case err == nil && busy && a.RetryAfter > 0:
			return false, a.RetryAfter, nil
		}
		_, err = client.Wanted(codes...)(a, err)
		return true, 0, err
	})
	return a, err
}

// elsewhere reports whether an answer came from before the API, or from another place: when
// the API says no, it gives a detail. Of the gateway's own answers, those that leave no hope.
func elsewhere(a client.Answer, err error) bool {
	if err != nil {
		return errors.Is(err, client.ErrNoJSON)
	}
	no := a.Code == http.StatusForbidden || a.Code == http.StatusNotFound || a.Code == http.StatusMethodNotAllowed
	return no && a.Told.Detail.Message == ""
}

func (d *demo) status(ctx context.Context, id string) (client.Answer, error) {
	return d.ask(ctx, func() (client.Answer, error) { return d.user.Status(ctx, id) }, http.StatusOK)
}

// start makes a job. The call is not cut by Ctrl-C, so that no job is left that nobody
// knows; its key makes it one job, however often it is sent.
func (d *demo) start(ctx context.Context, request job.Request) (string, error) {
	key := job.NewID()
	answer, err := d.ask(ctx, func() (client.Answer, error) {
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
		defer cancel()
		a, err := d.user.Start(whole, request, key)
		if err != nil { // the answer alone may be lost
			a, err = d.user.Start(whole, request, key)
		}
		if err == nil && (a.Code == http.StatusCreated || a.Code == http.StatusOK) {
			d.made = append(d.made, a.Told.JobID)
		}
		return a, err
	}, http.StatusCreated, http.StatusOK)
	return answer.Told.JobID, err
}

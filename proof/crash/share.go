package crash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"siesta/local/client"
	"siesta/proof/world"
	"siesta/shared/job"
)

// visits are the ways through what people with a link do, and its owner.
var visits = []Scenario{
	{Name: "click", Function: "wake", Prepare: shared(world.Asleep), Act: visit(job.Click), Rotate: true},
	{Name: "viewing", Function: "wake", Prepare: shared(halfOver), Act: visit(job.Viewing), Rotate: true},
	{Name: "links end", Function: "share", Prepare: shared(world.Asleep), Act: endLinks, Again: true, Rotate: true},
	{Name: "links end, somebody clicks", Function: "wake", Prepare: shared(world.Asleep), Act: endLinks, Rotate: true},
}

// shared is the path of a link to a job that was made before.
func shared(before func(context.Context, *world.System) (string, error)) func(context.Context, *world.System) (string, error) {
	return func(ctx context.Context, s *world.System) (string, error) {
		id, err := before(ctx, s)
		if err != nil {
			return "", err
		}
		a, err := client.Wanted(http.StatusCreated)(s.API().Call(ctx, http.MethodPost, "/api/generation/"+id+"/share", nil, nil))
		if err != nil {
			return "", err
		}
		u, err := url.Parse(a.Told.ShareURL)
		return u.Path, err
	}
}

// halfOver is a preview that was woken so long ago that who looks at it prolongs it.
func halfOver(ctx context.Context, s *world.System) (string, error) {
	id, err := world.Awake(ctx, s)
	if err != nil {
		return "", err
	}
	return id, s.Pass(ctx, job.DefaultWake/2+world.Leap)
}

// visit posts what the page of a link posts.
func visit(intent job.Intent) func(context.Context, *world.System, string) error {
	return func(ctx context.Context, s *world.System, link string) error {
		visitor := s.API()
		visitor.Token = ""
		_, err := visitor.Call(ctx, http.MethodPost, link+"/wake", []byte(`{"intent": "`+string(intent)+`"}`), http.Header{"Sec-Fetch-Site": {"same-origin"}})
		return err
	}
}

// endLinks ends the links of the only job there is, while somebody's click on one wakes
// it. Once that is answered with success, the link opens nothing.
func endLinks(ctx context.Context, s *world.System, link string) error {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return err
	}
	id, clicked := jobs[0].ID, make(chan error, 1)
	go func() { clicked <- visit(job.Click)(ctx, s, link) }()
	for j := jobs[0]; j.SandboxPaused && len(clicked) == 0; {
		if j, err = s.Store.Get(ctx, id); err != nil {
			return err
		}
	}
	ended, err := s.API().Call(ctx, http.MethodDelete, "/api/generation/"+id+"/share", nil, nil)
	if err := errors.Join(err, <-clicked); err != nil || ended.Code != http.StatusNoContent {
		return err
	}
	seen, err := s.API().Call(ctx, http.MethodGet, link+"/state", nil, nil)
	if err == nil && seen.Code == http.StatusOK {
		err = errors.New("a link that was ended opens: " + strings.TrimSpace(string(seen.Body)))
	}
	return err
}

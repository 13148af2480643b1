package e2b

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"siesta/shared/e2b/webpage"
)

const (
	// mostScripts is how many are fetched for one page, and moduleDepth how far
	// its modules' imports are followed: from what the page names to the parts of
	// an app whose entry imports them by way of its routes.
	mostScripts = 32
	moduleDepth = 3
	// moduleHead is how much of a module is searched for imports.
	moduleHead = 128 << 10
	// mostScript is how much of a bundle is read.
	mostScript = 16 << 20
)

// Work looks at the scripts of a page that was seen, as its visitors' browsers
// fetch them, and returns the page as it is with them: AppFails if its server
// cannot make one, with what it says of that. All that is not seen says nothing
// against a page: scripts that have no answer while ctx lasts, or that are
// missing, other hosts', inline, loaded later, or further than moduleDepth from the
// page; and whatever goes wrong while they run.
func (c *Client) Work(ctx context.Context, p Preview) Preview {
	level, seen := p.scripts, map[string]bool{}
	for range moduleDepth {
		var fresh []*url.URL
		for _, u := range level {
			if len(seen) < mostScripts && !seen[u.String()] {
				seen[u.String()] = true
				fresh = append(fresh, u)
			}
		}
		level = nil
		for i, s := range c.fetchAll(ctx, fresh) {
			if s.fails {
				p.Answer, p.Status, p.Script, p.Says = AppFails, s.status, fresh[i].Path, s.says
				p.Detail = fmt.Sprintf("script %q: status %d", p.Script, s.status)
				return p
			}
			level = append(level, s.imports...)
		}
	}
	return p
}

// script is what became of one.
type script struct {
	status  int
	fails   bool
	says    string
	imports []*url.URL
}

// fetchAll fetches scripts at the same time.
func (c *Client) fetchAll(ctx context.Context, scripts []*url.URL) []script {
	fetched := make([]script, len(scripts))
	var all sync.WaitGroup
	for i, u := range scripts {
		all.Go(func() { fetched[i] = c.fetch(ctx, u) })
	}
	all.Wait()
	return fetched
}

func (c *Client) fetch(ctx context.Context, u *url.URL) (s script) {
	resp, err := c.visit(ctx, u.String(), "*/*")
	if err != nil {
		return s
	}
	defer resp.Body.Close()
	s.status = resp.StatusCode
	body := io.LimitReader(resp.Body, mostScript)
	text := webpage.ReadScript(body, moduleHead)
	switch {
	case s.status >= http.StatusInternalServerError:
		_, edge := ParseEdge(text.Head)
		s.fails, s.says = !edge, webpage.Says(text.Head)
	case s.status == http.StatusOK:
		s.fails, s.says = text.Fails != "", text.Fails
		s.imports = webpage.Imports(u, text.Head)
	}
	return s
}

package main

import (
	"context"

	"siesta/shared/e2b"
	"siesta/shared/e2b/webpage"
)

// based follows an app that is not at its root to where it is. Visitors follow
// a redirect by themselves, so that it is in the preview's address only if it is
// the address that the server tells everybody, and not, say, a log-on; but what they
// come to is what they see.
func (t *turn) based(ctx context.Context, app seen) seen {
	switch {
	case app.Moved != "":
		to := t.at(ctx, app.port, app.Moved)
		if to.Page() && to.Status < 300 && app.Moved == t.printed(ctx, app.port) {
			return to
		}
		if to.Page() || to.Answer == e2b.AppFails || to.Answer == e2b.AppEmpty {
			app.Preview = to.Preview
		}
	case app.Base != "":
		// Until that answers, the app is still coming up.
		if to := t.at(ctx, app.port, app.Base); to.Page() || !to.Ready() {
			return to
		}
	case app.Ready() && app.Status == 404:
		if path := t.printed(ctx, app.port); path != "" {
			if to := t.at(ctx, app.port, path); to.Page() {
				return to
			}
		}
	}
	return app
}

// at is what a path of a port shows.
func (t *turn) at(ctx context.Context, port int, path string) seen {
	return seen{port, path, t.probe(ctx, t.e2b.PreviewURL(t.j.SandboxID, port)+path)}
}

// printed is the path of the address that the server has printed for a port.
func (t *turn) printed(ctx context.Context, port int) string {
	return webpage.Printed(t.lastOutput(ctx, "start"), port)
}

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

// visitLimit is how long a preview may take to answer one visit.
const visitLimit = 10 * time.Second

// heading is what the demo changes of an app: the text of its first one.
var heading = regexp.MustCompile(`(<h1[^>]*>)([^<{]+)(</h1>)`)

// change is one file of an app with another heading. ok is false where none has one.
func (a App) change(text string) (name string, files map[string]job.File, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		content := a.files[name].Content
		at := heading.FindSubmatchIndex(content)
		if at == nil {
			continue
		}
		changed := slices.Concat(content[:at[4]], []byte(text), content[at[5]:])
		return name, map[string]job.File{name: {Content: changed}}, true
	}
	return "", nil, false
}

// iterate changes the app at its address, then breaks it, and shows that this leaves
// what was there. It returns the version that counts in the end.
func (d *demo) iterate(ctx context.Context, app App, first job.Request, id string) (string, error) {
	const better, worse = "Changed where it is", "Broken"
	name, files, ok := app.change(better)
	if !ok {
		fmt.Printf("\n%s has no heading in its files, so there is nothing to change for show.\n", app.folder)
		return id, nil
	}
	fmt.Printf("\nChanging the heading in %s: previous_job_id, and one file\n\n", name)
	request := job.Request{ProjectID: first.ProjectID, Goal: "another heading", PreviousJobID: id, Source: job.Source{Files: files}}
	second, status, err := d.change(ctx, request)
	if err != nil {
		return "", err
	}
	if status.Status != job.Ready {
		return "", fmt.Errorf("the iteration failed (debug_id %s): %s", client.Text(status.DebugID), client.Text(status.ErrorMessage))
	}
	if err := d.look(ctx, second, name, better); err != nil {
		return "", err
	}
	fmt.Printf("%q is at the same address, which is asleep again: %s\n", better, client.Text(status.PreviewURL))

	_, files, _ = app.change(worse)
	fails := "echo 'the check finds it' && exit 1"
	fmt.Printf("\nBreaking it: a change whose check fails\n\n")
	_, status, err = d.change(ctx, job.Request{
		ProjectID: first.ProjectID, Goal: "a change that breaks", PreviousJobID: second, Source: job.Source{Files: files}, Commands: job.Commands{Check: &fails},
	})
	if err != nil {
		return "", err
	}
	if status.Status != job.Failed {
		return "", errors.New("a change whose check fails became READY")
	}
	if err := d.look(ctx, second, name, better); err != nil {
		return "", err
	}
	fmt.Printf("All was put back: %q answers, and is asleep again\n", better)
	return second, nil
}

// look wakes a preview that falls asleep, sees what it shows, and lets it sleep.
func (d *demo) look(ctx context.Context, id, name, text string) error {
	if _, err := d.asleep(ctx, id); err != nil {
		return err
	}
	preview, err := d.awake(ctx, id)
	if err != nil {
		return err
	}
	if err := d.shows(ctx, preview, name, text); err != nil {
		return err
	}
	sleep := func() (client.Answer, error) { return d.user.Do(ctx, id, client.Snapshot) }
	if _, err := d.ask(ctx, sleep, http.StatusOK, http.StatusAccepted); err != nil {
		return err
	}
	_, err = d.asleep(ctx, id)
	return err
}

// change runs one iteration to its end, with its time and what it cost.
func (d *demo) change(ctx context.Context, request job.Request) (id string, status client.Told, err error) {
	before, err := d.inside.bill(ctx)
	if err != nil {
		return "", status, err
	}
	began := time.Now()
	if id, err = d.start(ctx, request); err != nil {
		return "", status, err
	}
	if status, err = d.follow(ctx, began, id); err != nil {
		return "", status, err
	}
	took := time.Since(began)
	after, err := d.inside.bill(ctx)
	if err != nil {
		return "", status, err
	}
	fmt.Printf("\nIt took %.1f s", took.Seconds())
	if d.inside != nil {
		fmt.Printf(", and %d ms of Lambda's build", after["build"].since(before["build"]).billed.Milliseconds())
	}
	fmt.Println()
	return id, status, nil
}

// awake wakes a preview and returns its address.
func (d *demo) awake(ctx context.Context, id string) (preview string, err error) {
	err = d.until(ctx, wakeLimit, "the preview to wake", func(ctx context.Context) (bool, time.Duration, error) {
		a, err := d.ask(ctx, func() (client.Answer, error) { return d.user.Do(ctx, id, client.Resume) }, http.StatusOK, http.StatusAccepted)
		preview = client.Text(a.Told.PreviewURL)
		return a.Code == http.StatusOK, d.polite(a.RetryAfter), err
	})
	return preview, err
}

// shows waits until a preview's page, or the file of it that was changed as its server
// serves that, has a text.
func (d *demo) shows(ctx context.Context, preview, name, text string) error {
	return d.until(ctx, showLimit, fmt.Sprintf("the preview %s to show %q", preview, text), func(ctx context.Context) (bool, time.Duration, error) {
		for _, address := range []string{preview, preview + "/" + name} {
			if body, err := d.visit(ctx, address); err == nil && bytes.Contains(body, []byte(text)) {
				return true, 0, nil
			}
		}
		return false, 0, nil
	})
}

// visitor opens previews: at the edge of E2B's simulator, since no name server knows
// their hosts; at E2B itself, where that is used or nothing else is known. As to
// browsers, what is below localhost is this machine.
func visitor(edge string) *http.Client {
	u, err := url.Parse(edge)
	known := err == nil && u.Host != ""
	var dialer net.Dialer
	return &http.Client{Timeout: visitLimit, Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		switch {
		case known:
			address = u.Host
		case err == nil && strings.HasSuffix(host, ".localhost"):
			address = net.JoinHostPort("localhost", port)
		}
		return dialer.DialContext(ctx, network, address)
	}}}
}

func (d *demo) visit(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.visitor.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

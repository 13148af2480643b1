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
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

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
	if _, err := client.Wanted(http.StatusOK, http.StatusAccepted)(d.user.Do(ctx, id, client.Snapshot)); err != nil {
		return err
	}
	_, err = d.asleep(ctx, id)
	return err
}

// change runs one iteration to its end, with its time and what it cost.
func (d *demo) change(ctx context.Context, request job.Request) (id string, status client.Told, err error) {
	before, err := readBills(ctx, d.admin)
	if err != nil {
		return "", status, err
	}
	began := time.Now()
	started, err := client.Wanted(http.StatusCreated)(d.user.Start(ctx, request, ""))
	if err != nil {
		return "", status, err
	}
	if status, err = d.follow(ctx, began, started.Told.JobID); err != nil {
		return "", status, err
	}
	took := time.Since(began)
	after, err := readBills(ctx, d.admin)
	if err != nil {
		return "", status, err
	}
	fmt.Printf("\nIt took %.1f s, and %d ms of Lambda's build\n", took.Seconds(), after["build"].since(before["build"]).billed.Milliseconds())
	return started.Told.JobID, status, nil
}

// awake wakes a preview and returns its address.
func (d *demo) awake(ctx context.Context, id string) (string, error) {
	for {
		a, err := client.Wanted(http.StatusOK, http.StatusAccepted)(d.user.Do(ctx, id, client.Resume))
		if err != nil || a.Code == http.StatusOK {
			return client.Text(a.Told.PreviewURL), err
		}
		if err := wait(ctx, askEvery); err != nil {
			return "", err
		}
	}
}

// shows waits until a preview's page, or the file of it that was changed as its server
// serves that, has a text.
func (d *demo) shows(ctx context.Context, preview, name, text string) error {
	ctx, cancel := context.WithTimeout(ctx, showLimit)
	defer cancel()
	for {
		for _, address := range []string{preview, preview + "/" + name} {
			if body, err := d.visit(ctx, address); err == nil && bytes.Contains(body, []byte(text)) {
				return nil
			}
		}
		if err := wait(ctx, askEvery); err != nil {
			return fmt.Errorf("the preview %s does not show %q", preview, text)
		}
	}
}

// visitor opens previews: at the edge of E2B's simulator, since no name server knows
// their hosts; at E2B itself, where that is used.
func visitor(edge string) *http.Client {
	u, err := url.Parse(edge)
	if err != nil || u.Host == "" {
		return http.DefaultClient
	}
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, u.Host)
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

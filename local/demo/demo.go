// Package demo builds one app on a running system and shows what happens, on the
// terminal: each stage, the pause, the same facts as three places tell them, and
// what it cost. It is a user of the system, and starts nothing.
package demo

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"siesta/local/client"
	"siesta/shared/job"
)

const (
	askEvery = 100 * time.Millisecond
	// buildLimit is how long a job may take until it is READY or failed.
	buildLimit = 10 * time.Minute
	// sleepLimit is how long after READY the demo waits for the pause.
	sleepLimit = 2 * time.Minute
	// showLimit is how long a preview may take to show what has changed.
	showLimit = 15 * time.Second
	// wakeLimit is how long a preview may take to wake.
	wakeLimit = 2 * time.Minute
)

// Show builds an app on the system that .local/env tells of, and shows it become
// READY and fall asleep, change where it is, and be put back. stays says that the system is up after that.
func Show(ctx context.Context, system map[string]string, stays bool, app App) error {
	inside, err := open(ctx, system)
	if err != nil {
		return err
	}
	defer inside.close()
	d := &demo{
		user: client.Client{URL: system["API_URL"], Token: system["TOKEN"]}, inside: inside, stays: stays,
		screen: newScreen(os.Stdout), visitor: visitor(system["E2B_SANDBOX_URL"]), every: askEvery,
	}
	return d.run(ctx, app)
}

type demo struct {
	user    client.Client
	inside  *inside // nil: nothing but the API is known
	visitor *http.Client
	screen  screen
	stays   bool          // the system is up after the demo
	every   time.Duration // between two questions, at the least
	made    []string      // the jobs, the oldest first
}

func (d *demo) run(ctx context.Context, app App) error {
	began := time.Now()
	fmt.Printf("\nBuilding %s (%d files)\n\n", app.folder, len(app.files))
	request := job.Request{ProjectID: job.NewID(), Goal: "show " + app.folder, Source: job.Source{Files: app.files}}
	id, err := d.start(ctx, request)
	if err != nil {
		return err
	}
	status, err := d.follow(ctx, began, id)
	if err != nil {
		return err
	}
	if status.Status != job.Ready {
		return fmt.Errorf("the build failed (debug_id %s): %s", client.Text(status.DebugID), client.Text(status.ErrorMessage))
	}
	fmt.Printf("\nThe preview answered at   %s\n", client.Text(status.PreviewURL))
	if status, err = d.asleep(ctx, id); err != nil {
		return err
	}
	if err := d.report(ctx, id, status); err != nil {
		return err
	}
	if id, err = d.iterate(ctx, app, request, id); err != nil {
		return err
	}
	return d.farewell(ctx, id)
}

// follow shows each stage with the time since the start, and the newest line of
// its log where that can be seen, until the job is terminal.
func (d *demo) follow(ctx context.Context, began time.Time, id string) (told client.Told, err error) {
	var shown job.Status
	err = d.until(ctx, buildLimit, "the build to be READY or failed", func(ctx context.Context) (bool, time.Duration, error) {
		status, err := d.status(ctx, id)
		if err != nil {
			return false, 0, err
		}
		told = status.Told
		elapsed := time.Since(began)
		if told.Status != shown {
			d.screen.stage(elapsed, told.StageLabel)
			shown = told.Status
		}
		if told.Status.Terminal() {
			d.screen.done()
			return true, 0, nil
		}
		if line, ok := d.inside.line(ctx, id); ok {
			d.screen.log(elapsed, told.StageLabel, line)
		}
		return false, d.polite(status.RetryAfter), nil
	})
	return told, err
}

// asleep waits until the status says that the sandbox is paused.
func (d *demo) asleep(ctx context.Context, id string) (told client.Told, err error) {
	err = d.until(ctx, sleepLimit, "the sandbox to be paused", func(ctx context.Context) (bool, time.Duration, error) {
		status, err := d.status(ctx, id)
		told = status.Told
		return told.SandboxPaused, 0, err
	})
	return told, err
}

// Package demo builds one app on a running system and shows what happens, on the
// terminal: each stage, the pause, the same facts as three places tell them, and
// what it cost. It is a user of the system, and starts nothing.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"siesta/local/client"
	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

const (
	askEvery = 100 * time.Millisecond
	// sleepLimit is how long after READY the demo waits for the pause.
	sleepLimit = 2 * time.Minute
	// showLimit is how long a preview may take to show what has changed.
	showLimit = 15 * time.Second
)

// Show builds an app on the system that .local/env tells of, and shows it become
// READY and fall asleep, change where it is, and be put back. stays says that the system is up after that.
func Show(ctx context.Context, system map[string]string, stays bool, app App) error {
	d, err := open(ctx, system)
	if err != nil {
		return err
	}
	defer d.close()
	d.stays = stays
	return d.run(ctx, app)
}

type demo struct {
	user    client.Client
	admin   stack.Admin
	db      *postgres.DB
	store   *jobs.Store
	cache   *redis.Cache
	visitor *http.Client
	screen  screen
	bills   bills // before the demo
	stays   bool  // the system is up after the demo
}

func open(ctx context.Context, system map[string]string) (*demo, error) {
	db, err := postgres.Open(ctx, postgres.Config{URL: system["DATABASE_URL"]})
	if err != nil {
		return nil, err
	}
	cache, err := redis.Open(redis.Config{URL: system["REDIS_URL"]})
	if err != nil {
		db.Close()
		return nil, err
	}
	d := &demo{
		user: client.Client{URL: system["API_URL"], Token: system["TOKEN"]}, admin: stack.Admin(system["ADMIN_URL"]),
		db: db, store: jobs.NewStore(db, "", nil), cache: cache, screen: newScreen(os.Stdout), visitor: visitor(system["E2B_SANDBOX_URL"]),
	}
	if d.bills, err = readBills(ctx, d.admin); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *demo) close() {
	d.db.Close()
	_ = d.cache.Close()
}

func (d *demo) run(ctx context.Context, app App) error {
	began := time.Now()
	fmt.Printf("\nBuilding %s (%d files)\n\n", app.folder, len(app.files))
	request := job.Request{ProjectID: job.NewID(), Goal: "show " + app.folder, Source: job.Source{Files: app.files}}
	started, err := client.Wanted(http.StatusCreated)(d.user.Start(ctx, request, ""))
	if err != nil {
		return err
	}
	id := started.Told.JobID
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

func (d *demo) status(ctx context.Context, id string) (client.Told, error) {
	answer, err := client.Wanted(http.StatusOK)(d.user.Status(ctx, id))
	return answer.Told, err
}

// follow shows each stage with the time since the start, and the newest line of
// its log, until the job is terminal.
func (d *demo) follow(ctx context.Context, began time.Time, id string) (client.Told, error) {
	var shown job.Status
	for {
		status, err := d.status(ctx, id)
		if err != nil {
			return client.Told{}, err
		}
		elapsed := time.Since(began)
		if status.Status != shown {
			d.screen.stage(elapsed, status.StageLabel)
			shown = status.Status
		}
		if status.Status.Terminal() {
			d.screen.done()
			return status, nil
		}
		if line, ok, err := d.cache.LastLog(ctx, id); err == nil && ok {
			d.screen.log(elapsed, status.StageLabel, line.Text)
		}
		if err := wait(ctx, askEvery); err != nil {
			return client.Told{}, err
		}
	}
}

// asleep waits until the status says that the sandbox is paused.
func (d *demo) asleep(ctx context.Context, id string) (client.Told, error) {
	ctx, cancel := context.WithTimeout(ctx, sleepLimit)
	defer cancel()
	for {
		status, err := d.status(ctx, id)
		if err != nil || status.SandboxPaused {
			return status, err
		}
		if err := wait(ctx, askEvery); err != nil {
			return client.Told{}, errors.New("the sandbox was not paused in time: see .local/log")
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

const (
	demoEvery = 100 * time.Millisecond
	demoLimit = 15 * time.Minute
	// sleepLimit is how long after READY the demo waits for the pause.
	sleepLimit = 2 * time.Minute
)

// demo builds the app in a folder on the checkout's system, and shows it become
// READY and fall asleep.
func (c checkout) demo(ctx context.Context, folder string) error {
	files, err := readApp(folder)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	return c.withSystem(ctx, os.Stdout, func(system map[string]string, stays bool) error {
		d, err := newDemo(ctx, system)
		if err != nil {
			return err
		}
		defer d.close()
		d.stays = stays
		return d.run(ctx, folder, files)
	})
}

type demo struct {
	client client
	admin  stack.Admin
	db     *postgres.DB
	store  *jobs.Store
	cache  *redis.Cache
	screen screen
	bills  bills // before the demo
	stays  bool  // the system is up after the demo
}

func newDemo(ctx context.Context, system map[string]string) (*demo, error) {
	db, err := postgres.Open(ctx, postgres.Config{URL: system["DATABASE_URL"]})
	if err != nil {
		return nil, err
	}
	cache, err := redis.Open(redis.Config{URL: system["REDIS_URL"]})
	if err != nil {
		return nil, err
	}
	d := &demo{
		client: client{url: system["API_URL"], token: system["TOKEN"]}, admin: stack.Admin(system["ADMIN_URL"]),
		db: db, store: jobs.NewStore(db, "", nil), cache: cache, screen: newScreen(os.Stdout),
	}
	d.bills, err = readBills(ctx, d.admin)
	return d, err
}

func (d *demo) close() {
	d.db.Close()
	_ = d.cache.Close()
}

func (d *demo) run(ctx context.Context, folder string, files map[string]job.File) error {
	began := time.Now()
	fmt.Printf("\nBuilding %s (%d files)\n\n", folder, len(files))
	started, err := d.client.start(ctx, job.Request{ProjectID: job.NewID(), Goal: "show " + folder, Source: job.Source{Files: files}})
	if err != nil {
		return err
	}
	status, err := d.follow(ctx, began, started.JobID)
	if err != nil {
		return err
	}
	if status.Status != job.Ready {
		return fmt.Errorf("the build failed (debug_id %s): %s", status.DebugID, status.ErrorMessage)
	}
	fmt.Printf("\nThe preview answered at   %s\n", status.PreviewURL)
	if status, err = d.asleep(ctx, started.JobID); err != nil {
		return err
	}
	return d.report(ctx, started.JobID, status)
}

// follow shows each stage with the time since the start, and the newest line of
// its log, until the job is terminal.
func (d *demo) follow(ctx context.Context, began time.Time, id string) (answer, error) {
	var shown job.Status
	for {
		status, err := d.client.status(ctx, id)
		if err != nil {
			return answer{}, err
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
		if err := wait(ctx, demoEvery); err != nil {
			return answer{}, err
		}
	}
}

// asleep waits until the status says that the sandbox is paused.
func (d *demo) asleep(ctx context.Context, id string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, sleepLimit)
	defer cancel()
	for {
		status, err := d.client.status(ctx, id)
		if err != nil || status.SandboxPaused {
			return status, err
		}
		if err := wait(ctx, demoEvery); err != nil {
			return answer{}, errors.New("the sandbox was not paused in time: see .local/log")
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

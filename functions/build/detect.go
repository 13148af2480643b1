package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"siesta/shared/detect"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// plan is how the app is run: by the request's own commands, else by what its
// files say. What opens it to its preview's address is theirs in any case.
func (t *turn) plan(ctx context.Context, request job.Request) (job.Plan, error) {
	own := request.Commands
	view, err := t.view(ctx, job.Workspace)
	if err != nil {
		return job.Plan{}, err
	}
	if request.Port != nil {
		view.Port = *request.Port
	}
	plan, err := detect.Plan(view)
	if err != nil && own.Start == nil {
		return job.Plan{}, unplanned(err)
	}
	t.say(ctx, recognized(plan.Why, own))
	if own.Install != nil {
		plan.Install = *own.Install
	}
	if own.Check != nil {
		plan.Check = *own.Check
	}
	if own.Start != nil && *own.Start != "" {
		plan = detect.Open(view, plan, *own.Start)
	} else if own.Start != nil {
		plan.Start, plan.Reloads = "", false
	}
	if plan.Port == 0 {
		plan.Port = job.DefaultPort
	}
	if request.Port != nil {
		plan.Port, plan.Named = *request.Port, true
	}
	plan.Preload, err = t.preload(ctx, view, plan.Port)
	return plan, err
}

// recognized is the log's line of what was understood, and of what the request
// says instead.
func recognized(why string, own job.Commands) string {
	line := "Recognized: " + cmp.Or(why, "nothing")
	var requested []string
	for _, c := range []struct {
		name string
		own  *string
	}{{"install", own.Install}, {"start", own.Start}} {
		if c.own != nil {
			requested = append(requested, "commands."+c.name)
		}
	}
	if len(requested) > 0 {
		line += ", with " + strings.Join(requested, " and ") + " as requested"
	}
	return line
}

func unplanned(err error) error {
	var invalid *job.InvalidError
	if errors.As(err, &invalid) {
		return failed(err, "The source could not be used: %s.", invalid)
	}
	return failed(err, "Nothing in the source says how to start this app. %s", hintNothing)
}

// view looks at a project's folder, in one call: its source may have come with the
// template, or from the generator.
func (t *turn) view(ctx context.Context, folder string) (detect.View, error) {
	look := envd.Command{Path: "/bin/bash", Args: []string{"-c", detect.Script, "siesta", folder}}
	looking, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	seen, err := t.envd.Run(looking, look, detect.MaxView)
	if errors.Is(err, e2b.ErrNoProcess) || slipped(err) {
		return detect.View{}, t.notStarted(ctx, err)
	}
	if err != nil {
		return detect.View{}, fmt.Errorf("look at workspace: %w", err)
	}
	view, err := detect.ParseView(seen.Stdout)
	if err != nil {
		return detect.View{}, failed(err, "The project's folder could not be read.")
	}
	return view, nil
}

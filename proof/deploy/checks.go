package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"siesta/local/template"
)

// logical is the name in the template of the function in a folder of functions/.
func logical(name string) string { return strings.ToUpper(name[:1]) + name[1:] + "Function" }

// checkBuilt looks into the binaries that sam has built: each is its own
// function's, for Lambda's processor, with the flags that the Makefile has, and
// beside it lies what else makes a version.
func checkBuilt(wanted template.Template) (err error) {
	for _, f := range wanted.Functions {
		dir := filepath.Join(folder, "build", logical(f.Name))
		info, readErr := buildinfo.ReadFile(filepath.Join(dir, "bootstrap"))
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		got := fmt.Sprintf("%s %s/%s cgo %s tags %s", info.Path, settings["GOOS"], settings["GOARCH"], settings["CGO_ENABLED"], settings["-tags"])
		if want := "siesta/functions/" + f.Name + " linux/arm64 cgo 0 tags lambda.norpc"; got != want {
			err = errors.Join(err, fmt.Errorf("%s is %s, want %s", dir, got, want))
		}
		for _, file := range []string{"rds-ca.pem", "template.yaml", "samconfig.toml"} {
			if _, statErr := os.Stat(filepath.Join(dir, file)); statErr != nil {
				err = errors.Join(err, statErr)
			}
		}
	}
	return err
}

// checkMade: everything that moto can make is there, and functions, queues and
// what joins them are as the template says.
func checkMade(_ context.Context, found there, wanted template.Template) (err error) {
	differs := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			err = errors.Join(err, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	for _, id := range found.Wanted {
		if _, ok := found.Made[id]; !ok {
			err = errors.Join(err, fmt.Errorf("%s was not made", id))
		}
	}
	arns := map[string]string{} // of queues, by logical name
	for _, q := range wanted.Queues {
		arns[q.Name] = found.queue(q.Name)["QueueArn"]
	}
	for _, q := range wanted.Queues {
		got := found.queue(q.Name)
		if q.Visibility > 0 {
			differs(q.Name+"'s visibility", got["VisibilityTimeout"], q.Visibility)
		}
		redrive := ""
		if q.DeadLetter != "" {
			redrive = fmt.Sprintf(`{"deadLetterTargetArn": %q, "maxReceiveCount": %d}`, arns[q.DeadLetter], q.Receives)
		}
		differs(q.Name+"'s redrive policy", got["RedrivePolicy"], redrive)
		differs(q.Name+"'s encryption", got["SqsManagedSseEnabled"], true)
	}
	for _, f := range wanted.Functions {
		got := found.Functions[found.Made[logical(f.Name)]]
		differs(f.Name+"'s runtime", got.Runtime+" "+got.Handler, "provided.al2023 bootstrap")
		differs(f.Name+"'s time-out", got.Timeout, f.Timeout.Seconds())
		differs(f.Name+"'s memory", got.MemorySize, f.Memory)
		for name := range got.Environment.Variables {
			if !slices.Contains(f.Variables, name) {
				err = errors.Join(err, fmt.Errorf("%s has the variable %s", f.Name, name))
			}
		}
		if len(got.Environment.Variables) == 0 {
			err = errors.Join(err, fmt.Errorf("%s has no variables", f.Name))
		}
		mapped := ""
		for _, m := range found.Mappings {
			if strings.HasSuffix(m.FunctionArn, ":"+found.Made[logical(f.Name)]) {
				mapped += fmt.Sprintf("%s by %d", m.EventSourceArn, m.BatchSize)
			}
		}
		want := ""
		if f.Queue != "" {
			want = fmt.Sprintf("%s by %d", arns[f.Queue], f.Batch)
		}
		differs(f.Name+"'s queue", mapped, want)
	}
	differs("the number of functions", len(found.Functions), len(wanted.Functions))
	return err
}

// queue are the attributes of a queue by its logical name.
func (t there) queue(id string) map[string]string {
	for address, attributes := range t.Queues {
		if strings.HasSuffix(address, t.Made[id][strings.LastIndex(t.Made[id], "/"):]) {
			return attributes
		}
	}
	return nil
}

// checkUpdated: a parameter's new value is in the functions that have it, and the
// queues are the same ones.
func checkUpdated(ctx context.Context, found there, wanted template.Template) error {
	err := checkMade(ctx, found, wanted)
	for _, f := range wanted.Functions {
		got := found.Functions[found.Made[logical(f.Name)]].Environment.Variables["WAKE_SECONDS"]
		if has := slices.Contains(f.Variables, "WAKE_SECONDS"); has && fmt.Sprint(got) != "900" {
			err = errors.Join(err, fmt.Errorf("%s has WAKE_SECONDS %v after the update, want 900", f.Name, got))
		}
	}
	if sent := found.queue("BuildDeadLetters")["ApproximateNumberOfMessages"]; sent != "1" {
		err = errors.Join(err, fmt.Errorf("the queue for dead letters has %s messages after the update, want the one from before", sent))
	}
	return err
}

// kept is what a deleted stack leaves on purpose; docs/runbook.md says so, too.
var kept = []string{"builddeadletters", "buildqueue", "migratelogs", "pausedeadletters", "pausequeue", "sourcestore"}

// checkLeft: a deleted stack leaves its queues, their messages and its bucket,
// and nothing else of what moto made.
func checkLeft(_ context.Context, found there, _ template.Template) (err error) {
	var left []string
	for address := range maps.Keys(found.Queues) {
		left = append(left, name(address))
	}
	for _, b := range found.Buckets {
		if !strings.HasPrefix(b, "aws-sam-cli-managed-default") { // SAM's own, for all stacks
			left = append(left, name(b))
		}
	}
	for _, other := range slices.Concat(slices.Collect(maps.Keys(found.Functions)), found.Groups, found.Roles) {
		left = append(left, name(other))
	}
	slices.Sort(left)
	if !slices.Equal(left, kept) {
		err = fmt.Errorf("the deleted stack leaves %v, want %v", left, kept)
	}
	if len(found.Mappings) > 0 {
		err = errors.Join(err, fmt.Errorf("the deleted stack leaves %d event source mappings", len(found.Mappings)))
	}
	return err
}

// name is the logical name in a physical one, as siesta-prod-<name>-<random>, in
// small letters, since buckets have no others. The two queues with names of their
// own are said by them.
func name(physical string) string {
	physical = strings.TrimPrefix(strings.ToLower(physical)[strings.LastIndex(physical, "/")+1:], "siesta-"+stage+"-")
	if physical == "build" || physical == "pause" {
		return physical + "queue"
	}
	id, _, _ := strings.Cut(physical, "-")
	return id
}

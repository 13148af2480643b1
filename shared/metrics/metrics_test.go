package metrics

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"
)

// lines are what was written, each an object of its own.
func lines(t *testing.T, w *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for _, text := range bytes.Split(bytes.TrimSpace(w.Bytes()), []byte("\n")) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		all = append(all, line)
	}
	w.Reset()
	return all
}

// CloudWatch reads the numbers out of one line that is one object, also when the
// function logs errors alone.
func TestWhatWasGatheredIsOneLineForCloudWatch(t *testing.T) {
	t.Cleanup(func() { namespace = "Siesta" })
	Setup("Siesta/siesta-dev")
	var w bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&w, &slog.HandlerOptions{Level: slog.LevelError}))
	warm.Store(true)
	ctx := Gather(t.Context())
	Count(ctx, JobsReady, 1)
	Count(ctx, JobsReady, 2)
	Count(ctx, Cached, 0)
	Took(ctx, TimeToReady, 1500*time.Millisecond)
	Took(ctx, Call("get"), 7*time.Millisecond)
	Took(ctx, Call("get"), -time.Second)
	Write(ctx, log, "turn", slog.String("status", "ready"))

	line := lines(t, &w)[0]
	raw, err := json.Marshal(line["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil || len(meta.CloudWatchMetrics) != 1 || time.Since(time.UnixMilli(meta.Timestamp)) > time.Minute {
		t.Fatalf("_aws is %s: %v", raw, err)
	}
	d := meta.CloudWatchMetrics[0]
	if d.Namespace != "Siesta/siesta-dev" || len(d.Dimensions) != 1 || d.Dimensions[0] == nil || len(d.Dimensions[0]) != 0 {
		t.Errorf("got %s, want the stack's namespace and one set of no dimensions", raw)
	}
	units := map[string]string{}
	for _, m := range d.Metrics {
		units[m.Name] = m.Unit
	}
	for name, want := range map[string]struct {
		unit  string
		value any
	}{
		"jobs_ready": {"Count", 3.0}, "jobs_cached": {"Count", 0.0},
		"time_to_ready_seconds": {"Seconds", []any{1.5}}, "e2b_get_ms": {"Milliseconds", []any{7.0, 0.0}},
	} {
		value, _ := json.Marshal(line[name])
		wanted, _ := json.Marshal(want.value)
		if units[name] != want.unit || !bytes.Equal(value, wanted) {
			t.Errorf("%s is %s in %q, want %s in %s", name, value, units[name], wanted, want.unit)
		}
	}
	if line["status"] != "ready" || line["msg"] != "turn" || len(units) != 4 {
		t.Errorf("got %v", line)
	}
	if Write(ctx, log, "turn"); w.Len() > 0 {
		t.Errorf("written twice: %s", &w)
	}
}

// CloudWatch takes no more than 100 values of a metric from one line.
func TestManyValuesAreSeveralLines(t *testing.T) {
	var w bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&w, nil))
	warm.Store(true)
	ctx := Gather(t.Context())
	Count(ctx, Awake, 5)
	for range 201 {
		Took(ctx, Call("get"), time.Millisecond)
	}
	Write(ctx, log, "reconcile")
	var values []int
	awake := 0
	for _, line := range lines(t, &w) {
		values = append(values, len(line["e2b_get_ms"].([]any)))
		if line["sandboxes_awake"] != nil {
			awake++
		}
	}
	if !slices.Equal(values, []int{100, 100, 1}) || awake != 1 {
		t.Errorf("lines of %v values, and sandboxes_awake in %d", values, awake)
	}
}

func TestTheFirstInvocationOfAProcessIsACold(t *testing.T) {
	var w bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&w, nil))
	warm.Store(false)
	Write(Gather(t.Context()), log, "metrics")
	if line := lines(t, &w)[0]; line["cold_starts"] != 1.0 {
		t.Errorf("got %v", line)
	}
	if Write(Gather(t.Context()), log, "metrics"); w.Len() > 0 {
		t.Errorf("the second one is cold, too: %s", &w)
	}
	Count(t.Context(), JobsReady, 1) // gathered by nobody
	if Write(t.Context(), log, "metrics", slog.Int("n", 1)); w.Len() > 0 {
		t.Errorf("got %s", &w)
	}
}

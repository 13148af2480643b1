package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"
)

// CloudWatch reads the numbers out of one line that is one object, also when
// the function logs errors alone.
func TestMetricsAreOneLineForCloudWatch(t *testing.T) {
	var w bytes.Buffer
	Metrics(With(t.Context(), "job_id", "j1"), New(&w, "error"), "run", map[string]int{"found": 2, "healed": 0}, slog.Int("took_ms", 7))

	line := decode(t, &w)
	raw, err := json.Marshal(line["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	var meta metadata
	if err := json.Unmarshal(raw, &meta); err != nil || len(meta.CloudWatchMetrics) != 1 {
		t.Fatalf("_aws is %s: %v", raw, err)
	}
	d := meta.CloudWatchMetrics[0]
	if d.Namespace != "Siesta" || len(d.Metrics) != 2 || time.Since(time.UnixMilli(meta.Timestamp)) > time.Minute {
		t.Errorf("got %s", raw)
	}
	for _, set := range d.Dimensions {
		for _, name := range set {
			if value, ok := line[name].(string); !ok || value == "" {
				t.Errorf("dimension %s is %v", name, line[name])
			}
		}
	}
	for _, m := range d.Metrics {
		if _, ok := line[m.Name].(float64); !ok || m.Unit != "Count" {
			t.Errorf("metric %s, in %s, has the value %v", m.Name, m.Unit, line[m.Name])
		}
	}
	if line["found"] != 2.0 || line["took_ms"] != 7.0 || line["job_id"] != "j1" || line["message"] != "run" {
		t.Errorf("got %v", line)
	}
}

package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// results are the metrics of benchmarks: values by "Name/sub unit".
type results map[string][]float64

// goBench runs a package's benchmarks count times over, one after another, which
// is what puts their sub-benchmarks in turns.
func goBench(ctx context.Context, folder, name, benchtime string, count int) (results, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+name+"$", "-benchmem",
		"-benchtime", benchtime, "-count", strconv.Itoa(count), "-timeout", "30m", folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("run %s of %s: %w: %s", name, folder, err, out)
	}
	found := parse(string(out))
	if len(found) == 0 {
		return nil, fmt.Errorf("run %s of %s: it printed no result: %s", name, folder, out)
	}
	return found, nil
}

var processors = regexp.MustCompile(`-\d+$`)

// parse reads lines such as "BenchmarkX/a-2  300  81.2 ns/op  16 B/op".
func parse(out string) results {
	found := results{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		for i := 2; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				key := name + " " + fields[i+1]
				found[key] = append(found[key], value)
			}
		}
	}
	return found
}

// get returns the values of one metric, or says which there are.
func (r results) get(key string) ([]float64, error) {
	if values := r[key]; len(values) > 0 {
		return values, nil
	}
	return nil, fmt.Errorf("no metric %q among %q", key, slices.Sorted(maps.Keys(r)))
}

// durations returns a metric in multiples of unit as times.
func (r results) durations(key string, unit time.Duration) (sample, error) {
	values, err := r.get(key)
	var s sample
	for _, v := range values {
		s.add(time.Duration(v * float64(unit)))
	}
	return s, err
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

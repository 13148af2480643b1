package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// results are the metrics of benchmarks: values by "Name/sub unit".
type results map[string][]float64

// benchmark is how one of a package's benchmarks is run. One that measures its
// floor itself, in turns, is repeated count times in one process. Of one with a
// sub-benchmark for the floor, Go would repeat the first and then the second, not
// in turns: it has a process for each turn instead.
type benchmark struct {
	folder, name, benchtime string
	processes, count        int
}

func (m benchmark) run(ctx context.Context) (results, error) {
	dir, err := os.MkdirTemp("", "siesta-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, m.folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build benchmarks of %s: %w: %s", m.folder, err, out)
	}
	var printed strings.Builder
	for range m.processes {
		cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^Benchmark"+m.name+"$", "-test.benchmem",
			"-test.benchtime="+m.benchtime, "-test.count="+strconv.Itoa(m.count), "-test.timeout=30m")
		cmd.Dir = m.folder
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("run benchmark %s of %s: %w: %s", m.name, m.folder, err, out)
		}
		printed.Write(out)
	}
	return parse(printed.String()), nil
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

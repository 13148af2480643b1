package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// metric is a benchmark that holds itself against its floor and reports the
// outcome in a unit of its own.
type metric struct {
	what, folder, name, unit, shown, benchtime string
	most                                       float64
}

// e2b are the costs of the client of E2B.
func (b *bench) e2b(ctx context.Context) ([]row, error) {
	var rows []row
	for _, m := range []metric{
		{"client's own time on a pause call", "./shared/e2b", "Pause", "own-us/op", " us", "1000x", 300},
		{"upload of 2,000 files, to one with all their bytes", "./shared/e2b/envd", "Upload", "many/one", "x", "10x", 1.2},
		{"heap of an upload of 100 MB", "./shared/e2b/envd", "UploadMemory", "peak-MiB", " MiB", "1x", 16},
		{"heap of reading a log of 100 MB", "./shared/e2b/envd", "LogMemory", "peak-MiB", " MiB", "1x", 16},
	} {
		r, err := m.row(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (m metric) row(ctx context.Context) (row, error) {
	found, err := benchmark{m.folder, m.name, m.benchtime, 1, 5}.run(ctx)
	if err != nil {
		return row{}, err
	}
	values, err := found.get(m.name + " " + m.unit)
	if err != nil {
		return row{}, err
	}
	return row{
		what: m.what, measured: fmt.Sprintf("%.3g%s (%.3g-%.3g)", median(values), m.shown, slices.Min(values), slices.Max(values)),
		floor: "-", ratio: "-", budget: fmt.Sprintf("<= %g%s", m.most, m.shown), over: median(values) > m.most,
	}, nil
}

// reconcile holds a run among a million finished jobs against one among a
// thousand, each with a thousand live ones.
func (b *bench) reconcile(ctx context.Context) ([]row, error) {
	found, err := benchmark{"./functions/reconcile", "Million", "3x", 1, max(b.rounds/3, 3)}.run(ctx)
	if err != nil {
		return nil, err
	}
	million, err := found.durations("Million million-ms/op", time.Millisecond)
	if err != nil {
		return nil, err
	}
	thousand, err := found.durations("Million thousand-ms/op", time.Millisecond)
	if err != nil {
		return nil, err
	}
	return []row{times("reconcile, 1,000,000 finished and 1,000 live jobs", million, thousand, 1.2,
		"the floor is the same with 1,000 finished jobs")}, nil
}

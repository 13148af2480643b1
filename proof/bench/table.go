package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what, measured, floor, ratio, budget string
	over                                 bool
	note                                 string
}

// sample are measurements of the same thing.
type sample []time.Duration

func (s *sample) add(d time.Duration) { *s = append(*s, d) }

// at is the quantile q of the sample, 0 to 1.
func (s sample) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func (s sample) median() time.Duration { return s.at(0.5) }

// String is the median and, in brackets, the middle half.
func (s sample) String() string {
	return fmt.Sprintf("%s (%s-%s)", short(s.median()), short(s.at(0.25)), short(s.at(0.75)))
}

// short writes a time with three digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.3g us", d.Seconds()*1e6)
	}
}

// times is a row whose budget is a multiple of its floor. got and floor were
// measured in turns: the ratio is the median of each turn's own, which a load
// that comes and goes moves least.
func times(what string, got, floor sample, most float64, note string) row {
	var ratios []float64
	for i := range min(len(got), len(floor)) {
		ratios = append(ratios, float64(got[i])/float64(floor[i]))
	}
	ratio := median(ratios)
	return row{
		what: what, measured: got.String(), floor: floor.String(), ratio: fmt.Sprintf("%.2fx", ratio),
		budget: fmt.Sprintf("<= %gx", most), over: ratio > most, note: note,
	}
}

// plus is a row whose budget is a time above its floor, turn by turn.
func plus(what string, got, floor sample, most time.Duration, note string) row {
	var above sample
	for i := range min(len(got), len(floor)) {
		above.add(got[i] - floor[i])
	}
	extra := above.median()
	return row{
		what: what, measured: got.String(), floor: floor.String(), ratio: "+ " + short(extra),
		budget: "<= + " + short(most), over: extra > most, note: note,
	}
}

// write prints the table, then the notes. Times are medians, in brackets the
// middle half of what was measured.
func write(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| what\t| measured\t| floor\t| ratio\t| budget\t|\t|")
	fmt.Fprintln(t, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, r := range rows {
		verdict := "ok"
		if r.over {
			verdict = "OVER"
		}
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n", r.what, r.measured, r.floor, r.ratio, r.budget, verdict)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		if r.note != "" {
			fmt.Fprintf(w, "- %s: %s\n", r.what, r.note)
		}
	}
	return nil
}

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
	what, measured, bound string
	wrong                 []string // what is not as it must be, and where to look; the first few
}

// fact is a row that nothing is asked of.
func fact(what, format string, args ...any) row {
	return row{what: what, measured: fmt.Sprintf(format, args...), bound: "-"}
}

// most is a row with a bound that is not to be passed; look says where to look
// when it is.
func most(what string, got, bound int64, look string) row {
	r := row{what: what, measured: fmt.Sprint(got), bound: fmt.Sprintf("<= %d", bound)}
	if got > bound {
		r.wrong = []string{fmt.Sprintf("%d, at most %d allowed: %s", got, bound, look)}
	}
	return r
}

// all is a row of which all must be so; wrong are those that are not.
func all(what string, n int, wrong []string) row {
	return row{what: what, measured: fmt.Sprint(n - len(wrong)), bound: fmt.Sprintf("= %d", n), wrong: wrong}
}

// none is a row of what must not be.
func none(what string, wrong []string) row {
	return row{what: what, measured: fmt.Sprint(len(wrong)), bound: "= 0", wrong: wrong}
}

// broken tells in words what is wrong, the first few of each row.
func broken(rows []row) (lines []string) {
	const few = 5
	for _, r := range rows {
		for i, line := range r.wrong {
			if i == few {
				lines = append(lines, fmt.Sprintf("%s: and %d more", r.what, len(r.wrong)-few))
				break
			}
			lines = append(lines, r.what+": "+line)
		}
	}
	return lines
}

func write(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| what\t| measured\t| must be\t|\t|")
	fmt.Fprintln(t, "| ---\t| ---\t| ---\t| ---\t|")
	for _, r := range rows {
		verdict := "ok"
		switch {
		case len(r.wrong) > 0:
			verdict = "WRONG"
		case r.bound == "-":
			verdict = ""
		}
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s\t|\n", r.what, r.measured, r.bound, verdict)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// sample are measurements of the same thing.
type sample []time.Duration

func (s *sample) add(d time.Duration) { *s = append(*s, d) }

// at is the quantile q of the sample, 0 to 1.
func (s sample) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[int(q*float64(len(s)-1)+0.5)]
}

// String is the median and the 99th percentile, in seconds.
func (s sample) String() string {
	return fmt.Sprintf("p50 %.3f s, p99 %.3f s, of %d", s.at(0.5).Seconds(), s.at(0.99).Seconds(), len(s))
}

package logs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"siesta/shared/job"
)

const (
	defaultLimit = 100
	maxLimit     = 500
	// theEnd as before asks for the newest lines.
	theEnd = "end"
)

// Query is which lines are asked for: those after a cursor, or before one, next to
// it.
type Query struct {
	from, to id // both included
	newest   bool
	nothing  bool // there is nothing between from and to
	limit    int
	at       string // the cursor
}

// ParseQuery reads the parts of a query; "" is not given. Without a cursor a log is
// read from its beginning. The error is a *job.InvalidError.
func ParseQuery(after, before, limit string) (Query, error) {
	q := Query{to: last, limit: defaultLimit, at: cmp.Or(after, before), newest: before != ""}
	if limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > maxLimit {
			return Query{}, &job.InvalidError{Field: "limit", Reason: fmt.Sprintf("must be between 1 and %d", maxLimit)}
		}
		q.limit = n
	}
	field := "after"
	if q.newest {
		field = "before"
	}
	at, ok := parseID(q.at)
	switch {
	case after != "" && before != "":
		return Query{}, &job.InvalidError{Field: "before", Reason: "cannot be used together with after"}
	case q.at == "", before == theEnd:
	case !ok:
		return Query{}, &job.InvalidError{Field: field, Reason: "must be the next or previous of an earlier answer, or a line's id"}
	case q.newest:
		q.to, q.nothing = at.minus(), at == id{}
	default:
		q.from, q.nothing = at.plus(), at == last
	}
	return q, nil
}

// page is the answer, of lines of which there may be one more than were asked for.
func (q Query) page(lines []job.LogLine) job.LogPage {
	if q.newest {
		slices.Reverse(lines)
	}
	fit, text := 0, 0
	for fit < min(len(lines), q.limit) {
		if text += len(lines[fit].Text); text > maxText && fit > 0 {
			break
		}
		fit++
	}
	p := job.LogPage{Lines: lines[:fit], More: fit < len(lines)}
	if q.newest {
		slices.Reverse(p.Lines)
	}
	switch {
	case fit > 0:
		p.Next, p.Previous = p.Lines[fit-1].ID, p.Lines[0].ID
	case q.at == "", q.at == theEnd: // there is no line yet
	case q.newest:
		p.Previous = q.at
		if !q.nothing {
			p.Next = q.to.String()
		}
	default:
		p.Next, p.Previous = q.at, theEnd
		if !q.nothing {
			p.Previous = q.from.String()
		}
	}
	return p
}

// id is a line's place in its log, as Redis numbers the entries of a stream.
type id struct{ millis, n uint64 }

var last = id{math.MaxUint64, math.MaxUint64}

func parseID(text string) (id, bool) {
	millis, n, _ := strings.Cut(text, "-")
	var at id
	var err error
	if at.millis, err = strconv.ParseUint(millis, 10, 64); err != nil {
		return id{}, false
	}
	if at.n, err = strconv.ParseUint(n, 10, 64); err != nil {
		return id{}, false
	}
	return at, at.String() == text
}

func (a id) String() string {
	return strconv.FormatUint(a.millis, 10) + "-" + strconv.FormatUint(a.n, 10)
}

func (a id) compare(b id) int { return cmp.Or(cmp.Compare(a.millis, b.millis), cmp.Compare(a.n, b.n)) }

// plus is the next place after a, which must not be the last.
func (a id) plus() id {
	if a.n == math.MaxUint64 {
		return id{a.millis + 1, 0}
	}
	return id{a.millis, a.n + 1}
}

// minus is the place before a, which must not be the first.
func (a id) minus() id {
	if a.n == 0 {
		return id{a.millis - 1, math.MaxUint64}
	}
	return id{a.millis, a.n - 1}
}

package e2bsim

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listQuery is a checked query of list.
type listQuery struct {
	metadata  map[string]string
	states    []State
	template  string
	after     time.Time // startedAt must be later
	ascending bool
	limit     int
	from      *position // of the last sandbox of the page before
}

// position is where a page ends in the order of startedAt, then id.
type position struct {
	started time.Time
	id      string
}

const maxPage = 100

func (s *Server) list(_ context.Context, c *call) answer {
	q, f := parseListQuery(c.query)
	if f != nil {
		return f.answer()
	}
	s.mu.Lock()
	found, running := s.find(q, c.lag())
	s.mu.Unlock()
	header := http.Header{"X-Total-Running": {strconv.Itoa(running)}}
	if len(found) > q.limit {
		found = found[:q.limit]
		last := found[len(found)-1]
		header.Set("X-Next-Token", q.token(position{last.StartedAt, last.SandboxID}))
	}
	if c.fault.is(OddEntry) {
		found = slices.Insert(found, 0, listed{SandboxID: "isb_0123456789", State: StateRunning, Metadata: q.metadata, StartedAt: s.clock.Now()})
	}
	return answer{status: http.StatusOK, header: header, body: found}
}

// find returns what matches the query from its position on, in order, and how
// many matching sandboxes run at all. The caller holds mu.
func (s *Server) find(q *listQuery, lag time.Duration) (found []listed, running int) {
	found = []listed{}
	at := s.clock.Now().Add(-lag)
	for _, b := range s.boxes {
		v := b.viewAt(at)
		if v.state == "" || !matches(b, q) || !v.started.After(q.after) {
			continue
		}
		if v.state == StateRunning {
			running++
		}
		if slices.Contains(q.states, v.state) && (q.from == nil || q.compare(position{v.started, b.id}, *q.from) > 0) {
			found = append(found, s.listing(b, v))
		}
	}
	slices.SortFunc(found, func(x, y listed) int {
		return q.compare(position{x.StartedAt, x.SandboxID}, position{y.StartedAt, y.SandboxID})
	})
	return found, running
}

func matches(b *box, q *listQuery) bool {
	for key, value := range q.metadata {
		if got, ok := b.metadata[key]; !ok || got != value {
			return false
		}
	}
	return q.template == "" || q.template == b.templateID || q.template == b.alias
}

func (q *listQuery) compare(x, y position) int {
	order := cmp.Or(x.started.Compare(y.started), strings.Compare(x.id, y.id))
	if q.ascending {
		return order
	}
	return -order
}

func (q *listQuery) order() string {
	if q.ascending {
		return "asc"
	}
	return "desc"
}

// token names a position for the next page. The order is part of it.
func (q *listQuery) token(p position) string {
	return base64.URLEncoding.EncodeToString([]byte(q.order() + "|" + p.started.Format(time.RFC3339Nano) + "|" + p.id))
}

func (q *listQuery) parseToken(token string) bool {
	raw, err := base64.URLEncoding.DecodeString(token)
	parts := strings.Split(string(raw), "|")
	if err != nil || len(parts) != 3 || parts[0] != q.order() {
		return false
	}
	started, err := time.Parse(time.RFC3339Nano, parts[1])
	q.from = &position{started, parts[2]}
	return err == nil
}

func parseListQuery(values url.Values) (*listQuery, *failure) {
	invalid := func(name string) (*listQuery, *failure) {
		return nil, fail(http.StatusBadRequest, "validation error: parameter \""+name+"\" in query has an error")
	}
	q := &listQuery{limit: maxPage, states: []State{StateRunning, StatePaused}, template: values.Get("template")}
	var err error
	if text := values.Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > maxPage {
			return invalid("limit")
		}
	}
	if given, ok := values["state"]; ok {
		q.states = nil
		for _, text := range strings.Split(strings.Join(given, ","), ",") {
			if state := State(text); state == StateRunning || state == StatePaused {
				q.states = append(q.states, state)
			} else {
				return invalid("state")
			}
		}
	}
	switch values.Get("order") {
	case "", "desc":
	case "asc":
		q.ascending = true
	default:
		return invalid("order")
	}
	if text := values.Get("startedAfter"); text != "" {
		if q.after, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return invalid("startedAfter")
		}
	}
	if token := values.Get("nextToken"); token != "" && !q.parseToken(token) {
		return nil, fail(http.StatusBadRequest, "Invalid next token")
	}
	if text := values.Get("metadata"); text != "" {
		if q.metadata, err = parseMetadata(text); err != nil {
			return nil, fail(http.StatusBadRequest, "Error parsing metadata")
		}
	}
	return q, nil
}

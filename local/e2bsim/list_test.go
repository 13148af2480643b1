package e2bsim_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

// ids are those of the sandboxes that a list answer holds.
func (r result) ids() (ids []string) {
	var rows []struct {
		ID string `json:"sandboxID"`
	}
	_ = json.Unmarshal([]byte(r.raw), &rows)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func (w *world) list(query string) []string {
	w.t.Helper()
	return w.expect("GET", "/v2/sandboxes"+query, "", 200).ids()
}

func TestListFilters(t *testing.T) {
	w := newWorld(t)
	first := w.create(`{"templateID":"base","autoPause":true,"metadata":{"app":"x","user":"a b&c=d"}}`)
	w.advance(time.Second)
	second := w.create(`{"templateID":"base","autoPause":true,"metadata":{"app":"x"}}`)
	w.pause(first)
	double := func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }
	for query, want := range map[string][]string{
		"":                                  {second, first},
		"?order=asc":                        {first, second},
		"?state=paused":                     {first},
		"?state=running":                    {second},
		"?state=running,paused":             {second, first},
		"?metadata=app%3Dx":                 {second, first},
		"?metadata=app%3Dy":                 nil,
		"?metadata=app%3Dx%26user%3Dnobody": nil,
		"?template=base":                    {second, first},
		"?template=other":                   nil,
		"?startedAfter=" + url.QueryEscape(epoch.Format(time.RFC3339)):             {second},
		"?metadata=" + url.QueryEscape("user="+double("a b&c=d")):                  {first},
		"?metadata=" + url.QueryEscape("app="+double("x")) + "%26user%3Da&limit=5": nil,
	} {
		if got := w.list(query); !slices.Equal(got, want) {
			t.Errorf("list%s gave %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=x", "?state=asleep", "?order=up", "?startedAfter=now",
		"?nextToken=nonsense", "?metadata=app", "?metadata=" + url.QueryEscape("user=a="+url.QueryEscape("b"))} {
		w.expect("GET", "/v2/sandboxes"+query, "", 400)
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.create(durable)
		if i%2 == 0 { // some start at the same moment
			w.advance(time.Second)
		}
	}
	for _, order := range []string{"asc", "desc"} {
		var got []string
		token, pages := "", 0
		for {
			res := w.expect("GET", "/v2/sandboxes?limit=3&order="+order+"&nextToken="+token, "", 200)
			if total := res.header.Get("X-Total-Running"); total != "7" {
				t.Errorf("X-Total-Running %s, want 7", total)
			}
			got, pages = append(got, res.ids()...), pages+1
			if token = res.header.Get("X-Next-Token"); token == "" {
				break
			}
			other := strings.NewReplacer("asc", "desc", "desc", "asc").Replace(order)
			w.expect("GET", "/v2/sandboxes?order="+other+"&nextToken="+token, "", 400)
		}
		if want := w.list("?order=" + order); !slices.Equal(got, want) || pages != 3 {
			t.Errorf("%d pages of %v, want 3 of %v", pages, got, want)
		}
	}
}

func TestListAndGetThatLag(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []e2bsim.Kind{e2bsim.List, e2bsim.Get} {
		w.fault(e2bsim.Fault{Call: kind, Action: e2bsim.Lag, Lag: time.Minute, Times: -1})
	}
	id := w.create(durable)
	see := func() string {
		return fmt.Sprintln(len(w.list("?state=running")), len(w.list("?state=paused")), w.state(id))
	}
	steps := []struct {
		after time.Duration
		do    func()
		want  string
	}{
		{0, func() {}, "0 0 404"},
		{59 * time.Second, func() {}, "0 0 404"},
		{time.Second, func() {}, "1 0 running"},
		{0, func() { w.pause(id) }, "1 0 running"},
		{time.Minute, func() {}, "0 1 paused"},
		{0, func() { w.expect("DELETE", "/sandboxes/"+id, "", 204) }, "0 1 paused"},
		{time.Minute, func() {}, "0 0 404"},
	}
	for i, step := range steps {
		w.advance(step.after)
		step.do()
		if got := strings.TrimSpace(see()); got != step.want {
			t.Errorf("step %d: seen %s, want %s", i, got, step.want)
		}
	}
}

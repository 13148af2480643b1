package job

import (
	"errors"
	"testing"
	"time"
)

func TestParseLinkRequest(t *testing.T) {
	for body, want := range map[string]LinkRequest{
		``:                   {7 * 24 * time.Hour, FollowProject, false},
		`{}`:                 {7 * 24 * time.Hour, FollowProject, false},
		`{"expires_in": 60}`: {time.Minute, FollowProject, false},
		`{"expires_in": 31536000,"follow": "job"}`: {365 * 24 * time.Hour, FollowJob, false},
		`{"logs": true}`:  {7 * 24 * time.Hour, FollowProject, true},
		`{"logs": false}`: {7 * 24 * time.Hour, FollowProject, false},
	} {
		if got, err := ParseLinkRequest([]byte(body)); got != want || err != nil {
			t.Errorf("%s: got %v, %v", body, got, err)
		}
	}
	for body, field := range map[string]string{
		`null`: FieldBody, `[]`: FieldBody, `{`: FieldBody,
		`{"expires_in": 59}`: "expires_in", `{"expires_in": 31536001}`: "expires_in", `{"expires_in": null}`: "expires_in", `{"expires_in": 1e99}`: "expires_in",
		`{"follow": "all"}`: "follow", `{"follow": ""}`: "follow", `{"follow": 1}`: "follow",
		`{"logs": null}`: "logs", `{"logs": "true"}`: "logs",
	} {
		var invalid *InvalidError
		if _, err := ParseLinkRequest([]byte(body)); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: got %v, want one about %s", body, err, field)
		}
	}
}

func TestParseIntent(t *testing.T) {
	for body, want := range map[string]Intent{`{"intent": "click"}`: Click, `{"intent":"viewing"}`: Viewing, `{"intent":"x"}`: "", `{}`: "", ``: "", `null`: "", `"click"`: ""} {
		if got, err := ParseIntent([]byte(body)); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", body, got, err)
		}
	}
}

func TestWhenALinkHasEnded(t *testing.T) {
	now := time.Now()
	link := Link{Number: 2, Ends: now.Add(time.Second)}
	for name, c := range map[string]struct {
		number int
		now    time.Time
		ended  bool
	}{
		"good":             {2, now, false},
		"its time is over": {2, link.Ends, true},
		"ended by all":     {3, now, true},
		"from the future":  {1, now, true},
	} {
		if err := link.Check(Share{Number: c.number}, c.now); errors.Is(err, ErrLinkEnded) != c.ended {
			t.Errorf("%s: %v", name, err)
		}
	}
}

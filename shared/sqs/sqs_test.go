package sqs

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"siesta/shared/job"
)

func TestSendBuild(t *testing.T) {
	q, s := newQueue(t)
	ctx := WithCorrelation(t.Context(), "c-1")
	id := job.NewID()
	if err := q.SendBuild(ctx, BuildMessage{JobID: id, Turn: 3, Group: "user-1"}, 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := q.SendPause(t.Context(), PauseMessage{JobID: id, SandboxID: "sbx", Epoch: 2}, time.Hour); err != nil {
		t.Fatal(err)
	}
	sent := s.of("SendMessage")
	if len(sent) != 2 {
		t.Fatalf("calls: got %d, want 2", len(sent))
	}
	build, ready := sent[0], sent[1]
	if want := `{"version":1,"job_id":"` + id + `","turn":3}`; build.MessageBody != want {
		t.Errorf("body: got %s, want %s", build.MessageBody, want)
	}
	if build.DelaySeconds != 2 || ready.DelaySeconds != 900 {
		t.Errorf("delays: got %d and %d, want 2 (rounded up) and 900 (the most)", build.DelaySeconds, ready.DelaySeconds)
	}
	if build.MessageGroupID != "user-1" || ready.MessageGroupID != "" {
		t.Errorf("groups: got %q and %q", build.MessageGroupID, ready.MessageGroupID)
	}
	if got := build.MessageAttributes["correlation_id"].StringValue; got != "c-1" {
		t.Errorf("correlation id: got %q, want c-1", got)
	}
	if !strings.HasSuffix(build.QueueURL, "/build") {
		t.Errorf("queue: got %s", build.QueueURL)
	}
}

func TestGroupThatSQSWouldRefuseIsLeftOut(t *testing.T) {
	q, s := newQueue(t)
	for _, group := range []string{"a b", "é", strings.Repeat("x", 129), ""} {
		if err := q.SendBuild(t.Context(), BuildMessage{JobID: job.NewID(), Group: group}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range s.of("SendMessage") {
		if c.MessageGroupID != "" {
			t.Errorf("group %q was sent", c.MessageGroupID)
		}
	}
}

func TestSendFails(t *testing.T) {
	q, s := newQueue(t)
	big, err := json.Marshal(strings.Repeat("x", MaxBody))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.SendBuild(t.Context(), BuildMessage{JobID: job.NewID(), Request: big}, 0); !errors.Is(err, job.ErrTooLarge) {
		t.Errorf("a message over 1 MiB: got %v, want job.ErrTooLarge", err)
	}
	s.setDown(true)
	if err := q.SendBuild(t.Context(), BuildMessage{JobID: job.NewID()}, 0); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("queue down: got %v, want job.ErrUnavailable", err)
	}
	if err := q.changeVisibility(t.Context(), "r", time.Second); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("queue down: got %v, want job.ErrUnavailable", err)
	}
}

func TestDeadLetterKeepsTheBodyAndSaysWhy(t *testing.T) {
	q, s := newQueue(t)
	r := Record{MessageID: "m-1", Body: `{"broken`, Correlation: "c-1"}
	if err := q.toDeadLetters(t.Context(), r, "line one\x00\nline two"); err != nil {
		t.Fatal(err)
	}
	got := s.of("SendMessage")[0]
	if got.MessageBody != r.Body || !strings.HasSuffix(got.QueueURL, "/build-dlq") {
		t.Errorf("got body %s for queue %s", got.MessageBody, got.QueueURL)
	}
	for name, want := range map[string]string{"reason": "line one  line two", "source_message_id": "m-1", "correlation_id": "c-1"} {
		if a := got.MessageAttributes[name]; a.StringValue != want || a.DataType != "String" {
			t.Errorf("%s: got %+v, want %q", name, a, want)
		}
	}
}

const id = "0b3f0e0a-4a51-4d1e-9f57-0d2f6f1c2a11"

func TestDecodeBuild(t *testing.T) {
	body := `{"version":1,"job_id":"` + strings.ToUpper(id) + `","turn":0,"user_id":"u","tier":"partner","request":{"goal":"g"},"later":1}`
	m, err := DecodeBuild(body)
	if err != nil {
		t.Fatal(err)
	}
	if m.JobID != id || m.Turn != 0 || m.UserID != "u" || m.Tier != "partner" || string(m.Request) != `{"goal":"g"}` {
		t.Errorf("got %+v", m)
	}
	if m, err := DecodeBuild(`{"version":1,"job_id":"` + id + `","turn":2147483647,"request":null}`); err != nil || m.Request != nil || m.Turn != maxCount {
		t.Errorf("request null: got %+v, error %v, want none", m, err)
	}
}

func TestDecodePause(t *testing.T) {
	body := `{"version":1,"job_id":"` + id + `","sandbox_id":"i2k-ab","epoch":4,"build_version":"build_v0_1","ready_at":"2026-11-22T10:00:00Z"}`
	m, err := DecodePause(body)
	if err != nil {
		t.Fatal(err)
	}
	want := PauseMessage{1, id, "i2k-ab", 4, "build_v0_1", "", time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	if m != want {
		t.Errorf("got %+v, want %+v", m, want)
	}
}

func TestAPauseMessageNeedsNoSandboxID(t *testing.T) {
	for _, sandbox := range []string{``, `"sandbox_id":"",`, `"sandbox_id":"a/../b",`} {
		if _, err := DecodePause(`{"version":1,` + sandbox + `"job_id":"` + id + `","epoch":1}`); err != nil {
			t.Errorf("%s: %v", sandbox, err)
		}
	}
}

func TestDecodeRefusesInWords(t *testing.T) {
	build := func(body string) error { _, err := DecodeBuild(body); return err }
	ready := func(body string) error { _, err := DecodePause(body); return err }
	for _, c := range []struct {
		decode func(string) error
		body   string
		reason string
	}{
		{build, ``, "JSON"},
		{build, `[]`, "JSON"},
		{build, `{"version":1,"job_id":"` + id + `","turn":"2"}`, "JSON"},
		{build, `{"version":1,"job_id":"` + id + `"} {}`, "JSON"},
		{build, `{"job_id":"` + id + `"}`, "version"},
		{build, `{"version":2,"job_id":"` + id + `"}`, "version"},
		{build, `{"version":1}`, "job_id"},
		{build, `{"version":1,"job_id":"../` + id + `"}`, "job_id"},
		{build, `{"version":1,"job_id":"` + id + `","turn":-1}`, "turn"},
		{build, `{"version":1,"job_id":"` + id + `","turn":2147483648}`, "turn"},
		{build, `{"version":1,"job_id":"` + id + `","turn":1,"user_id":"u","request":{}}`, "turn"},
		{build, `{"version":1,"job_id":"` + id + `","request":{}}`, "user_id"},
		{build, `{"version":1,"job_id":"` + id + `","user_id":"a\u0000"}`, "user_id"},
		{build, `{"version":1,"job_id":"` + id + `","user_id":"` + strings.Repeat("u", 257) + `"}`, "user_id"},
		{build, `{"version":1,"job_id":"` + id + `","user_id":"a\ud800","request":{}}`, "surrogate"},
		{build, `{"version":1,"job_id":"` + id + `","user_id":"a` + "\xff" + `","request":{}}`, "UTF-8"},
		{build, strings.Repeat(" ", MaxBody+1), "1 MiB"},
		{ready, `{"version":1,"job_id":"` + id + `","sandbox_id":"a","epoch":-1}`, "epoch"},
		{ready, `{"version":1,"job_id":"` + id + `","epoch":2147483648}`, "epoch"},
		{ready, `{"version":1,"job_id":"x","sandbox_id":"a"}`, "job_id"},
		{ready, `{"version":0,"job_id":"` + id + `","sandbox_id":"a"}`, "version"},
		{ready, `{"version":1,"job_id":"` + id + `","sandbox_id":"a","ready_at":"now"}`, "JSON"},
	} {
		err := c.decode(c.body)
		if !errors.Is(err, job.ErrBadMessage) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.80s: got %v, want job.ErrBadMessage about %s", c.body, err, c.reason)
		}
	}
}

// Whatever the bytes, a message is refused as bad, or is what it says when it
// is sent on.
func FuzzDecode(f *testing.F) {
	f.Add(`{"version":1,"job_id":"` + id + `","user_id":"u","request":{"goal":"g"}}`)
	f.Add(`{"version":1,"job_id":"` + id + `","sandbox_id":"a","epoch":1,"ready_at":"2026-11-22T10:00:00Z"}`)
	f.Add(`{"version":1e0,"job_id":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		if m, err := DecodeBuild(body); err == nil {
			again(t, m, DecodeBuild)
		} else if !errors.Is(err, job.ErrBadMessage) {
			t.Errorf("build: %v", err)
		}
		if m, err := DecodePause(body); err == nil {
			again(t, m, DecodePause)
		} else if !errors.Is(err, job.ErrBadMessage) {
			t.Errorf("ready: %v", err)
		}
	})
}

func again[M any](t *testing.T, m M, decode func(string) (M, error)) {
	t.Helper()
	first, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) > MaxBody {
		return
	}
	m, err = decode(string(first))
	if err != nil {
		t.Fatalf("decode %s again: %v", first, err)
	}
	if second, err := json.Marshal(m); err != nil || string(second) != string(first) {
		t.Errorf("sent on: got %s, error %v, want %s", second, err, first)
	}
}

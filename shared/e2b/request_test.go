package e2b

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/secrets"
)

func TestRefusedKeyIsFetchedAnewOnce(t *testing.T) {
	for _, row := range []struct {
		name    string
		newKey  string
		wantErr error
	}{
		{"a good one", "e2b_good", nil},
		{"a bad one", "e2b_bad", ErrKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-API-Key") != "e2b_good" {
					respond(401, own("401", ""))(w, r)
					return
				}
				w.WriteHeader(http.StatusNoContent)
			})
			var refreshes []bool
			c := newClient(t, Config{APIURL: s.URL, Key: func(_ context.Context, refresh bool) (secrets.Text, error) {
				refreshes = append(refreshes, refresh)
				if refresh {
					return secrets.NewText(row.newKey), nil
				}
				return secrets.NewText("e2b_old"), nil
			}})
			if err := c.Pause(t.Context(), "i1"); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
			if len(refreshes) != 2 || refreshes[0] || !refreshes[1] {
				t.Errorf("key was asked for with refresh %v, want false and then true", refreshes)
			}
			if got := len(s.seen()); got != 2 {
				t.Errorf("%d requests, want 2", got)
			}
		})
	}
}

func TestWithoutKeyNothingIsSent(t *testing.T) {
	s := newServer(t, respond(204, ""))
	c := newClient(t, Config{APIURL: s.URL, Key: func(context.Context, bool) (secrets.Text, error) {
		return secrets.Text{}, errors.New("no key today")
	}})
	checkKind(t, OpPause, c.Pause(t.Context(), "i1"), ErrNotSent)
	if len(s.seen()) != 0 {
		t.Error("a request was sent")
	}
}

// TestRefusedConnectionIsTriedAgain: a call that never left may be made again,
// also one that changes E2B.
func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	s := newServer(t, respond(204, ""))
	var dials atomic.Int32
	transport := newTransport()
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) < 3 {
			return nil, errors.New("connection refused")
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	c := newClient(t, Config{APIURL: s.URL, Transport: transport})
	if err := c.Pause(t.Context(), "i1"); err != nil {
		t.Error(err)
	}
	if got := len(s.seen()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

func TestUnreachable(t *testing.T) {
	s := newServer(t, respond(204, ""))
	s.Close()
	for op, call := range calls(newClient(t, Config{APIURL: s.URL})) {
		checkKind(t, op, call(t.Context()), ErrNotSent)
	}
}

// A gateway before E2B may have its token in the path.
func TestAnErrorDoesNotShowTheAddress(t *testing.T) {
	s := newServer(t, respond(204, ""))
	s.Close()
	for op, call := range calls(newClient(t, Config{APIURL: s.URL + "/hunter2"})) {
		if err := call(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", op, err)
		}
	}
}

// TestNothingIsSentPastItsWindow: the window ends before the call, or while the
// connection is being made, or as it has just come about.
func TestNothingIsSentPastItsWindow(t *testing.T) {
	for when, tries := range map[string]int{"before": 1, "while dialling": 1, "after dialling": 50} {
		t.Run(when, func(t *testing.T) {
			for range tries {
				s := newServer(t, respond(204, ""))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				transport := newTransport()
				transport.DialContext = func(dctx context.Context, network, addr string) (net.Conn, error) {
					if when == "while dialling" {
						cancel()
						<-dctx.Done()
					}
					conn, err := new(net.Dialer).DialContext(context.WithoutCancel(dctx), network, addr)
					cancel()
					return conn, err
				}
				if when == "before" {
					cancel()
				}
				start := time.Now()
				err := newClient(t, Config{APIURL: s.URL, Transport: transport}).Pause(ctx, "i1")
				checkKind(t, OpPause, err, ErrNotSent)
				if took := time.Since(start); took > job.SendTime/2 {
					t.Errorf("it took %v to notice", took)
				}
				s.Close() // waits for requests under way
				if got := s.seen(); len(got) != 0 {
					t.Fatalf("sent: %v", got)
				}
			}
		})
	}
}

// TestAKeyIsNoLeaveToRepeat: a create that was cut off on a connection that was
// in use before may have made a sandbox, whatever its key.
func TestAKeyIsNoLeaveToRepeat(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			vanish(w, r)
		}
		respond(200, `{"sandboxID":"i1"}`)(w, r)
	})
	c := newClient(t, Config{APIURL: s.URL})
	if _, err := c.Get(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Create(t.Context(), Create{Template: "base", Timeout: time.Minute, Key: "key1"})
	checkKind(t, OpCreate, err, ErrUnknown)
	if got := s.seen(); len(got) != 2 || got[1].Once != "key1" {
		t.Errorf("sent: %v, want the get and one create with its key", got)
	}
}

// TestWhatWasSentIsWaitedFor: E2B may destroy a sandbox whose pause is
// cancelled, so the caller's end must not reach the request.
func TestWhatWasSentIsWaitedFor(t *testing.T) {
	for _, op := range changing {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			select {
			case <-r.Context().Done():
				t.Errorf("%s: the request was cancelled", op)
			case <-time.After(100 * time.Millisecond):
			}
			status := map[Op]int{OpCreate: 201, OpConnect: 201}[op]
			if status == 0 {
				status = 204
			}
			respond(status, `{"sandboxID":"i1"}`)(w, r)
		})
		if err := calls(newClient(t, Config{APIURL: s.URL}))[op](ctx); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := newClient(t, Config{APIURL: s.URL}).Within(time.Second) // long enough to send it
	var all sync.WaitGroup
	errs := make([]error, len(changing))
	for i, op := range changing {
		all.Go(func() { errs[i] = calls(c)[op](t.Context()) })
	}
	all.Wait()
	for i, op := range changing {
		checkKind(t, op, errs[i], ErrUnknown)
	}
	if got := len(s.seen()); got != len(changing) {
		t.Errorf("%d requests, want %d", got, len(changing))
	}
}

func TestReadsAreRepeated(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"rate limited": respond(429, "", "Retry-After", "1"),
		"bad gateway":  respond(502, "bad gateway"),
		"cut":          vanish,
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					first(w, r)
					return
				}
				respond(200, `{"sandboxID":"i1","state":"running"}`)(w, r)
			})
			start := time.Now()
			got, err := newClient(t, Config{APIURL: s.URL}).Get(t.Context(), "i1")
			if err != nil || got.State != Running {
				t.Errorf("got %v, %v", got, err)
			}
			if took := time.Since(start); name == "rate limited" && took < time.Second {
				t.Errorf("asked again after %v, against Retry-After", took)
			}
		})
	}
}

// TestE2BsWordOnRepetitionCounts, whatever the status. A create or a pause is
// not made twice even so.
func TestE2BsWordOnRepetitionCounts(t *testing.T) {
	for _, row := range []struct {
		ops    []Op
		status int
		word   string
		tries  int
	}{
		{[]Op{OpGet, OpList}, 503, "false", 1},
		{[]Op{OpGet, OpList}, 429, "FALSE", 1},
		{[]Op{OpGet, OpList, OpConnect}, 409, "true", 2},
		{[]Op{OpConnect}, 503, "true", 2},
		{[]Op{OpConnect}, 503, "false", 1},
		{[]Op{OpCreate, OpPause, OpKill}, 503, "true", 1},
	} {
		for _, op := range row.ops {
			var tries atomic.Int32
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					respond(row.status, own(strconv.Itoa(row.status), ""), "Should-Retry", row.word)(w, r)
					return
				}
				respond(200, map[bool]string{true: "[]", false: `{"sandboxID":"i1"}`}[op == OpList])(w, r)
			})
			err := calls(newClient(t, Config{APIURL: s.URL}))[op](t.Context())
			if got := int(tries.Load()); got != row.tries || (err == nil) != (got == 2) {
				t.Errorf("%s, %d, Should-Retry %s: %d tries, %v; want %d", op, row.status, row.word, got, err, row.tries)
			}
		}
	}
}

// TestRepetitionFitsTheDeadline: a wait that would outlast the caller is not
// begun.
func TestRepetitionFitsTheDeadline(t *testing.T) {
	s := newServer(t, respond(429, "", "Retry-After", "3600"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	_, err := newClient(t, Config{APIURL: s.URL}).Get(ctx, "i1")
	checkKind(t, OpGet, err, ErrRateLimited)
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("waited %v", took)
	}
	var typed *Error
	if errors.As(err, &typed) && typed.RetryAfter != time.Hour {
		t.Errorf("RetryAfter = %v, want the server's", typed.RetryAfter)
	}
}

func TestReadsEnd(t *testing.T) {
	s := newServer(t, respond(503, "no"))
	if _, err := newClient(t, Config{APIURL: s.URL}).Get(t.Context(), "i1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if got := len(s.seen()); got != maxTries {
		t.Errorf("%d tries, want %d", got, maxTries)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		for chunk := []byte(strings.Repeat(" ", 1<<20)); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	c := newClient(t, Config{APIURL: s.URL}).Within(20 * time.Second)
	start := time.Now()
	_, err := c.Create(t.Context(), Create{Template: "base", Timeout: time.Minute})
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("read for %v", took)
	}
	checkKind(t, OpCreate, err, ErrUnknown)
}

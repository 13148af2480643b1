package world

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server answers each line with it, and remembers it.
type server struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &server{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					s.mu.Lock()
					s.seen = append(s.seen, lines.Text())
					s.mu.Unlock()
					_, _ = fmt.Fprintln(conn, lines.Text())
				}
			}()
		}
	}()
	return s
}

func (s *server) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// script gives the first calls their fates, in order.
type script struct {
	mu       sync.Mutex
	fates    []Fate
	admitted int
}

func (s *script) Admit(Call) Fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitted++
	if len(s.fates) == 0 {
		return Pass
	}
	fate := s.fates[0]
	s.fates = s.fates[1:]
	return fate
}

func (s *script) Answered(Call) {}

// What each fate means for the client, the process and what it called.
func TestFates(t *testing.T) {
	for fate, want := range map[Fate]struct {
		answers, calls, kills int
	}{
		Pass:   {2, 2, 0},
		Before: {1, 1, 1},
		After:  {1, 2, 1},
		Lost:   {1, 2, 0},
		Late:   {1, 2, 1},
	} {
		t.Run(fate.String(), func(t *testing.T) {
			target := newServer(t)
			var kills atomic.Int64
			judge := &script{fates: []Fate{Pass, fate}}
			w := newWires(judge, func(string, int) { kills.Add(1) })
			defer w.close()
			address := "http://" + target.Addr().String()
			env := w.env("f", 1, map[string]string{"E2B_API_URL": address, "OTHER": "x"})
			if len(env) != 1 || env["E2B_API_URL"] == address {
				t.Fatalf("got %v", env)
			}
			conn, err := net.Dial("tcp", env["E2B_API_URL"][len("http://"):])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			answers, lines := 0, bufio.NewScanner(conn)
			for range 2 {
				if _, err := fmt.Fprintln(conn, "question"); err != nil || !lines.Scan() {
					break
				}
				answers++
			}
			_ = conn.Close()
			if answers != want.answers || target.calls() != want.calls || int(kills.Load()) != want.kills {
				t.Errorf("got %d answers, %d calls, %d kills, want %+v", answers, target.calls(), kills.Load(), want)
			}
		})
	}
}

// What a client sends before an answer belongs to the call under way; to log in
// is none.
func TestWhatIsACall(t *testing.T) {
	judge := &script{}
	s := &session{line: &line{wires: newWires(judge, nil)}, call: Call{Part: "postgres"}, fresh: true}
	for _, step := range []struct {
		sent     string
		answered bool
		calls    int
	}{
		{"startup", true, 0}, {"password", true, 0}, {"Query", false, 1}, {"the rest of it", true, 1}, {"Q -- ping", true, 1}, {"Query", true, 2},
	} {
		s.admit([]byte(step.sent))
		if step.answered {
			s.answered()
		}
		if judge.admitted != step.calls {
			t.Errorf("after %q: %d calls, want %d", step.sent, judge.admitted, step.calls)
		}
	}
}

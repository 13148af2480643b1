// Package crash breaks the whole system at a chosen moment and finds out
// whether its promises still hold. It stands on the wires between the functions'
// processes and everything outside, where it counts, holds, cuts and kills; it
// moves all clocks; and it compares row, cache, queues and simulator.
//
// It knows the promises and how the parts are joined. It knows no function's
// own steps: whatever a function sends is a call, in whatever protocol.
package crash

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one question of a process to something outside: what it sends after
// it connected, or after the last answer came.
type Call struct {
	Function string
	Process  int
	Part     string // postgres, redis, sqs, e2b or sandbox
	Text     string // how it begins, for people
	Orphan   bool   // its process is dead, and it is still on its way
}

func (c Call) String() string { return fmt.Sprintf("%s to %s: %s", c.Function, c.Part, c.Text) }

// Fate is what becomes of a call.
type Fate int

// What may become of a call.
const (
	Pass   Fate = iota
	Before      // the process is killed, and the call not sent
	After       // the call has its effect; the process is killed before it hears the answer
	Lost        // the call has its effect; the connection is cut instead of the answer
	Late        // the process is killed; its call is admitted again, as an orphan
)

func (f Fate) String() string { return [...]string{"pass", "before", "after", "lost", "late"}[f] }

// parts are the variables that hold addresses of what is outside.
var parts = map[string]string{
	"DATABASE_URL": "postgres", "REDIS_URL": "redis", "AWS_ENDPOINT_URL_SQS": "sqs", "E2B_API_URL": "e2b", "E2B_SANDBOX_URL": "sandbox",
}

// Judge decides about every call. Its methods are called by several at once.
type Judge interface {
	// Admit decides the fate of a call before it is sent; it holds the call by
	// not returning.
	Admit(Call) Fate
	// Answered is told that the answer to a call that passed has come, or that
	// there will be none.
	Answered(Call)
}

// wires are the ways of all processes to the outside.
type wires struct {
	judge Judge
	kill  func(function string, process int)

	mu     sync.Mutex
	ends   map[string][]net.Listener // by process
	closed bool
}

func newWires(judge Judge, kill func(function string, process int)) *wires {
	return &wires{judge: judge, kill: kill, ends: map[string][]net.Listener{}}
}

// env lays a process's wires and returns the variables that lead to them.
func (w *wires) env(function string, process int, env map[string]string) map[string]string {
	own := map[string]string{}
	for name, part := range parts {
		address, err := url.Parse(env[name])
		if err != nil || address.Host == "" {
			continue
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil { // the process will say that it cannot reach what is not there
			continue
		}
		line := &line{wires: w, listener: listener, target: address.Host, call: Call{Function: function, Process: process, Part: part}}
		address.Host = listener.Addr().String()
		own[name] = address.String()
		w.add(line)
	}
	return own
}

func key(function string, process int) string { return fmt.Sprint(function, "/", process) }

func (w *wires) add(l *line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = l.listener.Close()
		return
	}
	name := key(l.call.Function, l.call.Process)
	w.ends[name] = append(w.ends[name], l.listener)
	go l.accept() // ends with its listener
}

// end kills a process and takes its wires away.
func (w *wires) end(function string, process int) {
	w.kill(function, process)
	w.mu.Lock()
	defer w.mu.Unlock()
	name := key(function, process)
	for _, l := range w.ends[name] {
		_ = l.Close()
	}
	delete(w.ends, name)
}

func (w *wires) close() {
	w.mu.Lock()
	w.closed = true
	for _, all := range w.ends {
		for _, l := range all {
			_ = l.Close()
		}
	}
	w.mu.Unlock()
}

// line is the way of one process to one part.
type line struct {
	*wires
	listener net.Listener
	target   string
	call     Call
}

func (l *line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.DialTimeout("tcp", l.target, 5*time.Second)
			if err != nil {
				return
			}
			defer server.Close()
			s := &session{line: l, call: l.call, client: client, server: server, fresh: true}
			go s.answers()
			s.questions()
		}()
	}
}

// session is one connection of a process. Every protocol on it is question and answer, so
// what the client sends first after an answer begins a new call.
type session struct {
	*line
	client, server net.Conn
	call           Call
	greeted        bool

	mu    sync.Mutex
	fresh bool // the client's next bytes begin a call
	open  bool // a call that passed has no answer yet
	fate  Fate // of the call under way
}

func (s *session) questions() {
	defer s.client.Close()
	defer s.server.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.client.Read(buffer)
		if err != nil {
			return
		}
		if !s.admit(buffer[:n]) {
			return
		}
		if _, err := s.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// admit asks for the fate of a call at its first bytes. false: it is not sent.
func (s *session) admit(sent []byte) bool {
	s.mu.Lock()
	fresh := s.fresh
	s.fresh = false
	s.mu.Unlock()
	if !fresh || s.chatter(sent) {
		return true
	}
	call := s.call
	call.Text = summary(sent)
	fate := s.judge.Admit(call)
	if fate == Before || fate == Late {
		s.end(call.Function, call.Process)
	}
	if fate == Late {
		s.call.Orphan, call.Orphan = true, true
		if fate = s.judge.Admit(call); fate == Pass {
			fate = Lost // there is nobody to hear the answer
		}
	}
	if fate == Before {
		return false
	}
	s.mu.Lock()
	s.fate, s.open = fate, true
	s.mu.Unlock()
	return true
}

// chatter reports whether a client says only that it is there: it logs in, or
// asks whether its connection still lives. That changes nothing anywhere, and
// comes when the client's pool likes.
func (s *session) chatter(sent []byte) bool {
	switch s.call.Part {
	case "postgres":
		first := !s.greeted
		s.greeted = true
		return first || sent[0] == 'p' || bytes.Contains(sent, []byte("-- ping"))
	case "redis":
		return bytes.Contains(sent, []byte("hello"))
	}
	return false
}

// answered notes that what the server says next is not asked for yet, and
// returns the fate of the call that it has answered.
func (s *session) answered() Fate {
	s.mu.Lock()
	fate, open := s.fate, s.open
	s.fresh, s.open = true, false
	s.mu.Unlock()
	if open {
		s.judge.Answered(s.call)
	}
	return fate
}

func (s *session) answers() {
	defer s.client.Close()
	defer s.server.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.server.Read(buffer)
		fate := s.answered()
		if fate == After { // also when the connection ended instead of an answer
			s.end(s.call.Function, s.call.Process)
			return
		}
		if err != nil || fate == Lost {
			return
		}
		if _, err := s.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// noise is what says nothing about a call.
var noise = regexp.MustCompile(`HTTP/1\.1 Host: \S+ User-Agent: siesta|id::text, project_id::text.*|\*\d+ evalsha \$\d+ \w+ \$\d+ |_?revision revision updated_at now\(\)`)

// summary is how a call begins, as far as it is text.
func summary(sent []byte) string {
	const most = 160
	words := strings.FieldsFunc(string(sent[:min(len(sent), 1000)]), func(r rune) bool { return r <= ' ' || r > '~' })
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 3 })
	text := noise.ReplaceAllString(strings.Join(words, " "), "")
	return text[:min(len(text), most)]
}

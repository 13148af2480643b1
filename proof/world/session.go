package world

import (
	"bytes"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
)

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

// answered notes that the server has answered, so that the client's next bytes
// begin a new call. It returns the fate of the call that was answered.
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

package postgrestest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
)

// session is one connection through a Proxy. It follows the wire protocol far
// enough to know which statement a message runs and when its answer is whole.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type session struct {
	proxy          *Proxy
	client, server net.Conn
	prepared       map[string]string // text by name
	portal         string            // text of what Bind named last
	swallow        atomic.Bool       // the answer to the current statement is lost
}

// requests passes the client's messages on until one meets a fault.
func (s *session) requests() {
	startup, err := readStartup(s.client)
	if err != nil {
		return
	}
	if _, err := s.server.Write(startup); err != nil {
		return
	}
	for {
		kind, message, err := readMessage(s.client)
		if err != nil {
			return
		}
		if text, runs := s.statement(kind, message[5:]); runs {
			if f := s.proxy.meets(text); f != nil {
				if !f.ran {
					return
				}
				s.swallow.Store(true)
			}
		}
		if _, err := s.server.Write(message); err != nil {
			return
		}
	}
}

// answers passes the server's messages on; a swallowed answer is read to its
// end, so the statement has run and, outside a transaction, is committed.
func (s *session) answers() {
	for {
		kind, message, err := readMessage(s.server)
		if err != nil {
			return
		}
		if s.swallow.Load() {
			if kind == 'Z' { // ReadyForQuery
				return
			}
			continue
		}
		if _, err := s.client.Write(message); err != nil {
			return
		}
	}
}

// statement returns the text that a message runs, if it runs one.
func (s *session) statement(kind byte, body []byte) (string, bool) {
	switch kind {
	case 'Q': // Query
		return text(body), true
	case 'P': // Parse: name, text
		name := text(body)
		s.prepared[name] = text(body[len(name)+1:])
	case 'B': // Bind: portal, name
		s.portal = s.prepared[text(body[len(text(body))+1:])]
	case 'E': // Execute
		return s.portal, true
	}
	return "", false
}

// text reads a string that ends with a NUL.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// readMessage reads a message whole: a kind, a length that counts itself, a body.
func readMessage(r io.Reader) (kind byte, message []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	message, err = readBody(r, head, 5)
	return head[0], message, err
}

// readStartup reads a connection's first message, which has no kind.
func readStartup(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	return readBody(r, head, 4)
}

func readBody(r io.Reader, head []byte, size int) ([]byte, error) {
	length := int(binary.BigEndian.Uint32(head[size-4:]))
	message := make([]byte, size-4+length)
	copy(message, head)
	_, err := io.ReadFull(r, message[size:])
	return message, err
}

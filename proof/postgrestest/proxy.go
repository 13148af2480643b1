package postgrestest

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"siesta/local/process"
)

// Proxy stands between a client and a database and breaks their connections:
// all of them, or the one that carries a chosen statement, before or after the
// statement has run.
type Proxy struct {
	URL string // of the database, through the proxy

	network, target string // where the database listens
	address         string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	fault    *fault
}

// fault says which statement a connection dies at.
type fault struct {
	match string // part of its text, lower case
	nth   int    // of those that match, from 1
	ran   bool   // it runs, and its answer is lost
}

// NewProxy starts a proxy to the database at address, for one test.
func NewProxy(t TB, address string) *Proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatalf("parse address: %v", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("parse address: %v", err)
	}
	p := &Proxy{conns: map[net.Conn]struct{}{}, network: "tcp", target: fmt.Sprintf("%s:%d", config.Host, config.Port)}
	if filepath.IsAbs(config.Host) {
		p.network, p.target = "unix", filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))
	}
	l, err := process.Listen()
	if err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	p.address = l.Addr().String()
	p.take(l)
	t.Cleanup(p.Down)
	u.Host, u.RawQuery = p.address, "sslmode=disable"
	p.URL = u.String()
	return p
}

// CutBefore drops the connection that sends the nth statement whose text has
// match in it, counted from now; the database never sees the statement. The
// empty match takes every statement.
func (p *Proxy) CutBefore(match string, nth int) {
	p.arm(fault{match: strings.ToLower(match), nth: nth})
}

// CutAfter is CutBefore, but the database runs the statement and only its
// answer is lost.
func (p *Proxy) CutAfter(match string, nth int) {
	p.arm(fault{match: strings.ToLower(match), nth: nth, ran: true})
}

// arm sets the fault. It strikes once.
func (p *Proxy) arm(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = &f
}

// Struck reports whether the fault that was set last has happened.
func (p *Proxy) Struck() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault == nil
}

// Down drops every connection and refuses new ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		_ = c.Close()
	}
}

// Up takes connections again, at the same address.
func (p *Proxy) Up(t TB) {
	t.Helper()
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatalf("start proxy again: %v", err)
	}
	p.take(l)
}

// take takes connections from l.
func (p *Proxy) take(l net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = l
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed by Down
			}
			go p.serve(l, client)
		}
	}()
}

func (p *Proxy) serve(l net.Listener, client net.Conn) {
	defer client.Close()
	server, err := net.Dial(p.network, p.target)
	if err != nil {
		return // the client sees its connection close, as with a dead server
	}
	defer server.Close()
	if !p.keep(l, client, server) {
		return
	}
	defer p.forget(client, server)

	s := &session{proxy: p, client: client, server: server, prepared: map[string]string{}}
	go func() {
		defer client.Close()
		defer server.Close()
		s.answers()
	}()
	s.requests()
}

// keep notes the connections unless the proxy went down meanwhile.
func (p *Proxy) keep(l net.Listener, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != l {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// meets returns the fault that strikes at a statement, if any.
func (p *Proxy) meets(statement string) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	if f == nil || !strings.Contains(strings.ToLower(statement), f.match) {
		return nil
	}
	if f.nth--; f.nth > 0 {
		return nil
	}
	p.fault = nil
	return f
}

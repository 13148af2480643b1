package world

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// parts are what is outside of a function, by the variable of its environment
// that holds the address.
var parts = map[string]string{
	"DATABASE_URL": "postgres", "REDIS_URL": "redis", "AWS_ENDPOINT_URL_SQS": "sqs", "AWS_ENDPOINT_URL_S3": "s3", "E2B_API_URL": "e2b", "E2B_SANDBOX_URL": "sandbox",
}

// wires are the ways of all processes to the outside: each process gets an
// address of its own for each part.
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

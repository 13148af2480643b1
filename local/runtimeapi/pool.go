package runtimeapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"siesta/shared/job"
)

// pool is one function's processes and the invocations that wait for one.
type pool struct {
	server   *Server
	function Function

	mu        sync.Mutex
	closed    bool
	queue     []*invocation
	idle      []*process // polling; the last one was used last and goes first
	processes map[int]*process
	started   int
	bill      Bill
}

// invocation is one call. Its pool's lock guards it until done is closed.
type invocation struct {
	id, trace string
	payload   []byte
	begun     time.Time // when a process got it
	timer     *time.Timer
	result    Result
	err       error
	done      chan struct{}
}

func (p *pool) invoke(ctx context.Context, payload []byte) (Result, error) {
	inv := &invocation{id: job.NewID(), trace: newTrace(), payload: payload, done: make(chan struct{})}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Result{}, ErrClosed
	}
	p.queue = append(p.queue, inv)
	p.dispatch()
	p.mu.Unlock()
	select {
	case <-inv.done:
		return inv.result, inv.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = slices.DeleteFunc(p.queue, func(other *invocation) bool { return other == inv })
	return Result{}, ctx.Err()
}

// dispatch hands waiting invocations to idle processes and starts as many more
// as the rest need, less those that will poll in a moment. Callers hold mu.
func (p *pool) dispatch() {
	for len(p.queue) > 0 && len(p.idle) > 0 {
		last := len(p.idle) - 1
		target, inv := p.idle[last], p.queue[0]
		p.idle, p.queue = p.idle[:last], p.queue[1:]
		target.state, target.running = busy, inv
		inv.begun = time.Now()
		inv.timer = time.AfterFunc(p.function.Timeout, func() { target.expire(inv) })
		target.inbox <- inv
	}
	coming := 0
	for _, q := range p.processes {
		if q.state == starting || q.state == finishing {
			coming++
		}
	}
	for ; coming < len(p.queue) && len(p.processes) < p.function.MaxProcesses && !p.closed; coming++ {
		p.started++
		q := &process{
			pool: p, number: p.started, spawned: time.Now(),
			inbox: make(chan *invocation, 1), gone: make(chan struct{}),
		}
		p.processes[q.number] = q
		go q.run()
	}
}

// finish ends an invocation, once. Callers hold mu.
func (p *pool) finish(q *process, inv *invocation, payload []byte, functionError string) {
	now := time.Now()
	r := Result{Payload: payload, FunctionError: functionError, RequestID: inv.id, Process: q.number}
	if !inv.begun.IsZero() {
		inv.timer.Stop()
		r.Duration = now.Sub(inv.begun)
	}
	if !q.initBilled {
		q.initBilled, r.Init = true, q.init
		p.bill.ColdStarts++
	}
	r.Billed = (r.Init + r.Duration + time.Millisecond - 1).Truncate(time.Millisecond)
	p.bill.Invocations++
	p.bill.Billed += r.Billed
	if functionError != "" {
		p.bill.Errors++
	}
	inv.result = r
	close(inv.done)
}

// ended settles what a process left behind, after it is really gone.
func (p *pool) ended(q *process, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.processes, q.number)
	p.idle = slices.DeleteFunc(p.idle, func(other *process) bool { return other == q })
	inv := q.running
	if q.state == starting {
		q.init = time.Since(q.spawned)
		if len(p.queue) > 0 { // it was started for somebody, who must not wait for ever
			inv, p.queue = p.queue[0], p.queue[1:]
		}
	}
	q.state, q.running = over, nil
	if inv != nil {
		payload := q.failure
		if payload == nil {
			payload = failure("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", inv.id, reason))
		}
		if q.overran > 0 {
			payload = failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, q.overran.Seconds()))
		}
		p.finish(q, inv, payload, unhandled)
	}
	close(q.gone)
	p.dispatch()
}

// kill ends the processes that match and returns how many, when they are gone.
func (p *pool) kill(match func(*process) bool) int {
	p.mu.Lock()
	var matched []*process
	for _, q := range p.processes {
		if match(q) {
			matched = append(matched, q)
			q.signal(kill)
		}
	}
	p.mu.Unlock()
	for _, q := range matched {
		<-q.gone
	}
	return len(matched)
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, inv := range p.queue {
		inv.err = ErrClosed
		close(inv.done)
	}
	p.queue = nil
	var all []*process
	for _, q := range p.processes {
		all = append(all, q)
		q.stop()
	}
	p.mu.Unlock()
	for _, q := range all {
		<-q.gone
	}
}

// newTrace is an X-Ray header that asks for no sampling.
func newTrace() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails, by crypto/rand's contract
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), b[:12], b[12:])
}

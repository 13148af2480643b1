package envd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

const (
	// keptFor is how long the end of a process can still be asked for.
	keptFor = 30 * time.Second
	// defaultKeepalive is the pause between keepalives unless a client names one.
	defaultKeepalive = 90 * time.Second
)

// processes implements envd's process service.
type processes struct {
	config Config
	clock  *clock

	mu    sync.Mutex
	byPID map[int]*process // the running, and those that ended lately
}

func newProcesses(c Config, clock *clock) *processes {
	return &processes{config: c, clock: clock, byPID: map[int]*process{}}
}

// Start runs a command and streams it. A time limit in Connect-Timeout-Ms kills
// it, whoever still listens then; a stream that is dropped leaves it running.
func (s *processes) Start(ctx context.Context, req *connect.Request[envdpb.StartRequest], stream *connect.ServerStream[envdpb.StartResponse]) error {
	limit, err := timeLimit(req.Header())
	if err != nil {
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	var l *listener
	var leave func()
	p, follow, err := s.config.launch(req.Msg, func(p *process) { l, leave = p.listen() })
	if leave != nil {
		defer leave()
	}
	if err != nil {
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	s.keep(p, limit, follow)
	err = send(ctx, p, l, req.Header(), func(e *envdpb.ProcessEvent) error {
		return stream.Send(&envdpb.StartResponse{Event: e})
	})
	if p.hasTimedOut() {
		// Whoever looks next finds it dead.
		<-p.done
		return connect.NewError(connect.CodeDeadlineExceeded, context.DeadlineExceeded)
	}
	return err
}

// keep makes the process known, with its time limit, until a while after its
// end.
func (s *processes) keep(p *process, limit time.Duration, follow func()) {
	s.mu.Lock()
	s.byPID[p.pid] = p
	s.mu.Unlock()
	var kill *timer
	if limit > 0 {
		kill = s.clock.afterFunc(limit, p.timeOut)
	}
	go func() {
		follow()
		if kill != nil {
			kill.stop()
		}
		s.clock.afterFunc(keptFor, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			// The pid may have gone to a newer process.
			if s.byPID[p.pid] == p {
				delete(s.byPID, p.pid)
			}
		})
	}()
}

// Connect follows a process that was started before.
func (s *processes) Connect(ctx context.Context, req *connect.Request[envdpb.ConnectRequest], stream *connect.ServerStream[envdpb.ConnectResponse]) error {
	p, err := s.find(req.Msg.GetProcess())
	if err != nil {
		return err
	}
	l, leave := p.listen()
	defer leave()
	return send(ctx, p, l, req.Header(), func(e *envdpb.ProcessEvent) error {
		return stream.Send(&envdpb.ConnectResponse{Event: e})
	})
}

// send streams a process from its start event to its end.
func send(ctx context.Context, p *process, l *listener, h http.Header, to func(*envdpb.ProcessEvent) error) error {
	if err := to(&envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_Start{Start: &envdpb.ProcessEvent_StartEvent{Pid: uint32(p.pid)}}}); err != nil {
		return err
	}
	interval := keepaliveInterval(h)
	keepalive := time.NewTimer(interval)
	defer keepalive.Stop()
	for {
		event := (*envdpb.ProcessEvent)(nil)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event = <-l.events:
		case <-keepalive.C:
			event = &envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_Keepalive{Keepalive: &envdpb.ProcessEvent_KeepAlive{}}}
		case <-p.done:
			return sendRest(p, l, to)
		}
		if err := to(event); err != nil {
			return err
		}
		keepalive.Reset(interval)
	}
}

// sendRest streams what is left of a process that has ended, and its end,
// which a time limit withholds.
func sendRest(p *process, l *listener, to func(*envdpb.ProcessEvent) error) error {
	for {
		select {
		case event := <-l.events:
			if err := to(event); err != nil {
				return err
			}
			continue
		default:
		}
		if p.hasTimedOut() {
			return nil
		}
		return to(&envdpb.ProcessEvent{Event: &envdpb.ProcessEvent_End{End: p.end}})
	}
}

// List names the processes that still run.
func (s *processes) List(context.Context, *connect.Request[envdpb.ListRequest]) (*connect.Response[envdpb.ListResponse], error) {
	list := &envdpb.ListResponse{}
	for _, p := range s.running() {
		list.Processes = append(list.Processes, &envdpb.ProcessInfo{Config: p.config, Pid: uint32(p.pid), Tag: p.tag})
	}
	return connect.NewResponse(list), nil
}

func (s *processes) running() []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var running []*process
	for _, p := range s.byPID {
		select {
		case <-p.done:
		default:
			running = append(running, p)
		}
	}
	slices.SortFunc(running, func(a, b *process) int { return cmp.Compare(a.pid, b.pid) })
	return running
}

// find looks a process up, by pid or by tag. Its search by tag ends at the first
// process that has another tag, since envd's does too.
func (s *processes) find(selector *envdpb.ProcessSelector) (*process, error) {
	switch by := selector.GetSelector().(type) {
	case *envdpb.ProcessSelector_Pid:
		s.mu.Lock()
		defer s.mu.Unlock()
		if p, ok := s.byPID[int(by.Pid)]; ok {
			return p, nil
		}
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("process with pid %d not found", by.Pid))
	case *envdpb.ProcessSelector_Tag:
		for _, p := range s.running() {
			if p.tag != nil && *p.tag == by.Tag {
				return p, nil
			}
			if p.tag != nil {
				break
			}
		}
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("process with tag %s not found", by.Tag))
	}
	return nil, connect.NewError(connect.CodeUnimplemented, errors.New("unknown kind of process selector"))
}

// startTimeLimit carries a command's time limit past Connect.
const startTimeLimit = "Siesta-Time-Limit-Ms"

// ownTimeLimit keeps a command's time limit from Connect, which would make a
// deadline of it that does not stand still while the sandbox is paused.
func ownTimeLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == envdpb.ProcessStartProcedure {
			r.Header[startTimeLimit] = r.Header.Values("Connect-Timeout-Ms")
			r.Header.Del("Connect-Timeout-Ms")
		}
		next.ServeHTTP(w, r)
	})
}

// timeLimit reads a command's time limit; 0 is none.
func timeLimit(h http.Header) (time.Duration, error) {
	text := h.Get(startTimeLimit)
	if text == "" {
		return 0, nil
	}
	ms, err := strconv.ParseInt(text, 10, 40)
	if err != nil || ms < 0 {
		return 0, fmt.Errorf("parse timeout: %w", cmp.Or(err, strconv.ErrRange))
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func keepaliveInterval(h http.Header) time.Duration {
	if s, err := strconv.ParseUint(h.Get("Keepalive-Ping-Interval"), 10, 30); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	return defaultKeepalive
}

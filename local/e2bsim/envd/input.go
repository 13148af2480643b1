package envd

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

func inputError(err error) error {
	if errors.Is(err, errUnknownInput) {
		return connect.NewError(connect.CodeUnimplemented, err)
	}
	return connect.NewError(connect.CodeInternal, err)
}

// SendInput writes to a process once.
func (s *processes) SendInput(_ context.Context, req *connect.Request[envdpb.SendInputRequest]) (*connect.Response[envdpb.SendInputResponse], error) {
	p, err := s.find(req.Msg.GetProcess())
	if err != nil {
		return nil, err
	}
	if err := p.input(req.Msg.GetInput()); err != nil {
		return nil, inputError(err)
	}
	return connect.NewResponse(&envdpb.SendInputResponse{}), nil
}

// StreamInput writes to a process until the client's stream ends.
func (s *processes) StreamInput(_ context.Context, stream *connect.ClientStream[envdpb.StreamInputRequest]) (*connect.Response[envdpb.StreamInputResponse], error) {
	var p *process
	for stream.Receive() {
		var err error
		switch event := stream.Msg().GetEvent().(type) {
		case *envdpb.StreamInputRequest_Start:
			if p, err = s.find(event.Start.GetProcess()); err != nil {
				return nil, err
			}
		case *envdpb.StreamInputRequest_Data:
			if p == nil {
				return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("data before the start event"))
			}
			if err = p.input(event.Data.GetInput()); err != nil {
				return nil, inputError(err)
			}
		case *envdpb.StreamInputRequest_Keepalive:
		default:
			return nil, connect.NewError(connect.CodeUnimplemented, errors.New("unknown kind of event"))
		}
	}
	if err := stream.Err(); err != nil {
		return nil, connect.NewError(connect.CodeUnknown, fmt.Errorf("error streaming input: %w", err))
	}
	return connect.NewResponse(&envdpb.StreamInputResponse{}), nil
}

// CloseStdin ends a process's standard input; a terminal has none to end.
func (s *processes) CloseStdin(_ context.Context, req *connect.Request[envdpb.CloseStdinRequest]) (*connect.Response[envdpb.CloseStdinResponse], error) {
	p, err := s.find(req.Msg.GetProcess())
	if err != nil {
		return nil, err
	}
	err = p.closeInput()
	if p.terminal != nil {
		err = errors.New("a terminal has no stdin to close: send Ctrl+D (0x04) instead")
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeUnknown, fmt.Errorf("error closing stdin: %w", err))
	}
	return connect.NewResponse(&envdpb.CloseStdinResponse{}), nil
}

// Update sets the size of a process's terminal.
func (s *processes) Update(_ context.Context, req *connect.Request[envdpb.UpdateRequest]) (*connect.Response[envdpb.UpdateResponse], error) {
	p, err := s.find(req.Msg.GetProcess())
	if err != nil {
		return nil, err
	}
	if req.Msg.GetPty() != nil {
		if p.terminal == nil {
			return nil, connect.NewError(connect.CodeInternal, errors.New("error resizing tty: the process has none"))
		}
		if err := resize(p.terminal, req.Msg.GetPty().GetSize()); err != nil {
			return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("error resizing tty: %w", err))
		}
	}
	return connect.NewResponse(&envdpb.UpdateResponse{}), nil
}

// SendSignal signals one process, never its children.
func (s *processes) SendSignal(_ context.Context, req *connect.Request[envdpb.SendSignalRequest]) (*connect.Response[envdpb.SendSignalResponse], error) {
	p, err := s.find(req.Msg.GetProcess())
	if err != nil {
		return nil, err
	}
	var sig syscall.Signal
	switch req.Msg.GetSignal() {
	case envdpb.Signal_SIGNAL_SIGKILL:
		sig = syscall.SIGKILL
	case envdpb.Signal_SIGNAL_SIGTERM:
		sig = syscall.SIGTERM
	default:
		return nil, connect.NewError(connect.CodeUnimplemented, fmt.Errorf("invalid signal: %s", req.Msg.GetSignal()))
	}
	if err := p.signal(sig); err != nil {
		return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("error sending signal: %w", err))
	}
	return connect.NewResponse(&envdpb.SendSignalResponse{}), nil
}

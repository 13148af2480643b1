// Package redisserver runs a private Redis that ends with the process that started
// it: the one of the local system, and those that tests break. It starts, breaks
// and restarts the server, and knows nothing of what the keys hold.
package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"siesta/local/process"
)

// Config says how a Server runs.
type Config struct {
	TCP     bool // listen on a free port of 127.0.0.1, else on a Unix socket
	Cluster bool // speak the cluster protocol, as its only node; implies TCP
	// Certificate and Key are the server's, in PEM: it then listens by TLS at
	// TLSAddress too.
	Certificate, Key []byte
	Users            [][]string // each a name and what it may do, as in ACL SETUSER
}

// Server is a running Redis that keeps nothing on disk and ends with the
// process that started it.
type Server struct {
	config  Config
	program string
	dir     string // made at each start, gone after each stop
	port    int    // 0: a Unix socket in dir
	tlsPort int    // 0: no TLS
	process *process.Process
}

// Start starts a Redis and returns when it answers.
func Start(c Config) (*Server, error) {
	return process.Again(func() (*Server, error) { return startNew(c) })
}

func startNew(c Config) (*Server, error) {
	logging.Disable() // the attempts to connect while the server comes up
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if program, err = exec.LookPath("valkey-server"); err != nil {
			return nil, fmt.Errorf("no Redis on this machine: install it with `apt-get install redis-server` or `brew install redis`: %w", exec.ErrNotFound)
		}
	}
	parent := os.TempDir()
	if len(parent) > 60 { // a socket's path has about 100 bytes
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "siesta-redis-")
	if err != nil {
		return nil, fmt.Errorf("make folder for Redis: %w", err)
	}
	s := &Server{config: c, program: program, dir: dir}
	if c.TCP || c.Cluster {
		if s.port, err = process.FreePort(); err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
	}
	if c.Certificate != nil {
		if s.tlsPort, err = process.FreePort(); err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
	}
	if err := s.Restart(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// Restart starts the server again, empty, at the same address, after Stop or
// Kill.
func (s *Server) Restart() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make folder for Redis: %w", err)
	}
	args := []string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}
	if s.port == 0 {
		args = append(args, "--unixsocket", s.socket())
	}
	if s.config.Cluster {
		bus, err := process.FreePort()
		if err != nil {
			return err
		}
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus))
	}
	for _, user := range s.config.Users {
		args = append(append(args, "--user"), user...)
	}
	tls, err := s.writeTLS()
	if err != nil {
		return err
	}
	cmd := exec.Command(s.program, append(args, tls...)...)
	cmd.Dir = s.dir
	if s.process, err = process.Start(cmd, syscall.SIGTERM, s.dir); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// prepare waits for the server and, in a cluster, gives it all slots.
func (s *Server) prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		return fmt.Errorf("parse address: %w", err)
	}
	options.MaxRetries, options.DialerRetries = -1, 1
	client := redis.NewClient(options)
	defer client.Close()
	if err := s.poll(ctx, func() error { return client.Ping(ctx).Err() }); err != nil {
		return err
	}
	if !s.config.Cluster {
		return nil
	}
	if err := client.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		return fmt.Errorf("give slots to the node: %w", err)
	}
	return s.poll(ctx, func() error { return client.Get(ctx, "any").Err() })
}

// poll repeats f until Redis answers it, be it with nothing.
func (s *Server) poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil || errors.Is(err, redis.Nil) {
			return nil
		}
		select {
		case <-s.process.Done():
			return fmt.Errorf("redis: %w: %s", process.ErrEnded, s.process.Output())
		case <-ctx.Done():
			return fmt.Errorf("wait for redis: %w: %s", err, s.process.Output())
		case <-tick.C:
		}
	}
}

// URL returns the server's address: redis:// by TCP, unix:// by socket.
func (s *Server) URL() string {
	if s.port == 0 {
		return "unix://" + s.socket()
	}
	return "redis://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

func (s *Server) socket() string { return filepath.Join(s.dir, "redis.sock") }

// Stop ends the server.
func (s *Server) Stop() { s.process.Stop() }

// Kill ends the server at once: connections break, new ones are refused.
func (s *Server) Kill() { s.process.Kill() }

// Freeze stops the server's world: connections stay and nothing answers, as
// when a network swallows packets.
func (s *Server) Freeze() error { return s.process.Signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() error { return s.process.Signal(syscall.SIGCONT) }

// Do runs a command, as an operator would to break something.
func (s *Server) Do(ctx context.Context, args ...any) error {
	options, err := redis.ParseURL(s.URL())
	if err != nil {
		return fmt.Errorf("parse address: %w", err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("run %v: %w", args, err)
	}
	return nil
}

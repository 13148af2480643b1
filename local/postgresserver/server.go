// Package postgresserver runs a private Postgres that ends with the process that
// started it: the one of the local system, and those that tests look into, stop
// and move on in time. It knows nothing of what the tables hold.
package postgresserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/local/process"
)

// The user and the database that a server has from its start.
const (
	User     = "siesta"
	Database = "siesta"
)

// socketPort names the Unix socket; nobody listens on it by TCP.
const socketPort = 5432

// Config says how a Server runs.
type Config struct {
	// DataDir keeps the databases after Stop and is reused when it holds some.
	// Empty: a temporary folder, gone after Stop, and no care for a power cut.
	DataDir string
	// TCP makes the server listen on a free port of 127.0.0.1, by password,
	// beside its Unix socket.
	TCP bool
	// Clock lets the server's own database be moved on in time, by
	// Server.Advance.
	Clock bool
	// Certificate and Key are the server's, in PEM: by TCP it then speaks TLS, too.
	Certificate, Key []byte
}

// Server is a running Postgres that ends with the process that started it.
type Server struct {
	config   Config
	process  *process.Process
	sockets  string // folder of the Unix socket
	port     int    // TCP port, 0 for none
	password string // of User by TCP
}

// Start starts a Postgres and returns when it answers. As root it runs as the
// user postgres, else nobody, since Postgres refuses to run as root.
func Start(cfg Config) (*Server, error) {
	return process.Again(func() (*Server, error) { return startNew(cfg) })
}

func startNew(cfg Config) (*Server, error) {
	owner, err := findOwner()
	if err != nil {
		return nil, err
	}
	dir, err := owner.tempDir()
	if err != nil {
		return nil, err
	}
	s := &Server{config: cfg, sockets: dir, password: rand.Text()}
	if cfg.TCP {
		if s.port, err = process.FreePort(); err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
	}
	if err := s.start(owner); err != nil {
		s.Stop()
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// Restart starts the server again at the same addresses, after Stop or Kill. It
// has what its DataDir has; without one it is empty.
func (s *Server) Restart() error {
	owner, err := findOwner()
	if err != nil {
		return err
	}
	if err := os.Mkdir(s.sockets, 0o700); err != nil {
		return fmt.Errorf("make folder for Postgres: %w", err)
	}
	if err := os.Chown(s.sockets, owner.uid, owner.gid); err != nil {
		return fmt.Errorf("give folder to %s: %w", owner.name, err)
	}
	return s.start(owner)
}

func (s *Server) start(owner owner) error {
	bin, err := findBinaries()
	if err != nil {
		return err
	}
	cfg := s.config
	data, signal := cfg.DataDir, syscall.SIGINT // a clean end for what is kept
	if data == "" {
		data, signal = filepath.Join(s.sockets, "data"), syscall.SIGQUIT
	}
	if err := createCluster(bin, owner, data, cfg.DataDir == ""); err != nil {
		return err
	}
	listen, port := "", socketPort
	if s.port != 0 {
		listen, port = "127.0.0.1", s.port
	}
	args := []string{"-D", data, "-k", s.sockets, "-h", listen, "-p", strconv.Itoa(port), "-c", "shared_buffers=32MB"}
	if cfg.DataDir == "" {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	tls, err := s.writeTLS(owner)
	if err != nil {
		return err
	}
	args = append(args, tls...)
	if s.process, err = process.Start(owner.command(bin.postgres, s.sockets, args...), signal, s.sockets); err != nil {
		return fmt.Errorf("start postgres as %s: %w", owner.name, err)
	}
	if err := s.prepare(); err != nil || !cfg.Clock {
		return err
	}
	return s.makeClock()
}

// prepare waits for the server and makes the user's password and database.
func (s *Server) prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "ALTER ROLE "+User+" PASSWORD '"+s.password+"'"); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Database).Scan(&exists); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+Database); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.SocketURL("postgres"))
		if err == nil {
			return conn, nil
		}
		select {
		case <-s.process.Done():
			return nil, fmt.Errorf("postgres: %w: %s", process.ErrEnded, s.process.Output())
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for postgres: %w: %s", err, s.process.Output())
		case <-tick.C:
		}
	}
}

// Exec runs one statement that must not run inside a transaction, such as one
// that makes a database.
func (s *Server) Exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SocketURL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("run %s: %w", sql, err)
	}
	return nil
}

// URL returns the address of a database: by TCP if the server listens there,
// else by its Unix socket.
func (s *Server) URL(database string) string {
	if s.port == 0 {
		return s.SocketURL(database)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(User, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SocketURL returns the address of a database by the server's Unix socket,
// which asks for no password.
func (s *Server) SocketURL(database string) string {
	query := url.Values{"host": {s.sockets}, "port": {strconv.Itoa(s.socketPort())}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(User), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

func (s *Server) socketPort() int {
	if s.port != 0 {
		return s.port
	}
	return socketPort
}

// Stop ends the server and removes what it need not keep.
func (s *Server) Stop() {
	if s.process != nil {
		s.process.Stop()
	}
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() { s.process.Kill() }

// binaries are the programs of one installed Postgres.
type binaries struct{ initdb, postgres string }

// findBinaries looks in PATH, then where Debian and Homebrew put them, newest
// version first.
func findBinaries() (binaries, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		for i := len(found) - 1; i >= 0; i-- {
			dirs = append(dirs, found[i])
		}
	}
	for _, dir := range dirs {
		b := binaries{filepath.Join(dir, "initdb"), filepath.Join(dir, "postgres")}
		if executable(b.initdb) && executable(b.postgres) {
			return b, nil
		}
	}
	return binaries{}, fmt.Errorf("no Postgres on this machine: install it with `apt-get install postgresql` or `brew install postgresql`, version 13 or newer: %w", exec.ErrNotFound)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

package postgresserver

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestServerByTCPAsksForItsPassword(t *testing.T) {
	s, err := Start(Config{TCP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	conn, err := pgx.Connect(t.Context(), s.URL(Database))
	if err != nil {
		t.Fatalf("connect with the password: %v", err)
	}
	config := conn.Config()
	_ = conn.Close(t.Context())
	config.Password = "wrong"
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		_ = conn.Close(t.Context())
		t.Error("connected with a wrong password")
	}
}

func TestServerKeepsItsDataFolder(t *testing.T) {
	owner, err := findOwner()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := owner.tempDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := Config{DataDir: filepath.Join(dir, "data")}

	first := start(t, cfg)
	run(t, first, `CREATE TABLE kept ()`)
	first.Stop()
	second := start(t, cfg)
	run(t, second, `INSERT INTO kept DEFAULT VALUES`)
	second.Kill()
	third := start(t, cfg)
	run(t, third, `DROP TABLE kept`)
	third.Stop()

	if _, err := os.Stat(third.sockets); !os.IsNotExist(err) {
		t.Errorf("temporary folder after Stop: %v, want it gone", err)
	}
}

func TestAServerComesBackAtItsAddress(t *testing.T) {
	owner, err := findOwner()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := owner.tempDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := start(t, Config{DataDir: filepath.Join(dir, "data"), TCP: true})
	address := s.URL(Database)
	run(t, s, `CREATE TABLE kept ()`)
	s.Kill()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	run(t, s, `DROP TABLE kept`)
	if s.URL(Database) != address {
		t.Errorf("the address became %s", s.URL(Database))
	}
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func run(t *testing.T, s *Server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}

// Test processes start at the same time on a machine without a cached cluster.
func TestRaceForTheCachedCluster(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	errs := make(chan error)
	for range 2 {
		go func() {
			s, err := Start(Config{})
			if err == nil {
				s.Stop()
			}
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	kept, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "siesta", "*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("cached clusters: got %v, error %v, want one", kept, err)
	}
}

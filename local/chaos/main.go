// Command chaos plays seeded histories of functions, users and E2B that act at
// the same time, fail and die, for as long as it is told, and looks whether a
// promise was broken. It owns the count of them; package crash plays them.
//
//	chaos [-seconds 600] [-seed N]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"siesta/local/crash"
)

// faults of a thousand calls go wrong.
const faults = 25

// errBroken: a promise was broken; what was printed plays it again.
var errBroken = errors.New("a promise was broken")

func main() {
	crash.Init()
	seconds := flag.Int("seconds", 600, "how long to go on")
	seed := flag.Uint64("seed", rand.Uint64N(1_000_000_000), "first seed; each history has the next")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := chaos(ctx, time.Duration(*seconds)*time.Second, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1)
	}
}

func chaos(ctx context.Context, long time.Duration, seed uint64) (err error) {
	dir, err := os.MkdirTemp("", "siesta-chaos-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // sandboxes run under users of their own
		return fmt.Errorf("open the folder: %w", err)
	}
	if err := crash.Build(ctx, ".", filepath.Join(dir, "bin")); err != nil {
		return err
	}
	s, err := crash.Start(ctx, crash.Config{Root: ".", BinDir: filepath.Join(dir, "bin"), DataDir: filepath.Join(dir, "data"), Env: crash.Patient})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	fmt.Printf("first seed %d, for %s\n", seed, long)
	began, shown := time.Now(), time.Now()
	tried, injected := 0, 0
	for ; time.Since(began) < long && ctx.Err() == nil; seed++ {
		told, err := s.Try(ctx, seed, faults)
		if ctx.Err() != nil {
			break
		}
		tried, injected = tried+1, injected+told.Faults
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		if len(told.Broken) > 0 {
			fmt.Printf("seed %d breaks a promise:\n  %s\n\n%s\n\nPlay it again: make chaos SEED=%[1]d SECONDS=1\n", seed, strings.Join(told.Broken, "\n  "), strings.Join(told.History, "\n"))
			fmt.Printf("%d histories, %d faults, 1 violation\n", tried, injected)
			return errBroken
		}
		if time.Since(shown) > 10*time.Second {
			fmt.Printf("  %4.0f s  seed %d, %d histories, %d faults\n", time.Since(began).Seconds(), seed, tried, injected)
			shown = time.Now()
		}
	}
	fmt.Printf("%d histories, %d faults, 0 violations\n", tried, injected)
	return nil
}

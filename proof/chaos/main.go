// Command chaos plays seeded histories on whole systems for as long as it is
// told, with faults, and tells whether every promise held. It owns the command
// line and the count; package race owns the histories.
//
//	chaos -seconds 600    as many histories as there is time for
//	chaos -seed 4711      that one, and what happened in it
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"siesta/local/stack"
	"siesta/proof/race"
	"siesta/proof/world"
)

func main() {
	world.Init() // this program is also every sandbox, and the app in it
	seconds := flag.Int("seconds", 60, "how long to go on")
	seed := flag.Uint64("seed", 0, "play this history alone; 0: many")
	faults := flag.Int("faults", 15, "of a thousand calls go wrong; of those to E2B eight times as many")
	lanes := flag.Int("lanes", max(1, runtime.NumCPU()), "systems at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := chaos{until: time.Now().Add(time.Duration(*seconds) * time.Second), faults: *faults, lanes: *lanes}
	if *seed != 0 {
		c.lanes, c.only = 1, true
		c.next.Store(*seed)
	} else {
		c.next.Store(uint64(time.Now().Unix()) << 20) // no two runs play the same
	}
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1)
	}
}

// errBroken: a promise did not hold.
var errBroken = errors.New("a promise was broken")

type chaos struct {
	until  time.Time
	faults int
	lanes  int
	only   bool // one history, of which every step is printed
	next   atomic.Uint64

	mu        sync.Mutex
	histories int
	injected  int
	broken    int
	failed    error
}

func (c *chaos) run(ctx context.Context) error {
	dir, err := world.Folder("chaos")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := stack.Build(ctx, ".", bin); err != nil {
		return err
	}
	first := c.next.Load()
	fmt.Printf("first seed %d, %d systems, until %s\n", first, c.lanes, c.until.Format(time.TimeOnly))
	var all sync.WaitGroup
	for n := range c.lanes {
		all.Go(func() {
			if err := c.lane(ctx, bin, filepath.Join(dir, fmt.Sprint(n))); err != nil {
				c.note(func() { c.failed = errors.Join(c.failed, err) })
			}
		})
	}
	all.Wait()
	fmt.Printf("seed %d and on: %d histories, %d faults injected, %d violations\n", first, c.histories, c.injected, c.broken)
	if c.broken > 0 {
		return errBroken
	}
	return c.failed
}

func (c *chaos) note(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// over reports whether nobody begins another history.
func (c *chaos) over() (yes bool) {
	c.note(func() {
		yes = c.broken > 0 || c.failed != nil || c.only && c.histories > 0 || !c.only && time.Now().After(c.until)
	})
	return yes
}

// lane plays one history after the other on a system of its own.
func (c *chaos) lane(ctx context.Context, bin, dir string) (err error) {
	config := world.Config{Root: ".", BinDir: bin, DataDir: dir, Env: race.Patient}
	if c.only {
		config.Log = func(line string) { fmt.Println("   ", line) }
	}
	s, err := world.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for !c.over() && ctx.Err() == nil {
		seed := c.next.Add(1) - 1
		told, err := race.Try(ctx, s, seed, c.faults)
		if err != nil {
			return fmt.Errorf("seed %d: %w\n%s", seed, err, strings.Join(told.History, "\n"))
		}
		c.note(func() {
			c.histories++
			c.injected += told.Faults
			if len(told.Broken) > 0 {
				c.broken++
				fmt.Printf("\nseed %d breaks a promise:\n  %s\n", seed, strings.Join(told.Broken, "\n  "))
			}
			if c.only || len(told.Broken) > 0 {
				fmt.Printf("history of seed %d:\n  %s\n", seed, strings.Join(told.History, "\n  "))
			}
		})
	}
	return ctx.Err()
}

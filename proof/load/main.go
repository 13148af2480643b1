// Command load puts many jobs at once through the whole system on this machine:
// the binaries that ship, several processes of each, real Postgres, Redis and
// sandboxes. It waits until all are READY and asleep, wakes some of them, and
// prints what that took and whether anything was lost, left running, left over
// or leaked. It owns the requests and the measurements, and knows no function
// from within.
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
	"syscall"
	"time"

	"siesta/local/stack"
	"siesta/proof/world"
)

// logFile is where what the functions wrote is left, below the checkout.
const logFile = ".local/load.log"

func main() {
	world.Init() // this program is also every sandbox, and the app in it
	c := config{root: ".", log: logFile, reconcileEvery: 10 * time.Second, patience: 2 * time.Minute, bounds: true, progress: os.Stderr}
	flag.IntVar(&c.jobs, "jobs", 500, "how many jobs are sent in at once")
	flag.IntVar(&c.wakes, "wakes", 50, "how many of them are resumed at once, afterwards")
	flag.IntVar(&c.clients, "clients", 64, "how many requests are under way at a time")
	flag.IntVar(&c.processes, "processes", 4, "of each function")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		stop()
		os.Exit(1)
	}
}

// errBroken: the system did not do under load what it must.
var errBroken = errors.New("the system does not bear this load")

func run(ctx context.Context, c config) error {
	dir, err := world.Folder("load")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c.bin, c.data = filepath.Join(dir, "bin"), filepath.Join(dir, "data")
	if err := stack.Build(ctx, c.root, c.bin); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.log), 0o755); err != nil {
		return fmt.Errorf("make folder of the log: %w", err)
	}
	before := machine()
	rows, err := measure(ctx, c)
	fmt.Printf("%s %s/%s, GOMAXPROCS %d; %s before, %s after\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), before, machine())
	if err := write(os.Stdout, rows); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w\nwhat the functions wrote: %s", err, c.log)
	}
	if broken := broken(rows); len(broken) > 0 {
		return fmt.Errorf("%w:\n%s\nwhat the functions wrote: %s", errBroken, strings.Join(broken, "\n"), c.log)
	}
	return nil
}

// machine says how busy the machine is.
func machine() string {
	load, _ := os.ReadFile("/proc/loadavg") // Linux alone tells
	fields := strings.Fields(string(load) + " ? ? ?")
	return "load " + strings.Join(fields[:3], " ")
}

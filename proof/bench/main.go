// Command bench measures what the system costs and prints it beside the floor
// that it is held against and its budget. A cost and its floor are
// measured in turns within one run, so a busy machine slows both; the spread shows how
// busy it was. It owns the measurements, and knows no function from within.
//
// The first argument may be a regular expression: only measurements whose name
// it matches are made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	"siesta/proof/world"
)

// measurement makes some rows of the table.
type measurement struct {
	name string
	run  func(*bench, context.Context) ([]row, error)
}

var measurements = []measurement{
	{"status", (*bench).status},
	{"start", (*bench).start},
	{"preview", (*bench).preview},
	{"pause", (*bench).pause},
	{"hop", (*bench).hop},
	{"build", (*bench).build},
	{"ready", (*bench).ready},
	{"iterate", (*bench).iterate},
	{"list", (*bench).list},
	{"reconcile", (*bench).reconcile},
	{"cost", (*bench).cost},
	{"size", (*bench).size},
	{"e2b", (*bench).e2b},
}

// bench is one run.
type bench struct {
	rounds int
	bin    string // <function>/bootstrap, as shipped
	self   string // this program, which is also the app that builds build
	getenv func(string) string

	measured string // file in which cost leaves what it has measured; "" for none
}

func main() {
	world.Init() // this program is also every sandbox, and the app in it
	rounds := flag.Int("rounds", 30, "how often each thing is measured")
	measured := flag.String("measured", "", "a file for what the measurement cost finds, in JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *rounds, *measured, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, measured, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("read name of measurement: %w", err)
	}
	if _, err := os.Stat("template.yaml"); err != nil {
		return fmt.Errorf("run this from the root of the checkout: %w", err)
	}
	bin, err := os.MkdirTemp("", "siesta-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(bin)
	b := &bench{rounds: max(rounds, 3), bin: bin, getenv: os.Getenv, measured: measured}
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	if err := b.compile(ctx); err != nil {
		return err
	}
	var rows []row
	var failed []error
	for _, m := range measurements {
		if !wanted.MatchString(m.name) || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s ...\n", m.name)
		made, err := m.run(b, ctx)
		if err != nil {
			failed = append(failed, fmt.Errorf("measure %s: %w", m.name, err))
		}
		rows = append(rows, made...)
	}
	fmt.Println(machine(ctx))
	return errors.Join(append(failed, write(os.Stdout, rows))...)
}

// machine says what the numbers were measured on.
func machine(ctx context.Context) string {
	revision, _ := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output() // a copy without git has none
	load, _ := os.ReadFile("/proc/loadavg")                                                    // Linux alone tells
	return fmt.Sprintf("revision %s, %s %s/%s, GOMAXPROCS %d, load now %s", strings.TrimSpace(string(revision)),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), strings.TrimSpace(string(load)))
}

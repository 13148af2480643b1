// Command upgrade takes a whole system from the commit before to this checkout and
// back again, under load, with the binaries and the migrations of both, and tells
// whether a job was lost or a preview died on the way. It owns the order of the
// steps, the users meanwhile, and what must be so in the end.
//
//	upgrade -before 5d2d8df
//
// It knows of functions what their rows and answers say. How a system is built and
// moved on in time is package world's, what must never be package promises'.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"siesta/proof/world"
)

// logFile is where what the functions wrote is left, below the checkout.
const logFile = ".local/upgrade.log"

func main() {
	world.Init() // this program is also every sandbox, and the app in it
	before := flag.String("before", "", "the commit that the upgrade starts from")
	kept := flag.String("built", "", "a folder that keeps what was built, for the next run; empty: none")
	users := flag.Int("users", 4, "who build at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *before, *kept, *users); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		stop()
		os.Exit(1)
	}
}

// errBroken: something that was promised did not hold.
var errBroken = errors.New("an upgrade or its way back breaks what was promised")

func run(ctx context.Context, before, kept string, users int) (err error) {
	dir, err := world.Folder("upgrade")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Printf("%4.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	say("building the functions of %s and of this checkout", before)
	folder, err := filepath.Abs(cmp.Or(kept, dir))
	if err != nil {
		return fmt.Errorf("find folder: %w", err)
	}
	b, err := build(ctx, ".", before, folder)
	if err != nil {
		return err
	}
	log, err := newJournal(logFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	s, err := open(ctx, b, filepath.Join(dir, "data"), log.add, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	h := &history{system: s, users: newUsers(s, users)}
	if err := h.play(ctx); err != nil {
		return fmt.Errorf("%w\nwhat the functions wrote: %s", err, logFile)
	}
	return nil
}

// journal keeps what the functions write in a file.
type journal struct {
	file  *os.File
	lines chan string
	done  chan struct{}
}

func newJournal(name string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of the log: %w", err)
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	j := &journal{file: file, lines: make(chan string, 100), done: make(chan struct{})}
	go func() {
		defer close(j.done)
		to := bufio.NewWriter(file)
		defer to.Flush()
		for line := range j.lines {
			fmt.Fprintln(to, time.Now().Format(time.TimeOnly), line)
		}
	}()
	return j, nil
}

func (j *journal) add(line string) { j.lines <- line }

// close is called when nothing writes any more.
func (j *journal) close() error {
	close(j.lines)
	<-j.done
	return j.file.Close()
}

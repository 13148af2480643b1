// Command prove takes out the guards of the protocol, one at a time, and shows
// that a test fails without each. It owns the table of guards and the way to
// take one out; it changes no file of the checkout.
//
//	prove [PATTERN]    only the guards whose name matches
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// atOnce is how many guards are out at the same time, each in a world of its own.
const atOnce = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pattern := ""
	if len(os.Args) > 1 {
		pattern = os.Args[1]
	}
	if err := prove(ctx, pattern); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		stop()
		os.Exit(1)
	}
}

// errMissed: a guard can be taken out, and no test notices.
var errMissed = errors.New("the tests do not notice every guard")

func prove(ctx context.Context, pattern string) error {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("read pattern: %w", err)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	dir, err := os.MkdirTemp("", "siesta-prove-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	t := &trials{root: root, dir: dir, sound: map[string]error{}}
	slots, missed := make(chan struct{}, atOnce), 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, g := range guards {
		if !wanted.MatchString(g.name) {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			caught, err := t.try(ctx, i, g)
			mu.Lock()
			defer mu.Unlock()
			verdict := "caught"
			switch {
			case err != nil:
				verdict = "ERROR "
			case !caught:
				verdict = "MISSED"
			}
			if verdict != "caught" {
				missed++
			}
			fmt.Printf("%s  %-62s %s %s (%.1f s)\n", verdict, g.name, g.folder, g.test, time.Since(began).Seconds())
			if err != nil {
				fmt.Println("       ", err)
			}
		})
	}
	all.Wait()
	if missed > 0 {
		return fmt.Errorf("%d: %w", missed, errMissed)
	}
	return ctx.Err()
}

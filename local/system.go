package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"siesta/local/checkout"
	"siesta/local/e2bsim/sandbox"
	"siesta/local/stack"
)

// up starts the checkout's system and writes .local/env; stop undoes both.
func up(ctx context.Context, c checkout.Checkout, to io.Writer) (s *stack.Stack, stop func(), err error) {
	release, err := c.Lock()
	if err != nil {
		return nil, nil, err
	}
	c.RemoveEnv() // of a system that was killed
	log, err := c.OpenLog()
	if err != nil {
		release()
		return nil, nil, err
	}
	end := func() { _ = log.Close(); release() }
	config, err := c.Config(log)
	if err != nil {
		end()
		return nil, nil, err
	}
	began := time.Now()
	if s, err = stack.Start(ctx, config); err != nil {
		end()
		return nil, nil, err
	}
	stop = func() {
		c.RemoveEnv()
		if err := s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "siesta: stop:", err)
		}
		end()
	}
	if err := c.WriteEnv(s); err != nil {
		stop()
		return nil, nil, err
	}
	e2b, notes := "E2B's simulator", sandbox.Shortcomings()
	if s.E2B == nil {
		e2b, notes = "E2B at "+s.E2BHost(), []string{fmt.Sprintf("its sandboxes carry siesta_stack=%s; %s.", s.StackTag, fate(config.Keep))}
	}
	for _, note := range notes {
		fmt.Fprintln(to, "Note:", note)
	}
	fmt.Fprintf(to, "The system is up: %d functions, Postgres, Redis, SQS and %s, in %.1f s.\n", len(s.Functions()), e2b, time.Since(began).Seconds())
	return s, stop, nil
}

// fate is what becomes of the sandboxes in an account of E2B.
func fate(keep bool) string {
	if keep {
		return "KEEP is set, so they stay there when it stops"
	}
	return "they are killed when it stops"
}

// withSystem calls use with what .local/env tells: of the system that runs, and
// stays, or else of one that is started for it and stopped after.
func withSystem(ctx context.Context, c checkout.Checkout, to io.Writer, use func(system map[string]string, stays bool) error) error {
	_, stop, err := up(ctx, c, to)
	switch {
	case err == nil:
		defer stop()
	case !errors.Is(err, checkout.ErrRunning):
		return err
	}
	system, err := c.ReadEnv()
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("this checkout's system is still starting, or stopping: try again in a moment")
	}
	if err != nil {
		return err
	}
	if stop == nil && c.NamesAnotherE2B(system) {
		return errors.New("this checkout's system is running already, and not with the E2B that E2B_API_URL, E2B_API_KEY and E2B_DOMAIN name: stop it first, or unset them")
	}
	return use(system, stop == nil)
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"siesta/local/e2bsim/sandbox"
	"siesta/local/stack"
)

// run brings the system up, tells its addresses, and stops it when ctx ends.
func (c checkout) run(ctx context.Context) error {
	s, stop, err := c.up(ctx, os.Stdout)
	if err != nil {
		return err
	}
	defer stop()
	previews := s.E2BSandboxURL
	if s.E2B == nil {
		previews = "below " + s.E2BDomain
	}
	fmt.Println()
	for _, line := range [][2]string{
		{"API", s.APIURL}, {"SQS", s.SQSURL}, {"Postgres", s.DatabaseURL}, {"Redis", s.RedisURL},
		{"E2B", s.E2BAPIURL}, {"previews", previews}, {"admin", s.AdminURL}, {"function logs", c.path("log")},
	} {
		fmt.Printf("  %-14s %s\n", line[0], line[1])
	}
	fmt.Print("\nAll of it, and a token for a day, is in .local/env:  . .local/env\n" +
		"Build something:                                     make demo\n" +
		"Ctrl-C stops everything.\n")
	<-ctx.Done()
	fmt.Println("\nstopping")
	return nil
}

// up starts the checkout's system and writes .local/env; stop undoes both.
func (c checkout) up(ctx context.Context, to io.Writer) (s *stack.Stack, stop func(), err error) {
	release, err := c.lock()
	if err != nil {
		return nil, nil, err
	}
	c.removeEnv() // of a system that was killed
	log, err := os.Create(c.path("log"))
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("write the functions' log: %w", err)
	}
	end := func() { _ = log.Close(); release() }
	config, err := c.config(log)
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
		c.removeEnv()
		if err := s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "siesta: stop:", err)
		}
		end()
	}
	if err := c.writeEnv(s); err != nil {
		stop()
		return nil, nil, err
	}
	e2b, notes := "E2B's simulator", sandbox.Shortcomings()
	if s.E2B == nil {
		e2b, notes = "E2B at "+s.E2BAPIURL, []string{fmt.Sprintf("its sandboxes carry siesta_stack=%s; %s.", s.StackTag, fate(config.Keep))}
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

package main

import (
	"context"
	"fmt"
	"os"

	"siesta/local/checkout"
)

// run brings the system up, tells its addresses, and stops it when ctx ends.
func run(ctx context.Context, c checkout.Checkout) error {
	s, stop, err := up(ctx, c, os.Stdout)
	if err != nil {
		return err
	}
	defer stop()
	previews := "below " + s.E2BDomain
	if s.E2B != nil && s.E2BSandboxURL != "http://"+s.E2BDomain {
		previews += ", which is " + s.E2BSandboxURL + " on this machine"
	}
	fmt.Println()
	for _, line := range [][2]string{
		{"API", s.APIURL}, {"SQS", s.SQSURL}, {"Postgres", s.DatabaseURL}, {"Redis", s.RedisURL},
		{"E2B", s.E2BHost()}, {"previews", previews}, {"admin", s.AdminURL}, {"function logs", c.Path("log")},
	} {
		fmt.Printf("  %-14s %s\n", line[0], line[1])
	}
	fmt.Print("\nAll of it, and a token for a day, is in .local/env:  . .local/env\n" +
		"Build something, and get a link that shares it:      make demo\n" +
		"Share what was built already:                        curl -H \"Authorization: Bearer $TOKEN\" -X POST $API_URL/api/generation/JOB_ID/share\n" +
		"Ctrl-C stops everything.\n")
	<-ctx.Done()
	fmt.Println("\nstopping")
	return nil
}

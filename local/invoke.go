package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"siesta/local/checkout"
	"siesta/local/stack"
)

// invoke gives the event in a file to a function and prints what it answers,
// on the running system or on one of its own.
func invoke(ctx context.Context, c checkout.Checkout, function, file string) error {
	if function == "" || file == "" {
		return errors.New("say which function and event: make invoke FUNCTION=pause EVENT=events/pause.json")
	}
	event, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if strings.ContainsAny(function, "/.") {
		return errors.New("FUNCTION is the name of a folder below functions/")
	}
	if _, err := os.Stat(filepath.Join(c.Root, "functions", function, "main.go")); err != nil {
		return fmt.Errorf("there is no function %s: FUNCTION is the name of a folder below functions/", function)
	}
	return withSystem(ctx, c, os.Stderr, func(system map[string]string, _ bool) error {
		answer, functionError, err := stack.Admin(system["ADMIN_URL"]).Invoke(ctx, function, event)
		if err != nil {
			return err
		}
		fmt.Println(string(answer))
		if functionError != "" {
			return fmt.Errorf("function %s ended with the error above (%s); its log is %s", function, functionError, c.Path("log"))
		}
		return nil
	})
}

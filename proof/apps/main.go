// Command apps builds what people really generate, for real and with nothing but
// files: the scaffolds of the public generators, fetched when it runs, and small
// apps of every other kind. It opens each preview in a Chromium, on a domain that
// is not localhost, clicks, and edits a file as an agent does. It owns the table
// of projects and the results; it knows no function from within.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"siesta/local/checkout"
	"siesta/local/stack"
	"siesta/proof/world"
)

// folder is where results are kept, below the checkout.
const folder = ".local/apps"

func main() {
	world.Init() // this program is also the first process of every sandbox
	names := flag.String("app", "", "patterns of the projects to build, with commas between them; none: all that have no result yet")
	together := flag.Int("together", 1, "how many are built at the same time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *names, *together); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "apps:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, names string, together int) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder of results: %w", err)
	}
	kept, todo, err := plan(folder, names)
	if err != nil {
		return err
	}
	dir, err := world.Folder("apps")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := stack.Build(ctx, ".", bin); err != nil {
		return err
	}
	s, err := open(ctx, checkout.Checkout{Root: ".", Getenv: os.Getenv}, bin, filepath.Join(dir, "data"), folder)
	if err != nil {
		return err
	}
	err = s.tryAll(ctx, todo, together, func(r result) error {
		fmt.Fprintln(os.Stderr, r)
		return kept.add(r)
	})
	judged := apps
	if names != "" {
		judged = todo
	}
	return errors.Join(err, s.close(), kept.end(os.Stdout, judged))
}

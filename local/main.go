// Command local runs Siesta on one machine: "run" until it is stopped, "demo"
// to see one app built and put to sleep, "deployed" to see that elsewhere, "invoke"
// to give one event to one function. It owns the command line; package stack owns the system, checkout
// the folder, demo what is shown.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"siesta/local/checkout"
	"siesta/local/e2bsim/sandbox"
)

const help = `usage: local COMMAND

  run                      the whole system, until Ctrl-C
  demo [folder]            build the app in a folder, see it READY and asleep
  deployed folder          the same on a deployed system, by API_URL and TOKEN
  invoke FUNCTION EVENT    give the event in a file to a function

See README.md.
`

func main() {
	sandbox.Init() // this program is also the first process of every sandbox
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "siesta:", err)
		}
		stop()
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	c := checkout.Checkout{Root: ".", Getenv: os.Getenv}
	switch {
	case len(args) == 1 && args[0] == "run":
		return run(ctx, c)
	case len(args) == 1 && args[0] == "demo":
		return show(ctx, c, "examples/vite-react")
	case len(args) == 2 && args[0] == "demo":
		return show(ctx, c, args[1])
	case len(args) == 2 && args[0] == "deployed":
		return showDeployed(ctx, c, args[1])
	case len(args) == 3 && args[0] == "invoke":
		return invoke(ctx, c, args[1], args[2])
	}
	fmt.Fprint(os.Stderr, help)
	return errors.New("unknown command")
}

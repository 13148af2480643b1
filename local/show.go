package main

import (
	"context"
	"os"
	"time"

	"siesta/local/checkout"
	"siesta/local/demo"
)

// demoLimit bounds a demo, from the start of the system on.
const demoLimit = 15 * time.Minute

// show builds the app in a folder on the checkout's system, and shows it become
// READY and fall asleep.
func show(ctx context.Context, c checkout.Checkout, folder string) error {
	app, err := demo.ReadApp(folder)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	return withSystem(ctx, c, os.Stdout, func(system map[string]string, stays bool) error {
		return demo.Show(ctx, system, stays, app)
	})
}

// showDeployed does the same on the system that API_URL and TOKEN lead to, and uses
// nothing of this checkout's own.
func showDeployed(ctx context.Context, c checkout.Checkout, folder string) error {
	app, err := demo.ReadApp(folder)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	return demo.ShowDeployed(ctx, c.Getenv("API_URL"), c.Getenv("TOKEN"), app)
}

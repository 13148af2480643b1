package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"siesta/local/client"
)

const (
	// askDeployedEvery spares a deployed API, and its bill.
	askDeployedEvery = time.Second
	// removeLimit is how long the end may take.
	removeLimit = time.Minute
)

// ShowDeployed is Show on a system of which nothing is known but the address of its API
// and a token. It takes away the jobs that it has made, even if ctx ends.
func ShowDeployed(ctx context.Context, api, token string, app App) error {
	u, err := url.Parse(api)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil:
		return errors.New("API_URL must be the address of an API, such as the stack's output ApiUrl")
	case token == "":
		return errors.New("TOKEN must be a token of the issuer that the stack names; export it")
	}
	u.RawQuery, u.Fragment = "", ""
	d := &demo{user: client.Client{URL: strings.TrimRight(u.String(), "/"), Token: token}, screen: newScreen(os.Stdout), visitor: visitor(""), every: askDeployedEvery}
	err = d.run(ctx, app)
	d.screen.done()
	left := d.remove(context.WithoutCancel(ctx))
	if left != nil && errors.Is(err, context.Canceled) {
		return left // nobody has to be told of their own Ctrl-C
	}
	return errors.Join(err, left)
}

// remove deletes the jobs, the newest first: it has the sandbox.
func (d *demo) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	var errs []error
	fmt.Println()
	for _, id := range slices.Backward(d.made) {
		a, err := d.ask(ctx, func() (client.Answer, error) {
			return d.user.Call(ctx, http.MethodDelete, "/api/generation/"+id, nil, nil)
		}, http.StatusNoContent, http.StatusAccepted, http.StatusNotFound)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("the job %s is left: %w", id, err))
		case a.Code == http.StatusAccepted: // it may be on its way, which its builder or reconcile ends
			fmt.Printf("Deleted, its sandbox within minutes: %s\n", id)
		default:
			fmt.Printf("Deleted, with its sandbox: %s\n", id)
		}
	}
	return errors.Join(errs...)
}

package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// sandboxLimits keep a runaway build from taking the machine, and one that needs
// more memory than E2B gives by default from passing here.
var sandboxLimits = sandbox.Limits{Memory: 512 << 20, Processes: 1000}

// startE2B starts the simulator, unless the settings name a service elsewhere.
func (s *Stack) startE2B(ctx context.Context) error {
	if s.config.Env["E2B_API_URL"] != "" {
		return s.joinE2B(ctx)
	}
	edge, err := listen()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(edge.Addr().String())
	s.E2BAPIKey = s.identity.E2BAPIKey
	config := e2bsim.Config{
		DataDir: filepath.Join(s.config.DataDir, "sandboxes"), Backend: e2bsim.Processes{Outbound: true, Limits: sandboxLimits},
		APIKeys: []string{s.E2BAPIKey}, Domain: "localhost:" + port, BaseEnv: maps.Clone(s.config.SandboxEnv),
	}
	if templates := s.config.Env["TEMPLATES"]; templates != "" {
		config.Templates = strings.Split(templates, ",")
	}
	if s.config.E2B != nil {
		s.config.E2B(&config)
	}
	if s.E2B, err = e2bsim.New(config); err != nil {
		return fmt.Errorf("start E2B simulator: %w", err)
	}
	s.onClose(s.E2B.Close)
	server := &http.Server{Handler: s.E2B.EdgeHandler()}
	go func() { _ = server.Serve(edge) }() // ends with Close
	s.onClose(server.Close)
	s.E2BDomain, s.E2BSandboxURL = "localhost:"+port, "http://localhost:"+port
	address, err := s.serve(s.E2B.APIHandler())
	s.E2BAPIURL = "http://" + address
	return err
}

// elsewhere bounds what a service elsewhere is asked by this system itself.
const elsewhere = 30 * time.Second

// joinE2B uses the service that the settings name. It finds out at once whether
// that answers to the key.
func (s *Stack) joinE2B(ctx context.Context) error {
	set := s.config.Env
	s.E2BAPIURL, s.E2BSandboxURL, s.E2BAPIKey = set["E2B_API_URL"], set["E2B_SANDBOX_URL"], set["E2B_API_KEY"]
	s.E2BDomain = cmp.Or(set["E2B_DOMAIN"], "e2b.app")
	client, err := e2b.New(e2b.Config{
		APIURL: s.E2BAPIURL, Version: e2b.Version(set["E2B_API_VERSION"]), Domain: s.E2BDomain, SandboxURL: s.E2BSandboxURL,
		Key: func(context.Context, bool) (secrets.Text, error) { return secrets.NewText(s.E2BAPIKey), nil },
	})
	if err != nil {
		return err
	}
	if err := s.killOurs(ctx, client); err != nil {
		return err
	}
	s.onClose(func() error { return s.killOurs(context.Background(), client) })
	return nil
}

// E2BHost is what of E2BAPIURL may be shown: its path can hold a token.
func (s *Stack) E2BHost() string {
	u, err := url.Parse(s.E2BAPIURL)
	if err != nil {
		return "E2B_API_URL"
	}
	return u.Scheme + "://" + u.Host
}

// killOurs kills the sandboxes that have this data folder's tag: the rows that
// know them are gone, or are about to go. With Keep it only finds out whether the
// service answers.
func (s *Stack) killOurs(ctx context.Context, client *e2b.Client) error {
	ctx, cancel := context.WithTimeout(ctx, elsewhere)
	defer cancel()
	ours, err := client.List(ctx, e2b.Filter{Metadata: map[string]string{job.TagStack: s.identity.StackTag}})
	if err != nil {
		return fmt.Errorf("list sandboxes at %s with E2B_API_KEY: %w", s.E2BHost(), err)
	}
	if s.config.Keep {
		return nil
	}
	var errs []error
	for _, box := range ours.Odd {
		if box.Metadata[job.TagStack] == s.identity.StackTag {
			errs = append(errs, errors.New("a sandbox of ours has an id that cannot be used; it ends by itself"))
		}
	}
	for _, box := range ours.Sandboxes {
		if box.Metadata[job.TagStack] != s.identity.StackTag {
			continue // whatever the filter let through
		}
		if err := client.Kill(ctx, box.ID); err != nil && !errors.Is(err, e2b.ErrNotFound) {
			errs = append(errs, fmt.Errorf("kill sandbox %s: %w", box.ID, err))
		}
	}
	return errors.Join(errs...)
}

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
	"regexp"
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

// domain is what addresses of previews can be below.
var domain = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// startE2B starts the simulator, unless the settings name a service elsewhere. It
// is reached at E2BSandboxURL, whatever domain the previews' addresses are below.
func (s *Stack) startE2B(ctx context.Context) error {
	if s.config.Env["E2B_API_URL"] != "" {
		return s.joinE2B(ctx)
	}
	s.E2BDomain = s.config.Env["E2B_DOMAIN"]
	if s.E2BDomain != "" && !domain.MatchString(s.E2BDomain) {
		return fmt.Errorf("E2B_DOMAIN=%q is no domain in small letters, such as e2b.test or e2b.test:8080", s.E2BDomain)
	}
	_, port, _ := net.SplitHostPort(s.E2BDomain) // one without a port has a free one
	edge, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", cmp.Or(port, "0")))
	if err != nil {
		return fmt.Errorf("listen for previews: %w", err)
	}
	s.E2BSandboxURL = fmt.Sprintf("http://localhost:%d", edge.Addr().(*net.TCPAddr).Port)
	if s.E2BDomain == "" { // which browsers look up on this machine by themselves
		s.E2BDomain = strings.TrimPrefix(s.E2BSandboxURL, "http://")
	}
	s.E2BAPIKey = s.identity.E2BAPIKey
	config := e2bsim.Config{
		DataDir: filepath.Join(s.config.DataDir, "sandboxes"), Backend: e2bsim.Processes{Outbound: true, Limits: sandboxLimits},
		APIKeys: []string{s.E2BAPIKey}, Domain: s.E2BDomain, BaseEnv: maps.Clone(s.config.SandboxEnv),
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

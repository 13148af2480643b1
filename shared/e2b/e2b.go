// Package e2b owns the calls to E2B's control plane: which requests they are,
// what each answer means, and what may be asked again. It also looks at
// previews from outside, as a visitor does. Inside a sandbox, package envd
// speaks. It knows no job, no row and no message: callers record before they
// call, and decide by the outcomes in outcome.go.
package e2b

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"siesta/shared/e2b/address"
	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// Version is a generation of E2B's create and connect routes.
type Version string

// V1 is what self-hosted E2B of summer 2026 speaks, V2 what the hosted service
// does; the other routes are the same in both.
const (
	V1 Version = "v1"
	V2 Version = "v2"
)

// Key gives the API key. With refresh, the one it gave last was refused.
type Key func(ctx context.Context, refresh bool) (secrets.Text, error)

// Config says where E2B is.
type Config struct {
	APIURL  string  // such as https://api.e2b.app
	Version Version // "" is V2
	Domain  string  // of sandboxes' own addresses, such as localhost:3002; "" is e2b.app

	// SandboxURL, when set, takes all traffic to sandboxes, which is then
	// routed by headers: the edge proxy of one machine.
	SandboxURL string

	Key Key

	// Transport carries the calls to the control plane; nil is the package's
	// own. It must not repeat requests.
	Transport http.RoundTripper
}

// ReadConfig reads the settings of E2B.
func ReadConfig(r *env.Reader, key Key) Config {
	c := ReadControl(r, key)
	c.Version = Version(r.Choice("E2B_API_VERSION", string(V2), string(V1), string(V2)))
	at := address.Read(r)
	c.Domain, c.SandboxURL = at.Domain, at.SandboxURL
	return c
}

// ReadControl reads the settings of the control plane alone, which do for who
// neither creates nor wakes a sandbox, nor reaches into one.
func ReadControl(r *env.Reader, key Key) Config {
	return Config{APIURL: r.URL("E2B_API_URL", "https://api.e2b.app", "https", "http"), Key: key}
}

// Client makes calls to E2B. It is safe for concurrent use.
type Client struct {
	config   Config
	patience time.Duration // how long a call that changes E2B waits for its answer
	backoff  time.Duration // before a second try
	http     *http.Client  // control plane
	data     *http.Client  // sandboxes
	probe    *http.Client  // previews
}

// New checks the configuration and makes a client. It dials nothing.
func New(config Config) (*Client, error) {
	if config.Version == "" {
		config.Version = V2
	}
	if config.Version != V1 && config.Version != V2 {
		return nil, fmt.Errorf("E2B_API_VERSION must be %s or %s", V1, V2)
	}
	err := config.address().Check()
	if err != nil {
		return nil, err
	}
	if config.Key == nil {
		return nil, errors.New("e2b: no source of the API key")
	}
	if config.APIURL, err = baseURL("E2B_API_URL", config.APIURL); err != nil {
		return nil, err
	}
	if config.SandboxURL != "" {
		if config.SandboxURL, err = baseURL("E2B_SANDBOX_URL", config.SandboxURL); err != nil {
			return nil, err
		}
	}
	if config.Transport == nil {
		config.Transport = newTransport()
	}
	return &Client{
		config:   config,
		patience: job.AnswerTime,
		backoff:  minBackoff,
		http:     &http.Client{Transport: config.Transport, CheckRedirect: noRedirect},
		data:     &http.Client{Transport: newTransport(), CheckRedirect: noRedirect},
		probe:    &http.Client{Transport: probeTransport(config.SandboxURL), CheckRedirect: noRedirect},
	}, nil
}

// Within returns a client whose calls that change E2B wait at most d for their
// answer; a call cut off so has an unknown outcome.
func (c *Client) Within(d time.Duration) *Client {
	within := *c
	within.patience = min(d, job.AnswerTime)
	return &within
}

// Edge returns where a sandbox's port is reached by headers that name sandbox
// and port, and the client to reach it with, which has no time-out of its own.
func (c *Client) Edge(sandboxID string, port int) (base string, client *http.Client) {
	if c.config.SandboxURL != "" {
		return c.config.SandboxURL, c.data
	}
	return c.PreviewURL(sandboxID, port), c.data
}

// Domain is what the previews' addresses are below.
func (c *Client) Domain() string { return c.config.address().Host() }

// PreviewURL is the address of a sandbox's port as visitors use it.
func (c *Client) PreviewURL(sandboxID string, port int) string {
	return c.config.address().Preview(sandboxID, port)
}

func (c Config) address() address.Config {
	return address.Config{Domain: c.Domain, SandboxURL: c.SandboxURL}
}

// baseURL is what calls' paths are put behind. The error does not show the value,
// which may hold a password or a token.
func baseURL(setting, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(address, "?#") {
		return "", errors.New(setting + " must be https://host or http://host, without a user, a query or a fragment")
	}
	return strings.TrimSuffix(address, "/"), nil
}

const (
	mostID  = 64 // letters of a sandbox's id
	mostKey = 255
)

// isName reports whether s is of 1 to most of a-z and 0-9. No regexp says it: every
// function of a stack would compile that at its start, and so many states take longer
// than all the rest of this package.
func isName(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// newTransport is HTTP/1.1, where it is plain what was sent. Connections are
// dropped early: one that outlived its peer while the function was frozen
// would make an outcome unknown.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 10, // a batch of pause messages
		Protocols:           protocols,
	}
}

// noRedirect: E2B redirects nothing, and a repeated POST would be a second one.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Package address owns where previews are reached: below which domain, and by which
// scheme. It calls nobody, so that who only shows addresses carries no client of E2B.
package address

import (
	"errors"
	"fmt"
	"strings"

	"siesta/shared/env"
)

// Config says where sandboxes are.
type Config struct {
	Domain string // of their own addresses, such as localhost:3002; "" is e2b.app
	// SandboxURL, when set, takes all traffic to them: the edge proxy of one machine.
	SandboxURL string
}

// Read reads the settings of the addresses.
func Read(r *env.Reader) Config {
	return Config{Domain: r.String("E2B_DOMAIN", ""), SandboxURL: r.URL("E2B_SANDBOX_URL", "", "https", "http")}
}

// Check returns what is wrong with the domain, nil if nothing is.
func (c Config) Check() error {
	if strings.ContainsAny(c.Domain, "/@ ") {
		return errors.New("E2B_DOMAIN must be a domain, with a port where it has one")
	}
	return nil
}

// Host is the domain that the addresses are below.
func (c Config) Host() string {
	if c.Domain == "" {
		return "e2b.app"
	}
	return c.Domain
}

// Preview is the address of a sandbox's port as visitors use it.
func (c Config) Preview(sandboxID string, port int) string {
	return fmt.Sprintf("%s://%d-%s.%s", c.scheme(), port, sandboxID, c.Host())
}

// Previews stands for the addresses of all previews, as a page's policy names them.
func (c Config) Previews() string { return c.scheme() + "://*." + c.Host() }

func (c Config) scheme() string {
	if strings.HasPrefix(c.SandboxURL, "http://") {
		return "http"
	}
	return "https"
}

package e2b

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"siesta/shared/e2b/webpage"
)

// Answer is what a visitor of a preview gets.
type Answer string

const (
	// AppReady: the app itself answers.
	AppReady Answer = "ready"
	// AppFails: the app answers that it is broken: 5xx, to a script of its page
	// too, or a page that only tells of its failure.
	AppFails Answer = "app fails"
	// AppEmpty: the app's page has nothing in it at all.
	AppEmpty Answer = "app shows nothing"
	// AppRefuses: the app's server does not take visitors under this address,
	// as development servers do with hosts that they were not told of, some with
	// a good status.
	AppRefuses Answer = "app refuses the address"
	// PortClosed: the sandbox runs, nothing listens on the port.
	PortClosed Answer = "nothing listens"
	// NoSandbox: the edge knows no running sandbox of that id: it is paused, or
	// gone.
	NoSandbox Answer = "no running sandbox"
	// NoAnswer: none in time, or a cut connection, or the edge is busy with it.
	NoAnswer Answer = "no answer"
)

// Preview is the outcome of one look.
type Preview struct {
	Answer Answer
	Status int    // HTTP status; 0 without an answer
	HTML   bool   // it is for people, by its Content-Type
	Detail string // for logs

	Refusal webpage.Refusal // of AppRefuses, as far as it is a known one
	Moved   string          // the path that visitors are sent to, with a 3xx; "" where that is another host's
	Base    string          // the path at which the app says that it is, with a 404
	Script  string          // the path of the script that cannot be made, of AppFails
	Says    string          // the app's own words about its failure: foreign text, which may hold secrets

	scripts []*url.URL
}

// Page reports whether visitors see a page of the app's, and not, say, an API that
// has nothing at its root.
func (p Preview) Page() bool {
	return p.Ready() && p.Status < 400 && (p.HTML || p.Status >= 300)
}

// Ready reports whether visitors see the app.
func (p Preview) Ready() bool { return p.Answer == AppReady }

// Answered reports whether it is the app that answers its visitors, be it that it
// fails or turns them away.
func (p Preview) Answered() bool {
	return p.Ready() || p.Answer == AppFails || p.Answer == AppEmpty || p.Answer == AppRefuses
}

const (
	probeTime = 10 * time.Second // some servers compile at the first request
	probeBody = 64 << 10
)

// Probe looks at a preview's address once, from outside, as a visitor does.
func (c *Client) Probe(ctx context.Context, previewURL string) Preview {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	resp, err := c.visit(ctx, previewURL, "text/html, */*")
	if err != nil {
		return Preview{Answer: NoAnswer, Detail: err.Error()}
	}
	defer resp.Body.Close()
	// A cut body still came with the app's own status.
	body, cut := io.ReadAll(io.LimitReader(resp.Body, probeBody))
	p := judge(resp.StatusCode, body)
	p.HTML = strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case p.Status == http.StatusNotFound:
		p.Base = webpage.Elsewhere(body)
	case p.Page() && p.Status < 300:
		p.read(resp.Request.URL, body, cut == nil)
	case p.Page():
		if to, err := resp.Location(); err == nil && to.Host == resp.Request.URL.Host {
			p.Moved = to.RequestURI()
		}
	}
	return p
}

// read looks into a page with a good status.
func (p *Preview) read(address *url.URL, body []byte, whole bool) {
	p.scripts = webpage.Scripts(address, body)
	if whole && len(bytes.TrimSpace(body)) == 0 {
		p.Answer = AppEmpty
	}
	if says, fails := webpage.Fails(body); fails {
		p.Answer, p.Says = AppFails, says
	}
}

// visit asks for something of the app's as a visitor does.
func (c *Client) visit(ctx context.Context, address, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "siesta")
	return c.probe.Do(req)
}

// judge reads an answer. Redirects, log-on pages and a missing root route are
// answers of a working app. 400, 403 and 421 are how servers turn away a host
// that they do not know, and no visitor gets past them; a few say so with 200.
func judge(status int, body []byte) Preview {
	p := Preview{Status: status, Detail: fmt.Sprintf("status %d", status)}
	if edge, ok := ParseEdge(body); ok && status >= 400 && edge.Code == status {
		p.Detail = fmt.Sprintf("edge: status %d: %q", status, shorten(edge.Message, 200))
		switch {
		case status == http.StatusBadGateway && edge.Port != 0:
			p.Answer = PortClosed
		case status == http.StatusBadGateway:
			p.Answer = NoSandbox
		default:
			p.Answer = NoAnswer
		}
		return p
	}
	if refusal, ok := webpage.Refuses(status, body); ok {
		p.Answer, p.Refusal = AppRefuses, refusal
		return p
	}
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMisdirectedRequest:
		p.Answer = AppRefuses
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		p.Answer = NoAnswer
	default:
		p.Answer = AppReady
		if status >= 500 {
			p.Answer, p.Says = AppFails, webpage.Says(body)
		}
	}
	return p
}

// probeTransport makes a connection of its own for each look. With sandboxURL
// it dials that, whatever the preview's address is: names below localhost
// resolve in browsers only.
func probeTransport(sandboxURL string) *http.Transport {
	t := newTransport()
	t.DisableKeepAlives = true
	if sandboxURL == "" {
		return t
	}
	t.Proxy = nil
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		u, err := url.Parse(sandboxURL)
		if err != nil {
			return nil, err
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return dial(ctx, network, net.JoinHostPort(u.Hostname(), port))
	}
	return t
}

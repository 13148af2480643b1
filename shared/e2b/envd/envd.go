// Package envd owns the conversation with envd, the daemon inside each E2B
// sandbox: files, processes, and on top of them the two things that a build
// needs: steps, commands that run at most once and that nobody waits for, and
// the marker, which tells whether a resumed sandbox has the newest files. It
// knows no job and no state.
package envd

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd/envdpb"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// Port is where envd listens inside a sandbox.
const Port = job.DaemonPort

// Config says how to reach one sandbox's envd.
type Config struct {
	URL       string // envd itself, or an edge that routes by headers
	SandboxID string
	Token     secrets.Text // access token; may be empty
	Version   string       // of envd, as E2B tells it
	HTTP      *http.Client // must not have a Timeout: it would cut long uploads
}

// Client talks to the envd of one sandbox. It is safe for concurrent use.
type Client struct {
	url       string
	http      *http.Client
	process   envdpb.ProcessClient
	directory envdpb.FilesystemClient
}

// Of returns the client of a sandbox's daemon. The sandbox must come from
// Create, Connect or Get, which know its access token.
func Of(c *e2b.Client, s e2b.Sandbox) *Client {
	address, client := c.Edge(s.ID, Port)
	return New(Config{URL: address, SandboxID: s.ID, Token: s.AccessToken, Version: s.EnvdVersion, HTTP: client})
}

// New makes a client. It dials nothing.
func New(config Config) *Client {
	client := *config.HTTP
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = &transport{next: next, header: headers(config)}
	return &Client{
		url:       config.URL,
		http:      &client,
		process:   envdpb.NewProcessClient(&client, config.URL, options),
		directory: envdpb.NewFilesystemClient(&client, config.URL, options),
	}
}

// maxMessage bounds one message of an RPC. User code runs beside envd, so an
// answer may be anybody's.
const maxMessage = 8 << 20

// options take no packed answers: the little that envd has to say needs no
// packing, and a few packed bytes may unpack to gigabytes.
var options = connect.WithClientOptions(connect.WithProtoJSON(),
	connect.WithReadMaxBytes(maxMessage), connect.WithAcceptCompression("gzip", nil, nil))

// headers go with every call. Before 0.4.0 envd had no default user.
func headers(config Config) http.Header {
	h := http.Header{
		"E2b-Sandbox-Id":   {config.SandboxID},
		"E2b-Sandbox-Port": {strconv.Itoa(Port)},
		"User-Agent":       {"siesta"},
	}
	if !config.Token.Empty() {
		h.Set("X-Access-Token", config.Token.Reveal())
	}
	if olderThan(config.Version, 0, 4) {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("user:")))
	}
	return h
}

// olderThan compares a version such as 0.6.4; one that cannot be read is new.
func olderThan(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	haveMajor, err1 := strconv.Atoi(parts[0])
	haveMinor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return haveMajor < major || haveMajor == major && haveMinor < minor
}

// transport puts the sandbox's headers on each request, and turns the answers
// of the edge in front of envd into errors.
type transport struct {
	next   http.RoundTripper
	header http.Header
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, values := range t.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept-Encoding", "identity") // nor packed files, which net/http would unpack unasked
	// connect derives it from the context's deadline; envd kills the command
	// when it has passed.
	req.Header.Del("Connect-Timeout-Ms")
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := edgeFailure(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// Package webpage reads what an app's server shows to its visitors: that it turns
// them away, that it is broken, which scripts its page begins with, and where else
// the page is. What it reads was written by strangers and is matched against small
// tables; what no table knows says nothing against an app. It makes no calls.
package webpage

import (
	"bytes"
	"net/http"
)

// Refusal is how a server says that it takes no visitors under a preview's address.
type Refusal struct {
	Who  string // the server, for people
	Says string // its words, as far as they are always the same
	Help string // what its owner can do, a sentence
}

// short is the most that a refusal with a good status has: a page that only tells
// of one is longer.
const short = 1 << 10

// refusals are the words of servers that were not told of a host. The longer words
// come first where others are part of them.
var refusals = []Refusal{
	{"Vite", "Blocked request. This host", "Set server.allowedHosts to true in its configuration."},
	{"webpack-dev-server", "Invalid Host header", `Set devServer.allowedHosts to "all" in its configuration, or DANGEROUSLY_DISABLE_HOST_CHECK=true for react-scripts.`},
	{"Starlette", "Invalid host header", `Allow the host in TrustedHostMiddleware, or "*".`},
	{"Django", "Invalid HTTP_HOST header", "Add the host to ALLOWED_HOSTS in its settings."},
	{"Django", "DisallowedHost", "Add the host to ALLOWED_HOSTS in its settings."},
	{"Django", "<h1>Bad Request (400)</h1>", "Add the host to ALLOWED_HOSTS in its settings."},
	{"Rails", "Blocked host", "Add the host to config.hosts in config/environments/development.rb."},
	{"Angular", "URL with hostname", "Add the host to allowedHosts in its configuration."},
	{"Werkzeug", "is not trusted", "Add the host to TRUSTED_HOSTS in its configuration."},
	{"ASP.NET", "Invalid Hostname", `Set AllowedHosts to "*" in appsettings.json.`},
}

// Refuses reads an answer as a refusal. One with a good status has nothing but
// the refusal's words in it.
func Refuses(status int, body []byte) (Refusal, bool) {
	says := bytes.Contains
	switch {
	case refusing(status):
	case status < http.StatusBadRequest && len(body) <= short:
		says = bytes.HasPrefix
		body = bytes.TrimSpace(body)
	default:
		return Refusal{}, false
	}
	for _, r := range refusals {
		if says(body, []byte(r.Says)) {
			return r, true
		}
	}
	return Refusal{}, false
}

// refusing reports whether a status is one by which servers turn away a host that
// they do not know.
func refusing(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusMisdirectedRequest
}

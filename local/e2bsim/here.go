package e2bsim

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// FromHere lets h answer programs of this machine, and refuses what a web page in
// its browser can send: a request from another origin, one to a name that was
// made to lead here, and a body that a page may send without being asked first.
func FromHere(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Values("Origin")
		switch {
		case !isLoopback(r.Host):
			fail(http.StatusForbidden, "ask by a name of this machine, such as 127.0.0.1").answer().write(w)
		case len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host:
			fail(http.StatusForbidden, "no page of another origin may ask").answer().write(w)
		case (r.Method == http.MethodPost || r.Method == http.MethodPut) && !isJSON(r.Header.Get("Content-Type")):
			fail(http.StatusUnsupportedMediaType, "Content-Type must be application/json").answer().write(w)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// isLoopback reports whether a Host header names this machine, with a port or
// without.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// isJSON also takes the types of SQS and the like: browsers ask before they let a
// page send any of them.
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.HasPrefix(kind, "application/") && strings.Contains(kind, "json")
}

package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// answer sets the CORS headers that the request's origin deserves and reports
// whether it was a preflight, which it then answered: without a token, and
// whether or not there is such a route.
func (c *CORS) answer(w http.ResponseWriter, r *http.Request) bool {
	if c == nil {
		return false
	}
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
	h := w.Header()
	if origin != "" && c.allows(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		if slices.Contains(c.AllowOrigins, "*") {
			h.Set("Access-Control-Allow-Origin", "*")
		} else {
			h.Add("Vary", "Origin")
		}
		if c.AllowCredentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight {
			h.Set("Access-Control-Allow-Methods", strings.Join(c.AllowMethods, ","))
			h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowHeaders, ","))
			h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
		} else if len(c.ExposeHeaders) > 0 {
			h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}

// allows matches an origin; an entry may be * or a scheme with * such as
// https://*.
func (c *CORS) allows(origin string) bool {
	return slices.ContainsFunc(c.AllowOrigins, func(entry string) bool {
		prefix, wild := strings.CutSuffix(entry, "*")
		return entry == origin || wild && strings.HasPrefix(origin, prefix)
	})
}

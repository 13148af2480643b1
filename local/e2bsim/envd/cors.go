package envd

import (
	"cmp"
	"net/http"
)

// shareWithPages lets web pages of any origin use envd, and answers what a
// browser asks ahead of that.
func shareWithPages(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	if r.Header.Get("Origin") != "" || r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Add("Vary", "Origin")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", cmp.Or(r.Header.Get("Access-Control-Request-Method"), "HEAD, GET, POST, PUT, PATCH, DELETE"))
	h.Set("Access-Control-Allow-Headers", cmp.Or(r.Header.Get("Access-Control-Request-Headers"), "*"))
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}

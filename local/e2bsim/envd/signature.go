package envd

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// allowed checks a call to /files: by the access token, or by a signature of
// this one path and operation ("read" or "write") made with it. It answers the
// refusal itself.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, operation string) bool {
	q := r.URL.Query()
	refuse := func(why string) bool {
		fail(w, http.StatusUnauthorized, "%s", why)
		return false
	}
	switch {
	case s.config.AccessToken == "":
	case r.Header.Get("X-Access-Token") != "":
		if !s.tokenMatches(r) {
			return refuse("access token present in header but does not match")
		}
	case !q.Has("signature"):
		return refuse("missing signature query parameter")
	default:
		if why := s.checkSignature(q.Get("path"), operation, q.Get("username"), q.Get("signature"), q.Get("signature_expiration")); why != "" {
			return refuse(why)
		}
	}
	if err := (userCheck{s.config.User}).check(r.Header); err != nil { // Connect's, on this route as on its own
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		json.NewEncoder(w).Encode(map[string]string{"code": err.Code().String(), "message": err.Message()})
		return false
	}
	if user := q.Get("username"); user != root && !s.config.knows(user) {
		return refuse("error looking up user '" + user + "': user: unknown user " + user)
	}
	return true
}

func (s *Server) checkSignature(path, operation, user, signature, expiration string) string {
	parts := []string{path, operation, user, s.config.AccessToken}
	if expiration != "" {
		parts = append(parts, expiration)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
	want := "v1_" + base64.RawStdEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(want), []byte(signature)) != 1 {
		return "invalid signature"
	}
	if expiration == "" {
		return ""
	}
	if at, err := strconv.ParseInt(expiration, 10, 64); err != nil || at < time.Now().Unix() {
		return "signature is already expired"
	}
	return ""
}

package e2bsim

import (
	"context"
	"net/http"
	"regexp"
)

// first is the first call that carried an Idempotency-Key.
type first struct {
	v2     bool
	body   string
	ended  bool
	answer answer // once it has ended
}

var idempotencyKey = regexp.MustCompile(`^[a-z0-9]{1,255}$`)

// once serves calls of the same Idempotency-Key once: later ones get the first
// one's answer again, be it an error or not.
func (s *Server) once(h handler) handler {
	return func(ctx context.Context, c *call) answer {
		if c.key == "" {
			return h(ctx, c)
		}
		if !idempotencyKey.MatchString(c.key) {
			return fail(http.StatusBadRequest, "Idempotency-Key must be 1 to 255 of a-z and 0-9").answer()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		f := s.firsts[c.key]
		switch {
		case f == nil:
			f = &first{v2: c.v2, body: string(c.body)}
			s.firsts[c.key] = f
			s.mu.Unlock()
			a := h(ctx, c)
			s.mu.Lock()
			f.ended, f.answer = true, a
			if ctx.Err() != nil {
				f.answer = keyed(http.StatusUnprocessableEntity, "idempotency_outcome_unknown", "It is not known what became of the first request with this key")
			}
			return a
		case f.v2 != c.v2 || f.body != string(c.body):
			return keyed(http.StatusConflict, "idempotency_request_mismatch", "The first request with this key was another one")
		case !f.ended:
			return keyed(http.StatusConflict, "idempotency_in_progress", "The first request with this key is still under way")
		}
		return f.answer
	}
}

func keyed(status int, code, message string) answer {
	return (&failure{Code: status, ErrorCode: code, Message: message}).answer()
}

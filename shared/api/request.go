package api

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"siesta/shared/job"
)

// MaxBody is the most bytes that a request's body may have, after base64.
const MaxBody = 6 << 20

const (
	maxUserID         = 255 // bytes
	maxTier           = 50  // bytes
	maxIdempotencyKey = 255 // characters
)

// UserID is the subject of the token that the gateway has checked. Without one
// the error is job.ErrUnauthenticated.
func UserID(r Request) (string, error) {
	sub := claim(r, "sub")
	if sub == "" || len(sub) > maxUserID || !printable(sub) {
		return "", job.ErrUnauthenticated
	}
	return sub, nil
}

// Tiers are the user's tiers by the token's claim of that name, in its order;
// none when no claim is named, or the token does not have it. A claim that is a
// list in the token is told by the gateway as [a b], by others as JSON.
func Tiers(r Request, name string) []job.Tier {
	text := claim(r, name)
	names := []string{text}
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") && json.Unmarshal([]byte(text), &names) != nil {
		names = strings.Fields(strings.TrimSuffix(inner, "]"))
	}
	var tiers []job.Tier
	for _, name := range names {
		if name != "" && len(name) <= maxTier && printable(name) {
			tiers = append(tiers, job.Tier(name))
		}
	}
	return tiers
}

func claim(r Request, name string) string {
	if a := r.RequestContext.Authorizer; a != nil && a.JWT != nil && name != "" {
		return a.JWT.Claims[name]
	}
	return ""
}

// JobID is the path's job id in its canonical form. An id that cannot exist is
// job.ErrNotFound, as one that does not.
func JobID(r Request) (string, error) {
	id := strings.ToLower(r.PathParameters["job_id"])
	if !job.IsID(id) {
		return "", job.ErrNotFound
	}
	return id, nil
}

// Caller is who asks, and for which job: UserID and JobID. Whether the job is
// the user's is told by the job alone.
func Caller(r Request) (user, id string, err error) {
	if user, err = UserID(r); err != nil {
		return "", "", err
	}
	if id, err = JobID(r); err != nil {
		return "", "", err
	}
	return user, id, nil
}

// Origin is where the caller reached the API, such as https://api.example.com.
func Origin(r Request) string {
	scheme, host := "https", r.Headers["host"]
	if r.Headers["x-forwarded-proto"] == "http" { // on one machine
		scheme = "http"
	}
	if host == "" {
		host = r.RequestContext.DomainName
	}
	return scheme + "://" + host
}

// IdempotencyKey is the header of that name, empty when there is none. The
// error is a *job.InvalidError.
func IdempotencyKey(r Request) (string, error) {
	key := r.Headers["idempotency-key"] // the gateway lower-cases names
	if utf8.RuneCountInString(key) > maxIdempotencyKey || !printable(key) {
		return "", &job.InvalidError{Field: "Idempotency-Key", Reason: "must be at most 255 printable characters"}
	}
	return key, nil
}

// Body is the request's body as it was sent. The error is job.ErrTooLarge, or a
// *job.InvalidError.
func Body(r Request) ([]byte, error) {
	if !r.IsBase64Encoded {
		if len(r.Body) > MaxBody {
			return nil, job.ErrTooLarge
		}
		return []byte(r.Body), nil
	}
	// Padding lets the length overstate by two bytes.
	if base64.StdEncoding.DecodedLen(len(r.Body)) > MaxBody+2 {
		return nil, job.ErrTooLarge
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		return nil, &job.InvalidError{Field: job.FieldBody, Reason: "must be valid base64, as the event says it is"}
	}
	if len(body) > MaxBody {
		return nil, job.ErrTooLarge
	}
	return body, nil
}

// printable reports whether s is free of what no store or log line takes.
func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return false
		}
	}
	return true
}

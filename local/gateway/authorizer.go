package gateway

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Authorizer checks tokens as an HTTP API's JWT authorizer does: signature (RS256
// alone), issuer, audience, times.
type Authorizer struct {
	Issuer   string
	Audience []string // one of them in aud or, without aud, as client_id
	// Key finds the issuer's public key of that id.
	Key func(id string) (*rsa.PublicKey, error)
	Now func() time.Time // nil: the wall clock
}

// identity is what an event tells of the caller: every claim as text.
type identity struct {
	claims map[string]string
	scopes []string // those of the route that the token has
}

// denial is a refusal in API Gateway's words; the reason is in a header.
type denial struct {
	status        int
	code, message string // "" for a request without a token
}

func (d *denial) write(w http.ResponseWriter) {
	challenge := "Bearer"
	if d.code != "" {
		challenge = fmt.Sprintf(`Bearer scope="" error="%s" error_description="%s"`, d.code, d.message)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	text := http.StatusText(d.status)
	refuse(w, d.status, text)
}

func invalidToken(message string) *denial {
	return &denial{http.StatusUnauthorized, "invalid_token", message}
}

// reasons puts the library's errors in API Gateway's words.
var reasons = []struct {
	err     error
	message string
}{
	{jwt.ErrTokenMalformed, "the token is malformed"},
	{errAlgorithm, "signing method is invalid"},
	{errKey, "unable to find a key that matches the token's kid"},
	{jwt.ErrTokenSignatureInvalid, "the token has an invalid signature"},
	{jwt.ErrTokenUnverifiable, "the token cannot be verified"},
	{jwt.ErrTokenExpired, "the token has expired"},
	{jwt.ErrTokenNotValidYet, "the token is not yet valid"},
	{jwt.ErrTokenUsedBeforeIssued, "the token was issued in the future"},
	{jwt.ErrTokenInvalidIssuer, "the issuer is invalid"},
	{jwt.ErrTokenRequiredClaimMissing, "the token lacks a required claim"},
}

var (
	errAlgorithm = errors.New("signing method is not RS256")
	errKey       = errors.New("no such key")
)

func (a *Authorizer) check(header string, scopes []string) (*identity, *denial) {
	token := strings.TrimSpace(header)
	if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(rest)
	}
	if a == nil || token == "" {
		return nil, &denial{status: http.StatusUnauthorized}
	}
	options := []jwt.ParserOption{jwt.WithIssuer(a.Issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithJSONNumber()}
	if a.Now != nil {
		options = append(options, jwt.WithTimeFunc(a.Now))
	}
	claims := jwt.MapClaims{}
	_, err := jwt.NewParser(options...).ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Method.Alg() != "RS256" {
			return nil, errAlgorithm
		}
		id, _ := t.Header["kid"].(string)
		key, err := a.Key(id)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errKey, err)
		}
		return key, nil
	})
	if err != nil {
		for _, r := range reasons {
			if errors.Is(err, r.err) {
				return nil, invalidToken(r.message)
			}
		}
		return nil, invalidToken("the token is invalid")
	}
	if !a.meant(claims) {
		return nil, invalidToken("the token does not have a valid audience")
	}
	who := &identity{claims: map[string]string{}}
	for name, value := range claims {
		who.claims[name] = flat(value)
	}
	has := words(claims["scope"])
	has = append(has, words(claims["scp"])...)
	for _, scope := range scopes {
		if slices.Contains(has, scope) {
			who.scopes = append(who.scopes, scope)
		}
	}
	if len(scopes) > 0 && len(who.scopes) == 0 {
		return nil, &denial{http.StatusForbidden, "insufficient_scope", "the token does not have a valid scope"}
	}
	return who, nil
}

// meant reports whether a token is for this audience: by its aud, or by its
// client_id where it has no aud.
func (a *Authorizer) meant(claims jwt.MapClaims) bool {
	given, err := claims.GetAudience()
	if err != nil {
		return false
	}
	if _, present := claims["aud"]; !present {
		given = words(claims["client_id"])
	}
	return slices.ContainsFunc(given, func(one string) bool { return slices.Contains(a.Audience, one) })
}

func words(claim any) (out []string) {
	switch v := claim.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		for _, one := range v {
			out = append(out, fmt.Sprint(one))
		}
	}
	return out
}

// flat is a claim as an event tells it: lists as [a b], without commas.
func flat(claim any) string {
	switch v := claim.(type) {
	case string:
		return v
	case []any:
		return "[" + strings.Join(words(v), " ") + "]"
	case map[string]any, nil:
		b, _ := json.Marshal(v) // came from JSON
		return string(b)
	}
	return fmt.Sprint(claim)
}

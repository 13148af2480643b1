package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/gateway"

	"github.com/golang-jwt/jwt/v5"
)

// Every way for a token to be wrong gets a 401 and never reaches a function.
func TestUnauthorized(t *testing.T) {
	s := start(t)
	now := time.Now()
	good := s.token(t, nil)
	parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	kid := parsed.Header["kid"]
	sign := func(method jwt.SigningMethod, key any, kid any) string {
		token := jwt.NewWithClaims(method, parsed.Claims)
		token.Header["kid"] = kid
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	otherKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ header, reason string }{
		"missing":          {"", "Bearer"},
		"only the scheme":  {"Bearer ", "Bearer"},
		"nonsense":         {"Bearer abc", "the token is malformed"},
		"expired":          {"Bearer " + s.token(t, map[string]any{"exp": now.Add(-time.Second).Unix()}), "the token has expired"},
		"no expiry":        {"Bearer " + s.token(t, map[string]any{"exp": nil}), "required claim"},
		"not yet valid":    {"Bearer " + s.token(t, map[string]any{"nbf": now.Add(time.Hour).Unix()}), "not yet valid"},
		"from the future":  {"Bearer " + s.token(t, map[string]any{"iat": now.Add(time.Hour).Unix()}), "issued in the future"},
		"other issuer":     {"Bearer " + s.token(t, map[string]any{"iss": "http://other"}), "the issuer is invalid"},
		"other audience":   {"Bearer " + s.token(t, map[string]any{"aud": []string{"x", "y"}}), "does not have a valid audience"},
		"aud before id":    {"Bearer " + s.token(t, map[string]any{"aud": "x", "client_id": "siesta"}), "does not have a valid audience"},
		"other client":     {"Bearer " + withoutAudience(t, s, "x"), "does not have a valid audience"},
		"no algorithm":     {"Bearer " + sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid), "signing method is invalid"},
		"shared secret":    {"Bearer " + sign(jwt.SigningMethodHS256, []byte("x"), kid), "signing method is invalid"},
		"other algorithm":  {"Bearer " + sign(jwt.SigningMethodRS512, otherKey, kid), "signing method is invalid"},
		"other key":        {"Bearer " + sign(jwt.SigningMethodRS256, otherKey, kid), "invalid signature"},
		"other kid":        {"Bearer " + sign(jwt.SigningMethodRS256, otherKey, "x"), "unable to find a key"},
		"changed payload":  {"Bearer " + strings.Replace(good, ".", ".e30", 1), "invalid signature"},
		"without its sign": {"Bearer " + good[:strings.LastIndex(good, ".")+1], "invalid signature"},
		"basic":            {"Basic " + good, "the token is malformed"},
	} {
		status, headers, body := s.do(t, "POST", "/jobs", "", "Authorization", c.header)
		if status != 401 || body != `{"message":"Unauthorized"}` || s.invoked != "" {
			t.Errorf("%s: got %d %s, invoked %q", name, status, body, s.invoked)
		}
		if got := headers.Get("WWW-Authenticate"); !strings.Contains(got, c.reason) {
			t.Errorf("%s: got %s, want %s", name, got, c.reason)
		}
		s.invoked = ""
	}
	s.gateway.Authorizer = nil
	if status, _, _ := s.do(t, "POST", "/jobs", ""); status != 401 {
		t.Errorf("without an authorizer: got %d", status)
	}
}

// withoutAudience is a token as Cognito's access tokens are: client_id, no aud.
func withoutAudience(t *testing.T, s *system, client string) string {
	t.Helper()
	return s.token(t, map[string]any{"aud": nil, "client_id": client})
}

func TestAuthorized(t *testing.T) {
	s := start(t)
	for name, header := range map[string]string{
		"plain": s.token(t, nil), "lower case": "bearer " + s.token(t, nil),
		"list": "Bearer " + s.token(t, map[string]any{"aud": []string{"x", "siesta"}}),
	} {
		if status, _, body := s.do(t, "POST", "/jobs", "", "Authorization", header); status != 200 {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
	// 24 hours, to the second, by the authorizer's clock.
	token, issued := s.token(t, nil), time.Now()
	for after, want := range map[time.Duration]int{24*time.Hour - 2*time.Second: 200, 24*time.Hour + 2*time.Second: 401} {
		s.gateway.Authorizer.Now = func() time.Time { return issued.Add(after) }
		if status, _, _ := s.do(t, "POST", "/jobs", "", "Authorization", token); status != want {
			t.Errorf("after %v: got %d, want %d", after, status, want)
		}
	}
}

func TestScopes(t *testing.T) {
	s := start(t)
	status, headers, body := s.do(t, "GET", "/health/best", "")
	if status != 403 || body != `{"message":"Forbidden"}` || !strings.Contains(headers.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("without a scope: got %d %s %v", status, body, headers)
	}
	for _, claims := range []map[string]any{{"scope": "x read"}, {"scp": []string{"read"}}} {
		if status, _, _ := s.do(t, "GET", "/health/best", "", "Authorization", s.token(t, claims)); status != 200 || s.event.RequestContext.Authorizer.JWT.Scopes[0] != "read" {
			t.Errorf("%v: got %d, %+v", claims, status, s.event.RequestContext.Authorizer)
		}
	}
}

// Anybody who follows the published metadata can check a token, and a restart
// with the same key file does not void it.
func TestIssuer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	first, err := gateway.OpenIssuer(file, "http://placeholder", "siesta")
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Token("u", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	again, err := gateway.OpenIssuer(file, "http://placeholder", "siesta")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(again)
	defer web.Close()
	var metadata struct {
		JWKS string `json:"jwks_uri"`
	}
	fetch(t, web.URL+"/.well-known/openid-configuration", &metadata)
	var set struct{ Keys []struct{ Kid, N, E string } }
	fetch(t, web.URL+strings.TrimPrefix(metadata.JWKS, "http://placeholder"), &set)
	_, err = jwt.Parse(token, func(t *jwt.Token) (any, error) {
		n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
		e, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
		if t.Header["kid"] != set.Keys[0].Kid {
			return nil, jwt.ErrTokenUnverifiable
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	}, jwt.WithIssuer("http://placeholder"))
	if err != nil {
		t.Errorf("check by published keys: %v", err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.OpenIssuer(file, "", ""); err == nil {
		t.Error("a broken key file must be an error, not a new key")
	}
}

func fetch(t *testing.T, url string, into any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}

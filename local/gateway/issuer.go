package gateway

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Issuer signs development tokens with a key of its own, and publishes the public
// half where an OpenID Connect issuer does. Nobody else should trust it.
type Issuer struct {
	url, audience, id string
	key               *rsa.PrivateKey
}

// OpenIssuer reads the key from a file, or makes one and keeps it there. url is
// the issuer's name and the address where its handler is served.
func OpenIssuer(file, url, audience string) (*Issuer, error) {
	key, err := readKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("open the development issuer's key: %w", err)
	}
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return &Issuer{url: url, audience: audience, id: base64.RawURLEncoding.EncodeToString(sum[:9]), key: key}, nil
}

func readKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM file; remove it and a new one is made")
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

func makeKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	// The key is written to a file aside, then linked to its name, which fails if
	// there is one: two that start at once end up with the same key.
	temp, err := os.CreateTemp(filepath.Dir(file), "key")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	err = pem.Encode(temp, &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err = errors.Join(err, temp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(file)
}

// Token makes a token for a user that is valid from now for ttl. claims are
// added to its own, and win; one that is nil is left out.
func (i *Issuer) Token(subject string, claims map[string]any, ttl time.Duration) (string, error) {
	now := time.Now()
	all := jwt.MapClaims{
		"iss": i.url, "sub": subject, "aud": i.audience,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(ttl).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	t.Header["kid"] = i.id
	token, err := t.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// Authorizer trusts this issuer's tokens for its audience.
func (i *Issuer) Authorizer() *Authorizer {
	return &Authorizer{Issuer: i.url, Audience: []string{i.audience}, Key: func(id string) (*rsa.PublicKey, error) {
		if id != i.id {
			return nil, fmt.Errorf("the issuer's only key is %s", i.id)
		}
		return &i.key.PublicKey, nil
	}}
}

// ServeHTTP publishes /.well-known/openid-configuration and the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var out any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		out = map[string]any{
			"issuer": i.url, "jwks_uri": i.url + "/.well-known/jwks.json",
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"response_types_supported":              []string{"id_token"}, "subject_types_supported": []string{"public"},
		}
	case "/.well-known/jwks.json":
		e := big.NewInt(int64(i.key.E)).Bytes()
		out = map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.id,
			"n": base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e),
		}}}
	default:
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

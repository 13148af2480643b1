package redis

import (
	"crypto/x509"
	"errors"
	"net/url"
	"os"

	"github.com/redis/go-redis/v9"
)

var (
	errAddress = errors.New("the address of the cache must be redis://user:password@host:port, or rediss:// with TLS")
	errNoTLS   = errors.New("the address of the cache must begin with rediss:// and have no skip_verify: it is not used without TLS")
	errRoots   = errors.New("the roots of the cache, which sslrootcert in its address names, cannot be read")
)

// parseAddress reads an address; a secure one has TLS, with a server that is checked.
// sslrootcert in it names a file of roots, as in Postgres' addresses. The errors
// hold nothing of it.
func parseAddress(address string, secure bool) (*redis.Options, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errAddress
	}
	q := u.Query()
	if secure && (u.Scheme != "rediss" || q.Has("skip_verify")) {
		return nil, errNoTLS
	}
	file := q.Get("sslrootcert")
	q.Del("sslrootcert")
	u.RawQuery = q.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, errAddress
	}
	if file == "" || options.TLSConfig == nil {
		return options, nil
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(file); err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, errRoots
	}
	options.TLSConfig.RootCAs = roots
	return options, nil
}

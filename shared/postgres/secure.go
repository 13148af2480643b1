package postgres

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// rdsRoots is where the build puts the roots of RDS, which no system knows.
const rdsRoots = "/var/task/rds-ca.pem"

var (
	errAddress = errors.New("the address of the database must be postgres://user:password@host:port/database")
	errNoTLS   = errors.New("the address of the database must have no sslmode that goes without TLS, such as disable or prefer: leave sslmode out")
	errRoots   = errors.New("the roots of the database, which sslrootcert in its address names, cannot be read")
)

// Secure returns the address with what makes its connections safe: TLS, and a
// server whose certificate is for that host, by the roots that sslrootcert names,
// those of RDS for a host of its, or else the system's. Its errors hold nothing of
// the address.
func Secure(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Hostname() == "" {
		return "", errAddress
	}
	q := u.Query()
	switch q.Get("sslmode") {
	case "", "require", "verify-ca", "verify-full":
		q.Set("sslmode", "verify-full")
	default:
		return "", errNoTLS
	}
	if host := strings.TrimSuffix(u.Hostname(), ".cn"); !q.Has("sslrootcert") && strings.HasSuffix(host, ".rds.amazonaws.com") {
		q.Set("sslrootcert", rdsRoots)
	}
	u.RawQuery = q.Encode()
	config, err := pgconn.ParseConfig(u.String())
	switch {
	case err != nil && q.Has("sslrootcert"):
		return "", errRoots
	case err != nil || config.TLSConfig == nil: // nil: host in the query names a socket
		return "", errAddress
	}
	return u.String(), nil
}

// Package postgres owns the connections to the database: the pool, what a
// statement and a transaction are given, and the translation of the driver's
// errors into the domain's. It knows no table; the packages below it do, one for
// each subject.
package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// DB is a pool of connections. It serves any number of goroutines.
type DB struct{ pools *secrets.Held[*pgxpool.Pool] }

// Config says where the database is and how to log in.
type Config struct {
	URL string // postgres://...
	// Secret is the source of the URL; nil takes URL. One that may change asks for
	// TLS, as Secure has it.
	Secret *secrets.Source
	// Password returns a fresh password for each new connection; nil uses the
	// URL's. With IAM authentication it is a token of 15 minutes.
	Password func(ctx context.Context, host string, port uint16, user string) (string, error)
	MaxConns int // 0: 2, enough for a process that handles one event at a time
}

// ReadConfig reads the settings of the database; secret makes the source of a
// setting, login the passwords if the settings say so. The MaxConns are the
// function's own.
func ReadConfig(r *env.Reader, secret func(name string) *secrets.Source, login func(ctx context.Context, host string, port uint16, user string) (string, error)) Config {
	c := Config{Secret: secret("DATABASE_URL"), URL: r.URL("DATABASE_URL", "", "postgres", "postgresql")}
	if r.Bool("DATABASE_IAM", false) {
		c.Password = login
	}
	return c
}

// Open prepares a DB. It does not connect; the first statement does, and asks for
// the secret, if there is one.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Secret == nil {
		c.Secret = secrets.Fixed(c.URL)
	}
	ctx = context.WithoutCancel(ctx) // a pool outlives the call that makes it
	db := &DB{secrets.Hold(c.Secret, func(address secrets.Text) (*pgxpool.Pool, error) {
		return c.pool(ctx, address.Reveal())
	}, (*pgxpool.Pool).Close, callTimeout)}
	if c.Secret.Rotates() {
		return db, nil
	}
	_, err := db.pools.Get(ctx, false)
	return db, err
}

func (c Config) pool(ctx context.Context, address string) (_ *pgxpool.Pool, err error) {
	if c.Secret.Rotates() {
		if address, err = Secure(address); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrUnavailable, err)
		}
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errAddress // the cause may quote the password
	}
	config.MaxConns = 2
	if c.MaxConns > 0 {
		config.MaxConns = int32(c.MaxConns)
	}
	config.MinConns = 0
	config.MaxConnLifetime = 10 * time.Minute
	config.MaxConnIdleTime = 2 * time.Minute
	config.PingTimeout = 2 * time.Second
	config.ConnConfig.ConnectTimeout = 3 * time.Second
	// Named prepared statements pin a connection of RDS Proxy and break when a
	// migration changes a table under them.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	// The server behind a connection that became read-only was demoted: a new
	// connection finds the one that took over.
	keep := config.ConnConfig.OnPgError
	config.ConnConfig.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) bool {
		return e.Code != readOnly && keep(conn, e)
	}
	if c.Password != nil {
		config.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
			password, err := c.Password(ctx, cc.Host, cc.Port, cc.User)
			cc.Password = password
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	return pool, nil
}

// Close ends all connections.
func (db *DB) Close() { db.pools.Close() }

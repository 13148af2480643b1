package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"siesta/shared/job"
)

// translate gives the driver's errors their meaning: by code, never by text.
// A statement that it would not run stays an internal error; what it did not
// answer is job.ErrUnavailable. Which key a row violates, and whether there is one
// at all, is asked by Violates and WhenNone.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !outage(pg.Code) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if pg == nil && !connectionFault(err) {
		return err
	}
	return fmt.Errorf("%w: database: %w", job.ErrUnavailable, err)
}

// outage reports whether an SQLSTATE says that the server is going down,
// starting, full, gave up on the statement, or takes no log-on, as with a token
// that has expired; or that it is not the database that it should be.
func outage(code string) bool {
	for _, class := range []string{"08", "28", "53", "57", "58"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return code == readOnly || slices.Contains(incomplete, code)
}

// incomplete are the SQLSTATEs of a database, schema, table or column that is
// not there, or may not be used. No request is wrong for that: it is being set
// up, restored or migrated.
var incomplete = []string{"3D000", "3F000", "42P01", "42703", "42501"}

// readOnly is the SQLSTATE of a write where none is allowed: a failover is under
// way.
const readOnly = "25006"

// refused reports whether the server took no log-on, such as one with a password
// that has been replaced.
func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28")
}

func connectionFault(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) ||
		pgconn.SafeToRetry(err) || isNetwork(err)
}

// Violates reports whether a row was not written because another has its key.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == constraint
}

// isNetwork reports whether err comes from a broken connection.
func isNetwork(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// WhenNone is none in the place of the error that there is no row.
func WhenNone(err, none error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return none
	}
	return err
}

package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// callTimeout bounds every statement and transaction, connecting included.
const callTimeout = 8 * time.Second

// Args are a statement's arguments, by the names that it has for them with an @.
// One that it does not have is an error, as is one that is missing.
type Args = pgx.StrictNamedArgs

// One runs a statement that returns at most one row, as scan reads it. Without
// a row, its error is none.
func One[T any](ctx context.Context, db *DB, none error, scan func(pgx.Row) (T, error), sql string, args Args) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	one, err := scan(db.pool.QueryRow(ctx, sql, args))
	return one, translate(WhenNone(err, none))
}

// Many runs a statement that returns rows, each as scan reads it.
func Many[T any](ctx context.Context, db *DB, scan func(pgx.Row) (T, error), sql string, args Args) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := db.pool.Query(ctx, sql, args)
	if err != nil {
		return nil, translate(err)
	}
	many, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
	return many, translate(err)
}

// Exec runs a statement that returns no rows.
func (db *DB) Exec(ctx context.Context, sql string, args Args) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := db.pool.Exec(ctx, sql, args)
	return translate(err)
}

// Alone runs f in a transaction. For one user Alone runs one at a time: no other
// call of it changes what f counts before f's own writes can be seen.
func (db *DB) Alone(ctx context.Context, user string, f func(context.Context, pgx.Tx) error) error {
	return db.Together(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(@user, 0))`, Args{"user": user}); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}

// Together runs f in a transaction: all of its writes are made, or none.
func (db *DB) Together(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return translate(pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error { return f(ctx, tx) }))
}

// Scan reads a row of one value.
func Scan[T any](row pgx.Row) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// callTimeout bounds every statement and transaction, connecting included.
const callTimeout = 8 * time.Second

// Args are a statement's arguments, by the names that it has for them with an @.
// One that it does not have is an error, as is one that is missing.
type Args = pgx.StrictNamedArgs

// One runs a statement that returns at most one row, as scan reads it. Without
// a row, its error is none.
func One[T any](ctx context.Context, db *DB, none error, scan func(pgx.Row) (T, error), sql string, args Args) (one T, err error) {
	err = db.call(ctx, func(ctx context.Context, pool *pgxpool.Pool) (err error) {
		one, err = scan(pool.QueryRow(ctx, sql, args))
		return WhenNone(err, none)
	})
	return one, err
}

// Many runs a statement that returns rows, each as scan reads it.
func Many[T any](ctx context.Context, db *DB, scan func(pgx.Row) (T, error), sql string, args Args) (many []T, err error) {
	err = db.call(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, sql, args)
		if err != nil {
			return err
		}
		many, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
		return err
	})
	return many, err
}

// Exec runs a statement that returns no rows.
func (db *DB) Exec(ctx context.Context, sql string, args Args) error {
	return db.call(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		_, err := pool.Exec(ctx, sql, args)
		return err
	})
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
	return db.call(ctx, func(ctx context.Context, pool *pgxpool.Pool) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return f(ctx, tx) })
	})
}

// Scan reads a row of one value.
func Scan[T any](row pgx.Row) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

// call runs f in the time of a call. A log-on that was refused is tried once more
// if the secret is another by now; nothing of f has run before it.
func (db *DB) call(ctx context.Context, f func(context.Context, *pgxpool.Pool) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pool, err := db.pools.Get(ctx, false)
	if err != nil {
		return err
	}
	err = f(ctx, pool)
	if refused(err) {
		if renewed, failed := db.pools.Get(ctx, true); failed == nil && renewed != pool {
			err = f(ctx, renewed)
		}
	}
	return translate(err)
}

package postgresserver

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// makeClock makes a function now() that statements find before Postgres' own. It
// is ahead of that by what the table clock.moved says. clock_timestamp() and the
// like are not moved.
func (s *Server) makeClock() error {
	return s.inDatabase(context.Background(), `
		CREATE SCHEMA IF NOT EXISTS clock;
		CREATE TABLE IF NOT EXISTS clock.moved (by interval NOT NULL);
		INSERT INTO clock.moved SELECT '0' WHERE NOT EXISTS (SELECT FROM clock.moved);
		CREATE OR REPLACE FUNCTION public.now() RETURNS timestamptz STABLE LANGUAGE sql
			AS 'SELECT pg_catalog.now() + by FROM clock.moved';
		GRANT USAGE ON SCHEMA clock TO PUBLIC;
		GRANT SELECT ON clock.moved TO PUBLIC;
		ALTER DATABASE `+Database+` SET search_path = public, pg_catalog`)
}

// Advance moves the clock of the server's own database on. It needs
// Config.Clock.
func (s *Server) Advance(ctx context.Context, d time.Duration) error {
	return s.inDatabase(ctx, fmt.Sprintf("UPDATE clock.moved SET by = by + make_interval(secs => %f)", d.Seconds()))
}

// Empty takes every row out of the server's own database, but for what says how
// far it is migrated.
func (s *Server) Empty(ctx context.Context) error {
	return s.inDatabase(ctx, `DO $$ BEGIN
		EXECUTE (SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
			WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migrations');
	END $$`)
}

// inDatabase runs statements in the server's own database.
func (s *Server) inDatabase(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SocketURL(Database))
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("change database: %w", err)
	}
	return nil
}

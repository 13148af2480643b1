package postgresserver

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connections counts the connections that clients have by TCP, as functions do,
// by the name that each client gave itself (PGAPPNAME). Connections by the Unix
// socket (SocketURL) are not counted, so that whoever looks leaves no trace.
func (s *Server) Connections(ctx context.Context) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SocketURL(Database))
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	defer conn.Close(ctx)
	const sql = `SELECT application_name FROM pg_stat_activity WHERE backend_type = 'client backend' AND client_addr IS NOT NULL`
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	return n, nil
}

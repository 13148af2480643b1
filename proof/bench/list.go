package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/stack"
)

// pageOf is how many versions a list is asked for.
const pageOf = "10"

// list holds the list of a project of a thousand versions against that of one of ten:
// both answer ten of them.
func (b *bench) list(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = idle })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ten, err := s.project(ctx, 10)
	if err != nil {
		return nil, err
	}
	thousand, err := s.project(ctx, 1000)
	if err != nil {
		return nil, err
	}
	var few, many sample
	for i := range b.rounds + 1 {
		one, err := s.listed(ctx, ten)
		if err != nil {
			return nil, err
		}
		other, err := s.listed(ctx, thousand)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first round starts the process
			few, many = append(few, one), append(many, other)
		}
	}
	return []row{times("list, 1,000 versions", many, few, 1.2, "against that of 10 versions; warm, as billed")}, nil
}

// project makes one of so many versions.
func (s *system) project(ctx context.Context, versions int) (id string, err error) {
	j, err := s.ready(ctx)
	if err != nil {
		return "", err
	}
	pool, err := pgxpool.New(ctx, s.DatabaseURL)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	const older = `INSERT INTO jobs SELECT (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'build_version', 'older ' || n, 'sandbox_state', 'gone',
			'gone_at', now(), 'created_at', j.created_at - n * interval '1 minute', 'completed_at', j.completed_at - n * interval '1 minute',
			'current_at', j.current_at - n * interval '1 minute'))).*
		FROM jobs j, generate_series(1, $2 - 1) n WHERE j.id = $1::uuid`
	if _, err := pool.Exec(ctx, older, j.ID, versions); err != nil {
		return "", fmt.Errorf("make %d versions: %w", versions, err)
	}
	_, err = pool.Exec(ctx, "ANALYZE jobs") // as autovacuum does
	return j.ProjectID, err
}

// listed is how long a project's list takes.
func (s *system) listed(ctx context.Context, project string) (time.Duration, error) {
	r := statusEvent("bench", "")
	r.RouteKey, r.PathParameters, r.QueryStringParameters = "GET /api/generation", nil, map[string]string{"project_id": project, "limit": pageOf}
	event, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("encode event: %w", err)
	}
	result, err := s.Runtime.Invoke(ctx, "versions", event)
	if err != nil {
		return 0, err
	}
	if strings.Count(string(result.Payload), `\"job_id\"`) != 10 {
		return 0, s.failed("the list is %s", result.Payload)
	}
	return result.Duration, nil
}

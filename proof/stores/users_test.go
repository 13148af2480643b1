package stores

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"siesta/local/stack"
)

// TestUsersMayDoWhatTheyNeed: migrations grant each user of the functions what it
// needs and no more, whether the users are there before or come after; what a user
// may not do, the stores refuse. That it is enough for every function is shown by
// each test of the whole system, whose functions are these users.
func TestUsersMayDoWhatTheyNeed(t *testing.T) {
	s := newSystem(t)
	s.sql("CREATE ROLE owner LOGIN PASSWORD '"+password+"'", "GRANT ALL ON SCHEMA public TO owner", "CREATE ROLE siesta_functions LOGIN PASSWORD '"+password+"'")
	for name, rules := range stack.Rules {
		args := []any{"ACL", "SETUSER", name, "on", ">" + password}
		for _, rule := range rules {
			args = append(args, rule)
		}
		s.admin(args...)
	}
	for arn, user := range map[string]string{"arn:owner": "owner", "arn:functions": "siesta_functions", "arn:reader": "siesta_reader"} {
		s.secrets.put(arn, s.database(user, password, "localhost", s.roots()))
		s.secrets.put(arn+"-cache", s.cache(user, password, "localhost", s.roots()))
	}
	as := func(arn string) map[string]string {
		return map[string]string{"DATABASE_URL_SECRET": arn, "REDIS_URL_SECRET": arn + "-cache"}
	}
	s.function("migrate", "migrate", as("arn:owner"))
	s.function("start", "start", as("arn:functions"))
	s.function("status", "status", as("arn:reader"))
	if got := string(s.invoke("migrate", map[string]string{})); !strings.Contains(got, `"dirty":false`) {
		t.Fatalf("migrate answered %s\n%s", got, s.said())
	}
	s.sql("CREATE ROLE siesta_reader LOGIN PASSWORD '"+password+"'", "SET ROLE owner; CALL grant_to_users(); CALL grant_to_users()")

	id := s.accept("start")
	for _, where := range []string{"the cache", "Postgres"} {
		if code := s.status("status", id); code != http.StatusOK {
			t.Errorf("status answered %d from %s\n%s", code, where, s.said())
		}
		s.admin("FLUSHALL")
	}
	for _, tt := range []struct{ user, may, mayNot string }{
		{"siesta_reader", "SELECT FROM jobs", "UPDATE jobs SET goal = goal"},
		{"siesta_reader", "SELECT FROM jobs", "DELETE FROM jobs"},
		{"siesta_reader", "SELECT FROM shares", "SELECT FROM wakes"},
		{"siesta_functions", "DELETE FROM jobs", "DELETE FROM wakes"},
		{"siesta_functions", "UPDATE wakes SET begun = begun", "TRUNCATE jobs"},
		{"siesta_functions", "UPDATE jobs SET goal = goal", "DROP TABLE jobs"},
	} {
		if err := s.try(tt.user, tt.may); err != nil {
			t.Errorf("%s may not %s: %v", tt.user, tt.may, err)
		}
		if err := s.try(tt.user, tt.mayNot); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s may %s: %v", tt.user, tt.mayNot, err)
		}
	}
	for from := 16; from > 14; from-- {
		if got := string(s.invoke("migrate", map[string]any{"action": "down", "from": from})); !strings.Contains(got, fmt.Sprintf(`"version":%d`, from-1)) {
			t.Errorf("migrate answered %s", got)
		}
	}
	for _, user := range []string{"siesta_reader", "siesta_functions"} {
		if err := s.try(user, "SELECT FROM jobs"); err == nil {
			t.Errorf("%s may read what a migration that was taken back let it", user)
		}
	}
	_ = s.runtime.Close()
	if said := s.said(); strings.Contains(strings.ReplaceAll(said, "jobs_cached", ""), "cache") {
		t.Errorf("the cache was out of reach:\n%s", said)
	}
	options, err := redis.ParseURL(s.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	for command, may := range map[string]bool{
		"HMGET job:x status": true, "XRANGE job:x:logs - +": true,
		"HMGET share:x number": true, "GET reconcile:watermark": false, "XADD job:x:logs * a b": false, "FLUSHALL": false, "KEYS *": false,
	} {
		args := []any{"ACL", "DRYRUN", "siesta_reader"}
		for word := range strings.FieldsSeq(command) {
			args = append(args, word)
		}
		if got, err := client.Do(t.Context(), args...).Text(); err != nil || (got == "OK") != may {
			t.Errorf("siesta_reader, %s: %s, %v", command, got, err)
		}
	}
}

// try runs a statement as a user, and takes it back.
func (s *system) try(user, sql string) error {
	conn, err := pgx.Connect(s.t.Context(), s.database(user, password, "localhost", s.roots()+"&sslmode=verify-full"))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(s.t.Context())
	if err != nil {
		return err
	}
	_, err = tx.Exec(s.t.Context(), sql)
	return err
}

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

const live = 1000

// BenchmarkMillion holds a run among a million finished jobs against one among
// a thousand, each with a thousand live ones, in turns.
func BenchmarkMillion(b *testing.B) {
	thousand, million := among(b, 1_000), among(b, 1_000_000)
	var small, large time.Duration
	for b.Loop() {
		small += thousand.timed()
		large += million.timed()
	}
	b.ReportMetric(float64(small.Microseconds())/float64(b.N)/1000, "thousand-ms/op")
	b.ReportMetric(float64(large.Microseconds())/float64(b.N)/1000, "million-ms/op")
	b.ReportMetric(float64(large)/float64(small), "million/thousand")
}

// timed is one run that must find all well.
func (b *fixture) timed() time.Duration {
	started := time.Now()
	r := b.reconcile()
	took := time.Since(started)
	for name, c := range r.Rules {
		if name != staleCache && c != (count{}) || len(r.FailedParts) > 0 {
			b.T.Fatalf("%s: %+v, parts %v", name, c, r.FailedParts)
		}
	}
	return took
}

// worlds are kept for all rounds of a benchmark: a million rows take a minute.
var (
	worlds   = map[int]*fixture{}
	worldsMu sync.Mutex
)

// forever is a test that nothing cleans up after; the process's end does.
type forever struct{ testing.TB }

func (forever) Cleanup(func()) {}

// among is a stack with so many finished jobs, nine of ten asleep.
func among(t testing.TB, finished int) *fixture {
	worldsMu.Lock()
	defer worldsMu.Unlock()
	if b := worlds[finished]; b != nil {
		return b
	}
	b := setup(forever{t})
	const columns = `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, build_version, preview_url, workspace_path, create_no,
		sandbox_id, sandbox_state, sandbox_paused, paused_at, completed_at, lease_until, pause_due_at, error_message, debug_id, created_at, updated_at) `
	for _, sql := range []string{
		columns + `SELECT id, id, 'user_' || n % 5000, 'bootstrapper', 'a page', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'ready' END, 'build_v0_1',
				'https://x', '/home/user/project', 1, 'ip' || replace(id::text, '-', ''), CASE WHEN n % 10 = 0 THEN 'gone' ELSE 'paused' END, n % 10 <> 0,
				past, past, NULL, NULL, 'npm ci ended with 1', 'd1', past, past
			FROM (SELECT gen_random_uuid() AS id, n, now() - interval '2 days' - n * interval '20 seconds' AS past FROM generate_series(1, $1::int) AS n) AS new`,
		columns + `SELECT id, id, 'user_' || n, 'bootstrapper', 'a page', CASE WHEN n % 2 = 0 THEN 'deps' ELSE 'ready' END, 'build_v0_1',
				'https://x', '/home/user/project', 1, 'ir' || replace(id::text, '-', ''), 'running', false,
				NULL, CASE WHEN n % 2 = 1 THEN now() END, CASE WHEN n % 2 = 0 THEN now() + interval '1 day' END, now() + interval '1 day', NULL, NULL, now(), now() - interval '1 hour'
			FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, $1::int) AS n) AS new`,
	} {
		rows := finished
		if strings.Contains(sql, "'ir'") {
			rows = live
		}
		_, err := b.Pool.Exec(b.ctx, sql, rows)
		b.OK(err)
	}
	_, err := b.Pool.Exec(b.ctx, `VACUUM ANALYZE jobs`)
	b.OK(err)
	b.knowAll()
	b.reconcile() // fills the cache and makes the connections
	worlds[finished] = b
	return b
}

// knowAll puts an E2B behind the function that knows every sandbox, as the rows
// say it is: those whose id begins with ir run, those with ip sleep.
func (b *fixture) knowAll() {
	rows, err := b.Rows.Awake(b.ctx, "", 10*live)
	b.OK(err)
	one := func(id string, state e2b.State) map[string]any {
		return map[string]any{
			"sandboxID": id, "templateID": "base", "state": state, "startedAt": time.Now(), "endAt": time.Now().Add(time.Hour),
			"metadata": map[string]string{job.TagStack: stack, job.TagJob: job.NewID(), job.TagCreate: "1"},
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandboxes/{id}", func(w http.ResponseWriter, r *http.Request) {
		state := e2b.Running
		if strings.HasPrefix(r.PathValue("id"), "ip") {
			state = e2b.Paused
		}
		_ = json.NewEncoder(w).Encode(one(r.PathValue("id"), state))
	})
	mux.HandleFunc("GET /v2/sandboxes", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("nextToken"))
		page := []any{}
		if r.URL.Query().Get("state") == string(e2b.Running) {
			for _, j := range rows[min(from, len(rows)):min(from+100, len(rows))] {
				page = append(page, one(j.SandboxID, e2b.Running))
			}
			if from+100 < len(rows) {
				w.Header().Set("X-Next-Token", strconv.Itoa(from+100))
			}
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	server := httptest.NewServer(mux)
	b.e2b, err = e2b.New(e2b.Config{APIURL: server.URL, Domain: "e2b.app", Key: secrets.Fixed("e2b_0123").Get})
	b.OK(err)
	if len(rows) != live/2 {
		b.T.Fatalf("%d rows awake, want %d", len(rows), live/2)
	}
}

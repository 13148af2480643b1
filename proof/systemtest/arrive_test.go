package systemtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"siesta/local/client"
	"siesta/local/stack"
	"siesta/shared/api"
	"siesta/shared/job"
)

// TestEveryErrorOfTheTableArrives brings about each failure that the table of
// shared/api gives words, and reads those words as a caller.
func TestEveryErrorOfTheTableArrives(t *testing.T) {
	const waiting = 20
	s := newStack(t, func(c *stack.Config) {
		awake(c)
		c.Env["LIMITS"] = fmt.Sprintf(`{"bootstrapper":{"waiting":%d}}`, waiting)
	})
	owner, other := s.user(), s.user()
	j := s.preview(owner)
	as := func(assignments string) job.Job {
		s.exec(t, "UPDATE jobs SET revision = revision + 1, "+assignments+" WHERE id = $1::uuid", j.ID)
		return s.row(j.ID)
	}
	ways := map[error]func() reply{
		job.ErrUnauthenticated: func() reply { return s.unauthenticated(j.ID) },
		job.ErrNotFound:        func() reply { return owner.ask(job.NewID()) },
		job.ErrForeign:         func() reply { return other.ask(j.ID) },
		job.ErrPrevious: func() reply {
			return owner.sendStart(owner.body(job.Request{PreviousJobID: job.NewID()}), "")
		},
		job.ErrPreviousBuilds: func() reply {
			as("status = 'checks', completed_at = NULL, lease_until = now() + interval '1 hour'")
			defer as("status = 'ready', completed_at = now(), lease_until = NULL")
			return owner.sendStart(owner.body(job.Request{PreviousJobID: j.ID}), "")
		},
		job.ErrPreviousFailed: func() reply {
			as("status = 'failed', error_message = 'x', debug_id = 'x'")
			defer as("status = 'ready', error_message = NULL, debug_id = NULL")
			return owner.sendStart(owner.body(job.Request{PreviousJobID: j.ID}), "")
		},
		job.ErrIdempotencyKey: func() reply {
			owner.sendStart(owner.body(page("one")), "key").want(http.StatusCreated)
			return owner.sendStart(owner.body(page("two")), "key")
		},
		job.ErrTooManyWaiting: func() reply {
			s.exec(t, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, schedule_for)
				SELECT gen_random_uuid(), gen_random_uuid(), $1, 'bootstrapper', 'g', 'scheduled', now() + interval '1 day' FROM generate_series(1, $2)`, other.name, waiting)
			return other.sendStart(other.body(page("more")), "")
		},
		job.ErrNotReady: func() reply { return owner.post(owner.start(page("hello")), "snapshot") },
		job.ErrNotKept: func() reply {
			as("source_key = 'none'")
			return owner.post(j.ID, "rebuild")
		},
		job.ErrTerminal: func() reply { return owner.post(j.ID, "cancel") },
		job.ErrConflict: func() reply { // every write finds that somebody was faster
			s.exec(t, `CREATE FUNCTION faster() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
			s.exec(t, `CREATE TRIGGER faster BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION faster()`)
			defer s.exec(t, `DROP TRIGGER faster ON jobs`)
			return owner.post(j.ID, "snapshot")
		},
		job.ErrSandboxBusy: func() reply {
			as("sandbox_state = 'resuming', op_until = now() + interval '1 minute'")
			defer as("sandbox_state = 'running', op_until = NULL")
			return owner.post(j.ID, "snapshot")
		},
		job.ErrWaking: func() reply {
			as("sandbox_state = 'paused', sandbox_paused = true, paused_at = now()")
			defer as("sandbox_state = 'running', sandbox_paused = false")
			s.exec(t, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, completed_at, lease_until, sandbox_id, sandbox_state,
					op_until, waiter_until, pause_due_at, preview_url, build_version, workspace_path)
				SELECT gen_random_uuid(), project_id, user_id, tier, 'other', status, completed_at, NULL, 'iother' || n, 'resuming',
					now() + interval '1 minute', now() + interval '1 minute', now() + interval '1 hour', preview_url, 'build_v0_9' || n, workspace_path
				FROM jobs, generate_series(1, $2) AS n WHERE id = $1::uuid`, j.ID, job.MaxWaking)
			defer s.exec(t, `DELETE FROM jobs WHERE goal = 'other'`)
			return owner.post(j.ID, "resume")
		},
		job.ErrSandboxUnreachable: func() reply {
			as("sandbox_stack = 'another'")
			defer as("sandbox_stack = '" + j.SandboxStack + "'")
			return owner.post(j.ID, "resume")
		},
		job.ErrSandboxExpired: func() reply {
			as("sandbox_state = 'gone'")
			defer as("sandbox_state = 'running'")
			return owner.post(j.ID, "resume")
		},
		job.ErrNoLink: func() reply { return other.stranger(http.MethodGet, "/p/nothing/state", "", false) },
		job.ErrLinkEnded: func() reply {
			link := owner.shared(j.ID)
			owner.unshare(j.ID)
			return other.stranger(http.MethodGet, link+"/state", "", false)
		},
		job.ErrCrossSite: func() reply {
			return other.stranger(http.MethodPost, owner.shared(j.ID)+"/wake", `{"intent": "click"}`, false)
		},
		job.ErrUnavailable: func() reply {
			s.Postgres.Kill()
			defer func() {
				if err := s.Postgres.Restart(); err != nil {
					t.Error(err)
				}
			}()
			return owner.post(j.ID, "snapshot")
		},
	}
	told := api.Table()
	for i, row := range told { // an outage, if it is among them, is the last
		if errors.Is(row.Err, job.ErrUnavailable) {
			told = append(append(told[:i:i], told[i+1:]...), row)
		}
	}
	for _, row := range told {
		if errors.Is(row.Err, job.ErrTooLarge) { // Lambda's own bound comes first; functions/start shows this one
			continue
		}
		way := ways[row.Err]
		if way == nil {
			t.Errorf("%v: nothing is known to bring it about: it has no place in the table", row.Err)
			continue
		}
		if r := way(); r.code != row.Status || r.Told.Detail.Message != row.Message {
			t.Errorf("%v: got %d %s, want %d %q", row.Err, r.code, r.body, row.Status, row.Message)
		}
	}
}

// exec changes the database behind everybody's back.
func (s *system) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// unauthenticated calls status past the gateway, which lets nobody in without a
// token.
func (s *system) unauthenticated(id string) reply {
	s.t.Helper()
	event := strings.ReplaceAll(`{"version": "2.0", "routeKey": "GET /api/generation/{job_id}/status", "pathParameters": {"job_id": "ID"}}`, "ID", id)
	payload, _, err := s.Invoke(s.t.Context(), "status", []byte(event))
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(payload, &answer); err != nil {
		s.t.Fatal(err)
	}
	r := reply{t: s.t, code: answer.StatusCode, body: answer.Body}
	r.Answer = client.Answer{Code: answer.StatusCode, Body: []byte(answer.Body)}
	if err := json.Unmarshal(r.Body, &r.Told); err != nil {
		s.t.Fatal(err)
	}
	return r
}

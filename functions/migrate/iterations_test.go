package main

import (
	"testing"
)

// Back at the version before, which knows one row for a sandbox, what an iteration has
// not changed belongs to its version again, and any other's sandbox ends with it.
func TestIterationsUnderWayEndWithTheirColumns(t *testing.T) {
	address, pool := empty(t)
	h := newHandler(t, address, upTo(t, "000013"))
	mustCall(t, h, `{}`)
	const insert = `INSERT INTO jobs (id, project_id, user_id, tier, goal, build_version, workspace_path, preview_url, sandbox_id, epoch, status, sandbox_state, moved_to, taken_from, kept_hash, lease_until, completed_at, error_message, debug_id, pause_due_at, failing, failing_at)
		SELECT id::uuid, gen_random_uuid(), 'u', 'bootstrapper', 'g', 'v' || id, 'w', 'p', sandbox, epoch, status, state, moved::uuid, taken::uuid, kept,
			CASE WHEN status IN ('ready', 'failed') THEN NULL ELSE now() END, CASE WHEN status IN ('ready', 'failed') THEN now() END,
			CASE status WHEN 'failed' THEN 'e' END, CASE status WHEN 'failed' THEN 'd' END, CASE WHEN state = 'running' THEN now() END, failing, CASE WHEN failing IS NOT NULL THEN now() END
		FROM (VALUES `
	const id = "00000000-0000-4000-8000-00000000000"
	exec(t, pool, insert+`
		('`+id+`1', 's1', 3, 'ready', 'moved', '`+id+`2', NULL, NULL, NULL), ('`+id+`2', 's1', 5, 'starting', 'running', NULL, '`+id+`1', NULL, NULL),
		('`+id+`3', 's2', 3, 'ready', 'moved', '`+id+`4', NULL, NULL, NULL), ('`+id+`4', 's2', 5, 'deps', 'running', NULL, '`+id+`3', 'hash', 'the check failed'),
		('`+id+`5', 's3', 3, 'ready', 'moved', '`+id+`6', NULL, NULL, NULL), ('`+id+`6', 's3', 5, 'ready', 'running', NULL, '`+id+`5', 'hash', NULL),
		('`+id+`7', NULL, 3, 'ready', 'gone', NULL, NULL, NULL, NULL), ('`+id+`8', 's4', 5, 'failed', 'gone', NULL, '`+id+`7', 'hash', NULL),
		('`+id+`9', 's5', 3, 'ready', 'moved', '`+id+`a', NULL, NULL, NULL), ('`+id+`a', 's5', 5, 'starting', 'running', NULL, '`+id+`9', NULL, NULL),
		('`+id+`b', 's6', 7, 'ready', 'running', NULL, NULL, NULL, NULL), ('`+id+`c', NULL, 5, 'failed', 'moved', NULL, '`+id+`b', NULL, NULL)
		) AS v (id, sandbox, epoch, status, state, moved, taken, kept, failing)`)
	exec(t, pool, `UPDATE jobs SET deleted_at = now() WHERE id = '`+id+`9'`) // its sandbox must not be left to nobody
	if r := mustCall(t, h, `{"action":"down","from":13}`); r.Version != 12 {
		t.Fatalf("after down: %+v", r)
	}
	const want = "1 ready running s1 6, 2 failed none - 5, 3 ready none - 3, 4 failed running s2 5, 5 ready none - 3, 6 ready running s3 5, 7 ready none - 3, 8 failed gone s4 5, " +
		"9 ready gone s5 6, a failed none - 5, b ready running s6 7, c failed none - 5"
	const look = `SELECT string_agg(concat_ws(' ', right(id::text, 1), status, sandbox_state, coalesce(sandbox_id, '-'), epoch), ', ' ORDER BY id) FROM jobs`
	if got := scan[string](t, pool, look); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r := mustCall(t, h, `{}`); r.Version != 13 {
		t.Errorf("up again: %+v", r)
	}
}

package jobs_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
)

// moves are the changes of state that all tests of this package have made.
var moves struct {
	mu   sync.Mutex
	made map[move]bool
}

// move is a change of a job's status or of its sandbox's state.
type move struct{ Machine, From, To string }

// TestMain holds both state machines of shared/job, of which docs/states.md is
// drawn, against what the statements do: a move that is not theirs must not be
// made, and where the whole package runs, each of theirs is.
func TestMain(m *testing.M) {
	moves.made = map[move]bool{}
	code := m.Run()
	if code == 0 && !compareMoves(whole()) {
		code = 1
	}
	os.Exit(code)
}

// whole reports whether every test has run.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

func compareMoves(whole bool) (same bool) {
	allowed := map[move]bool{}
	allow(allowed, "status", job.Statuses(), job.Status.CanMove)
	allow(allowed, "sandbox_state", job.SandboxStates(), job.SandboxState.CanMove)
	same = true
	for m := range moves.made {
		if !allowed[m] {
			fmt.Printf("%s went from %s to %s, which its machine does not allow\n", m.Machine, m.From, m.To)
			same = false
		}
	}
	for m := range allowed {
		if whole && !moves.made[m] {
			fmt.Printf("no test brings %s from %s to %s, which its machine allows\n", m.Machine, m.From, m.To)
			same = false
		}
	}
	return same
}

func allow[S ~string](allowed map[move]bool, machine string, all []S, can func(S, S) bool) {
	for _, from := range all {
		for _, to := range all {
			if can(from, to) {
				allowed[move{machine, string(from), string(to)}] = true
			}
		}
	}
}

// watchMoves adds the moves of a test's database to those of the package.
func (b fixture) watchMoves() {
	b.t.Helper()
	_, err := b.pool.Exec(b.ctx, `
		CREATE TABLE moves (machine text, "from" text, "to" text);
		CREATE FUNCTION note_moves() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO moves SELECT * FROM (VALUES
				('status', OLD.status, NEW.status),
				('sandbox_state', OLD.sandbox_state, NEW.sandbox_state)
			) AS m (machine, "from", "to") WHERE "from" <> "to";
			RETURN NULL;
		END $$;
		CREATE TRIGGER note_moves AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION note_moves();`)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		rows, err := b.pool.Query(context.Background(), `SELECT DISTINCT machine, "from", "to" FROM moves`)
		if err != nil {
			b.t.Fatal(err)
		}
		made, err := pgx.CollectRows(rows, pgx.RowToStructByPos[move])
		if err != nil {
			b.t.Fatal(err)
		}
		moves.mu.Lock()
		defer moves.mu.Unlock()
		for _, m := range made {
			moves.made[m] = true
		}
	})
}

package jobs_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
)

// move is a change of a job's status or of its sandbox's state.
type move struct{ Machine, From, To string }

// moves are those that all tests of this package have made, and by which
// methods of the store.
var moves struct {
	mu   sync.Mutex
	made map[move]map[string]bool
}

// TestMain holds both state machines of shared/job, of which docs/states.md is
// drawn, against what the statements do and which functions use them: a move
// that is not theirs must not be made, and where the whole package runs, each of
// theirs is, by all of its makers and by nobody else.
func TestMain(m *testing.M) {
	moves.made = map[move]map[string]bool{}
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
	allowed := map[move][]job.Maker{}
	allow(allowed, "status", job.Statuses(), job.Status.Makers)
	allow(allowed, "sandbox_state", job.SandboxStates(), job.SandboxState.Makers)
	users, err := users()
	if err != nil {
		fmt.Println(err)
		return false
	}
	same = true
	for m := range moves.made {
		if allowed[m] == nil {
			fmt.Printf("%s went from %s to %s, which its machine does not allow\n", m.Machine, m.From, m.To)
			same = false
		}
	}
	for m, want := range allowed {
		makers := map[job.Maker]bool{}
		for method := range moves.made[m] {
			for _, maker := range users[method] {
				makers[maker] = true
			}
		}
		if got := slices.Sorted(maps.Keys(makers)); whole && !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			fmt.Printf("%s goes from %s to %s by %v, as the tests and functions show; its machine says by %v\n", m.Machine, m.From, m.To, got, want)
			same = false
		}
	}
	return same
}

func allow[S ~string](allowed map[move][]job.Maker, machine string, all []S, makers func(S, S) []job.Maker) {
	for _, from := range all {
		for _, to := range all {
			if by := makers(from, to); len(by) > 0 {
				allowed[move{machine, string(from), string(to)}] = by
			}
		}
	}
}

var used = regexp.MustCompile(`\b[sS]tore\.([A-Z]\w+)`)

// users are the functions whose code names a method of the store.
func users() (map[string][]job.Maker, error) {
	users := map[string][]job.Maker{}
	for _, maker := range []job.Maker{job.ByBuild, job.ByCancel, job.ByDelete, job.ByPause, job.ByReconcile, job.ByResume, "logs", "preview", "share", "snapshot", "start", "status", "versions", "wake"} {
		folder := "../../../functions/" + string(maker)
		if maker == job.ByResume { // what it does is in a package that the preview page wakes by, too
			folder = "../../../shared/wake"
		}
		files, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file.Name(), "_test.go") || file.IsDir() {
				continue
			}
			code, err := os.ReadFile(folder + "/" + file.Name())
			if err != nil {
				return nil, err
			}
			for _, m := range used.FindAllStringSubmatch(string(code), -1) {
				users[m[1]] = append(users[m[1]], maker)
			}
		}
	}
	return users, nil
}

// write is one change of a row, as a trigger saw it.
type write struct {
	ID            string
	Revision      int64
	Quiet         string // the method, if it is one of the five that publish nothing
	Status, State [2]string
}

// published are the methods that published a row, by its id and revision.
type published struct {
	mu sync.Mutex
	by map[string]string
}

func (p *published) publish(_ context.Context, j job.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[fmt.Sprint(j.ID, j.Revision)] = caller()
}

// caller is the method of the store that is at work.
func caller() string {
	stack := make([]uintptr, 50)
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack)])
	for method := ""; ; {
		frame, more := frames.Next()
		if _, name, ok := strings.Cut(frame.Function, "/jobs.(*Store)."); ok {
			method = name // the outermost is the last
		}
		if !more {
			return method
		}
	}
}

// watchMoves adds the moves of a test's database to those of the package, and
// checks that each write of the store was published, or is one of the five that
// are not. The store's writes alone change the revision and the time.
func (b fixture) watchMoves(p *published) {
	b.t.Helper()
	_, err := b.pool.Exec(b.ctx, `
		CREATE TABLE writes (id text, revision bigint, quiet text, status text[], state text[]);
		CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO writes VALUES (NEW.id, NEW.revision,
				CASE WHEN NEW.claim > OLD.claim THEN 'ClaimTurn'
					WHEN NEW.status = 'ready' AND OLD.status <> 'ready' THEN 'Ready'
					WHEN NEW.sandbox_state = 'pausing' AND NEW.op_until > now() THEN 'TakePause'
					WHEN NEW.sandbox_state = 'resuming' AND NEW.epoch > OLD.epoch THEN 'TakeResume'
					WHEN NEW.sandbox_state = 'resuming' AND NEW.waiter_until > now() AND NEW.waiter_until IS DISTINCT FROM OLD.waiter_until THEN 'JoinResume'
					ELSE '' END,
				ARRAY[OLD.status, NEW.status], ARRAY[OLD.sandbox_state, NEW.sandbox_state]);
			RETURN NULL;
		END $$;
		CREATE TRIGGER note_write AFTER UPDATE ON jobs FOR EACH ROW
			WHEN (OLD.revision <> NEW.revision AND OLD.updated_at <> NEW.updated_at) EXECUTE FUNCTION note_write();`)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		rows, err := b.pool.Query(context.Background(), `SELECT * FROM writes`)
		if err != nil {
			b.t.Fatal(err)
		}
		writes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[write])
		if err != nil {
			b.t.Fatal(err)
		}
		for _, w := range writes {
			method := p.by[fmt.Sprint(w.ID, w.Revision)]
			if (method == "") != (w.Quiet != "") {
				b.t.Errorf("revision %d of %v and %v was published by %q, and should be silent by %q", w.Revision, w.Status, w.State, method, w.Quiet)
			}
			note(move{"status", w.Status[0], w.Status[1]}, method+w.Quiet)
			note(move{"sandbox_state", w.State[0], w.State[1]}, method+w.Quiet)
		}
	})
}

func note(m move, method string) {
	if m.From == m.To {
		return
	}
	moves.mu.Lock()
	defer moves.mu.Unlock()
	if moves.made[m] == nil {
		moves.made[m] = map[string]bool{}
	}
	moves.made[m][method] = true
}

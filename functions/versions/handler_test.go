package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
)

const alice = functiontest.Alice

// fixture is a handler on stores of its own.
type fixture struct {
	handler
	*functiontest.World
	project string
}

func setup(t *testing.T) fixture {
	t.Helper()
	return on(t, redistest.New(t))
}

// on is one whose Redis is at an address.
func on(t *testing.T, address string) fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, address)
	return fixture{World: w, project: job.NewID(), handler: handler{
		settings: settings{Deadline: time.Hour}, log: logging.New(w.Log, "debug"), store: w.Store, cache: w.Cache,
		builds: w.Queue("build"), sealer: functiontest.Sealer(t), kept: w.Kept,
	}}
}

// call asks as the gateway does.
func (b fixture) call(user, route, id string, query map[string]string) (int, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 15*time.Second) // the function's
	defer cancel()
	r := functiontest.JobRequest(route, user, id)
	r.QueryStringParameters = query
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), r)
	return resp.StatusCode, body
}

func (b fixture) post(what, id string) (int, map[string]any) {
	b.T.Helper()
	return b.call(alice, "POST /api/generation/{job_id}/"+what, id, nil)
}

func (b fixture) list(query map[string]string) (int, map[string]any) {
	b.T.Helper()
	return b.call(alice, "GET /api/generation", "", query)
}

func (b fixture) current(user string) (int, map[string]any) {
	b.T.Helper()
	return b.call(user, "GET /api/generation/current", "", map[string]string{"project_id": b.project})
}

// version is a READY version of the project, with its code.
func (b fixture) version() job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	n.Request.ProjectID = b.project
	start, generate := "npm start", "write it"
	n.Request.Commands.Start, n.Request.Commands.Generate = &start, &generate
	var err error
	n.EnvSealed, err = b.sealer.Seal(b.T.Context(), n.ID, map[string]string{"TOKEN": "hunter2"})
	b.OK(err)
	j := b.Checks(b.Building(b.Accept(n)))
	j = b.Must(b.Store.Ready(b.T.Context(), j, j.Progress, "https://3000-x.e2b.app", 0))
	b.cache.Publish(b.T.Context(), j) // as the builder does
	key := job.SourceKey(j.UserID, j.ProjectID, j.ID, sha256.Sum256(nil))
	b.OK(b.Kept.Put(b.T.Context(), key, strings.NewReader(""), 0, sha256.Sum256(nil)))
	return b.Set(j.ID, "source_key = '"+key+"'")
}

// failed is one that failed.
func (b fixture) failed() job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	n.Request.ProjectID = b.project
	return b.Must(b.Store.Cancel(b.T.Context(), b.Accept(n).ID, "It failed.", job.NewID()))
}

func TestTheListTellsOfEachVersion(t *testing.T) {
	b := setup(t)
	first, failed, second := b.version(), b.failed(), b.version()
	gone := b.Set(first.ID, "sandbox_state = 'gone', gone_at = now()")
	code, body := b.list(map[string]string{"project_id": strings.ToUpper(b.project)})
	builds, _ := body["builds"].([]any)
	if code != 200 || len(builds) != 3 || body["next"] != nil {
		t.Fatalf("got %d %v", code, body)
	}
	for i, want := range []map[string]any{
		{"job_id": second.ID, "status": "ready", "build_version": "build_v0_3", "current": true, "rebuildable": true, "gone_at": nil, "preview_url": "https://3000-x.e2b.app"},
		{"job_id": failed.ID, "status": "failed", "current": false, "rebuildable": false, "preview_url": nil, "sandbox_state": "none"},
		{"job_id": first.ID, "current": false, "rebuildable": true, "gone_at": gone.GoneAt.UTC().Format(time.RFC3339), "sandbox_state": "gone"},
	} {
		got, _ := builds[i].(map[string]any)
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%d: %s is %v, want %v", i, key, got[key], value)
			}
		}
	}
}

func TestTheListComesInPages(t *testing.T) {
	b := setup(t)
	var want []string
	for range 5 {
		want = append([]string{b.failed().ID}, want...)
	}
	var got []string
	query := map[string]string{"project_id": b.project, "limit": "2"}
	for pages := 0; ; pages++ {
		code, body := b.list(query)
		if code != 200 || pages > 3 {
			t.Fatalf("page %d: %d %v", pages, code, body)
		}
		for _, v := range body["builds"].([]any) {
			got = append(got, v.(map[string]any)["job_id"].(string))
		}
		next, ok := body["next"].(string)
		if !ok {
			break
		}
		query["before"] = next
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAWrongQueryIsSaid(t *testing.T) {
	b := setup(t)
	for name, query := range map[string]map[string]string{
		"project_id": {}, "project_id must": {"project_id": "x"}, "limit": {"project_id": b.project, "limit": "101"},
		"limit must": {"project_id": b.project, "limit": "0x2"}, "before": {"project_id": b.project, "before": "%"},
		"before must": {"project_id": b.project, "before": "MTAuMTA"},
	} {
		code, body := b.list(query)
		if detail, _ := body["detail"].(string); code != 422 || !strings.Contains(detail, name) {
			t.Errorf("%s: got %d %v", name, code, body)
		}
	}
	if code, _ := b.call("", "GET /api/generation", "", map[string]string{"project_id": b.project}); code != 401 {
		t.Errorf("without a token: %d", code)
	}
}

// Another user's project of the same id is another project.
func TestAnotherUserSeesNothing(t *testing.T) {
	b := setup(t)
	j := b.version()
	if code, body := b.call("user_bob", "GET /api/generation", "", map[string]string{"project_id": b.project}); code != 200 || len(body["builds"].([]any)) != 0 {
		t.Errorf("list: %d %v", code, body)
	}
	if code, _ := b.current("user_bob"); code != 404 {
		t.Errorf("current: %d", code)
	}
	for _, route := range []string{"GET /api/generation/{job_id}/source", "POST /api/generation/{job_id}/rebuild", "POST /api/generation/{job_id}/restore"} {
		if code, _ := b.call("user_bob", route, j.ID, nil); code != 404 {
			t.Errorf("%s: %d", route, code)
		}
	}
}

// The version that counts is told by two reads of the cache, and nothing else.
func TestTheCurrentVersionIsToldByTheCache(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{})
	b := on(t, server.URL())
	if code, _ := b.current(alice); code != 404 {
		t.Errorf("of nothing: %d", code)
	}
	b.version()
	second := b.version()
	b.Proxy.Down()
	counted(t, server, "config resetstat")
	if code, body := b.current(alice); code != 200 || body["job_id"] != second.ID || body["status"] != "ready" {
		t.Errorf("got %d %v, want the second", code, body)
	}
	calls := counted(t, server, "info commandstats")
	for _, ours := range []string{"config", "quit"} {
		delete(calls, ours)
	}
	if !maps.Equal(calls, map[string]int{"get": 1, "hmget": 1}) {
		t.Errorf("it took %v", calls)
	}
}

// counted says a line to a Redis, and returns how often the commands that it tells of
// were called.
func counted(t *testing.T, server *redisserver.Server, line string) map[string]int {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(server.URL(), "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, line+"\r\nquit\r\n")
	said, readErr := io.ReadAll(conn)
	if err := errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, found := range regexp.MustCompile(`cmdstat_(\w+)\S*?:calls=(\d+)`).FindAllStringSubmatch(string(said), -1) {
		calls[found[1]], _ = strconv.Atoi(found[2])
	}
	return calls
}

// A note in the cache that is wrong, or not there, is put right.
func TestTheCurrentVersionFollowsWhatHappens(t *testing.T) {
	b := setup(t)
	first, second := b.version(), b.version()
	want := func(j job.Job, what string) {
		t.Helper()
		ask := func() {
			t.Helper()
			if code, body := b.current(alice); code != 200 || body["job_id"] != j.ID {
				t.Errorf("%s: got %d %v", what, code, body["job_id"])
			}
		}
		ask()
		b.Proxy.Down() // now the cache knows
		ask()
		b.Proxy.Up(t)
	}
	want(second, "the newest")
	if code, body := b.post("restore", first.ID); code != 200 || body["current"] != true || body["job_id"] != first.ID {
		t.Errorf("restore: %d %v", code, body)
	}
	want(first, "restored")
	gone := b.Must(b.Rows.Delete(t.Context(), first.ID))
	b.OK(b.cache.Erase(t.Context(), gone))
	want(second, "after the other's deletion")
}

func TestTheCodeIsReadAtASignedAddress(t *testing.T) {
	b := setup(t)
	j := b.version()
	code, body := b.call(alice, "GET /api/generation/{job_id}/source", j.ID, nil)
	address, _ := body["url"].(string)
	if code != 200 {
		t.Fatalf("got %d %v", code, body)
	}
	if ends, err := time.Parse(time.RFC3339, body["expires_at"].(string)); err != nil || time.Until(ends) > sourceLife || time.Until(ends) < sourceLife-time.Minute {
		t.Errorf("it ends at %v", body["expires_at"])
	}
	resp, err := http.Get(address)
	b.OK(err)
	defer resp.Body.Close()
	if content, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || len(content) != 0 || err != nil {
		t.Errorf("it answers %s", resp.Status)
	}
	b.OK(b.Kept.Delete(t.Context(), j.SourceKey))
	if code, _ := b.call(alice, "GET /api/generation/{job_id}/source", j.ID, nil); code != 422 {
		t.Errorf("when its time is over: %d", code)
	}
	b.Set(j.ID, "source_key = 'none'")
	if code, _ := b.call(alice, "GET /api/generation/{job_id}/source", j.ID, nil); code != 422 {
		t.Errorf("not kept: %d", code)
	}
}

// A rebuild asks for what its base did, but for what the generator did.
func TestARebuildIsAJobOfItsOwn(t *testing.T) {
	b := setup(t)
	base := b.version()
	code, body := b.post("rebuild", base.ID)
	id, _ := body["job_id"].(string)
	if code != 201 || body["base_job_id"] != base.ID || body["status"] != "queued" || body["build_version"] != "build_v0_2" {
		t.Fatalf("got %d %v", code, body)
	}
	j := b.Row(id)
	r, err := b.Rows.Request(t.Context(), id)
	b.OK(err)
	if !j.Rebuild || j.BaseJobID != base.ID || r.Commands.Generate != nil || r.Commands.Start == nil || *r.Commands.Start != "npm start" || r.Template != "base" {
		t.Errorf("got %+v, %+v", j, r)
	}
	if env, err := b.sealer.Open(t.Context(), id, j.EnvSealed); err != nil || env["TOKEN"] != "hunter2" {
		t.Errorf("its environment is %v, %v", env, err)
	}
	if n := len(b.SQS.Messages("build")); n != 1 {
		t.Errorf("%d messages", n)
	}
	if code, body := b.post("rebuild", base.ID); code != 200 || body["job_id"] != id {
		t.Errorf("again: %d %v", code, body)
	}
	if got := b.Log.Counted(metrics.JobsAccepted); got != 1 {
		t.Errorf("%v jobs count as accepted, want one", got)
	}
	if row := b.Row(base.ID); row.Revision != base.Revision {
		t.Error("its base was written")
	}
}

func TestWhatCannotBeBuiltAgainIsSaid(t *testing.T) {
	b := setup(t)
	for name, tt := range map[string]struct {
		set  string
		want string
	}{
		"failed":   {"", "READY"},
		"not kept": {"source_key = 'none', sandbox_state = 'gone'", "not kept"},
		"unknown":  {"source_key = NULL, sandbox_state = 'gone'", "not kept"},
	} {
		j := b.failed()
		if tt.set != "" {
			j = b.Set(b.version().ID, tt.set)
		}
		for _, what := range []string{"rebuild", "restore"} {
			code, body := b.post(what, j.ID)
			if detail, _ := body["detail"].(string); code != 422 || !strings.Contains(detail, tt.want) {
				t.Errorf("%s, %s: got %d %v", name, what, code, body)
			}
		}
	}
}

// A version whose sandbox is gone comes back by being built again.
func TestWhatIsGoneIsRestoredByARebuild(t *testing.T) {
	b := setup(t)
	j := b.Set(b.version().ID, "sandbox_state = 'gone'")
	code, body := b.post("restore", j.ID)
	if id, _ := body["job_id"].(string); code != 201 || id == j.ID || body["base_job_id"] != j.ID {
		t.Errorf("got %d %v", code, body)
	}
	if n := b.Calls(e2bsim.Create); n != 1 { // that of the version itself
		t.Errorf("%d sandboxes were created", n)
	}
}

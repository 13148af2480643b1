package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/metrics"
)

func TestAnAcceptedJobHasARowACacheEntryAndAMessage(t *testing.T) {
	b := setup(t)
	code, body := b.call(event(good))
	if code != 201 || body["status"] != "queued" || body["build_version"] != "build_v0_1" {
		t.Fatalf("got %d %v", code, body)
	}
	b.want(1, 1)
	id, _ := body["job_id"].(string)
	if j, ok, err := b.Cache.Get(t.Context(), id); err != nil || !ok || j.UserID != alice || j.Status != job.Queued {
		t.Errorf("cached: %+v, %v, %v", j, ok, err)
	}
	received, err := b.SQS.Queue("build").Receive(t.Context(), 1, 0) // at once: it was sent without a delay
	if err != nil || len(received) != 1 {
		t.Fatalf("received %+v, %v", received, err)
	}
	sent := received[0]
	var message map[string]any
	if err := json.Unmarshal([]byte(sent.Body), &message); err != nil {
		t.Fatal(err)
	}
	if len(message) != 3 || message["version"] != 1.0 || message["job_id"] != id || message["turn"] != 0.0 {
		t.Errorf("message = %v", message)
	}
	if sent.Attributes["MessageGroupId"] != alice || *sent.MessageAttributes["correlation_id"].StringValue != "gateway-1" {
		t.Errorf("sent = %+v", sent)
	}
	if j := b.start(event(good)); j.BuildVersion != "build_v0_2" || j.DeadlineAt.Sub(j.CreatedAt) != b.deadline {
		t.Errorf("the project's second job is %s, from %v to %v", j.BuildVersion, j.CreatedAt, j.DeadlineAt)
	}
}

// with is good with one more field.
func with(field string) string { return strings.TrimSuffix(good, "}") + ", " + field + "}" }

func TestWhatIsWrongIsRefusedInWordsAndChangesNothing(t *testing.T) {
	b := setup(t)
	noBase64 := event("{{{")
	noBase64.IsBase64Encoded = true
	noUTF8 := event(base64.StdEncoding.EncodeToString([]byte(with(`"source": {"files": {"a` + "\xff" + `": "x", "a` + "\xfe" + `": "y"}}`))))
	noUTF8.IsBase64Encoded = true // as the gateway hands on what is no text
	for name, tt := range map[string]struct {
		event  api.Request
		status int
		detail string
	}{
		"no JSON":           {event(`{"project_id"`), 400, "body must be a JSON object"},
		"no body":           {event(""), 400, "body"},
		"null":              {event("null"), 400, "body must be a JSON object"},
		"a list":            {event("[]"), 400, "body"},
		"no base64":         {noBase64, 400, "base64"},
		"no UTF-8":          {noUTF8, 400, "body must be UTF-8"},
		"half of a pair":    {event(with(`"source": {"files": {"a": "\ud800"}}`)), 400, "surrogate"},
		"too large":         {event(with(`"source": {"files": {"a": "` + strings.Repeat("x", 6<<20) + `"}}`)), 413, "6 MB"},
		"no goal":           {event(`{"project_id": "` + project + `"}`), 422, "goal is required"},
		"blank goal":        {event(`{"project_id": "` + project + `", "goal": "  "}`), 422, "goal"},
		"no project":        {event(`{"goal": "x"}`), 422, "project_id is required"},
		"project no UUID":   {event(`{"goal": "x", "project_id": "1"}`), 422, "project_id must be a UUID"},
		"port 0":            {event(with(`"port": 0`)), 422, "port must be between 1 and 65535"},
		"port null":         {event(with(`"port": null`)), 422, "port must be a whole number"},
		"template null":     {event(with(`"template": null`)), 422, "template must be a string"},
		"env value null":    {event(with(`"env": {"A": null}`)), 422, "env must be a string"},
		"path upwards":      {event(with(`"source": {"files": {"../../etc/x": "y"}}`)), 422, "../../etc/x"},
		"long name":         {event(with(`"source": {"files": {"a/` + strings.Repeat("b", 256) + `": "y"}}`)), 422, "a name is over 255 bytes"},
		"template unknown":  {event(with(`"template": "mine"`)), 422, "base, node"},
		"foreign archive":   {event(with(`"source": {"archive": "s3://sources/user_bob/a.tar.gz"}`)), 422, "source.archive"},
		"env sets PORT":     {event(with(`"env": {"PORT": "1"}`)), 422, "PORT"},
		"key with newline":  {keyed("a\nb", good), 422, "Idempotency-Key"},
		"key too long":      {keyed(strings.Repeat("k", 256), good), 422, "Idempotency-Key"},
		"nobody":            {functiontest.As(event(good), nil), 401, "authenticated"},
		"previous unknown":  {event(with(`"previous_job_id": "` + job.NewID() + `"`)), 404, "Previous job not found"},
		"previous no UUID":  {event(with(`"previous_job_id": "1"`)), 422, "previous_job_id"},
		"wrong type":        {event(`{"project_id": "` + project + `", "goal": 1}`), 422, "goal must be a string"},
		"NUL in the goal":   {event(`{"project_id": "` + project + `", "goal": "a\u0000"}`), 422, "goal"},
		"NUL in a template": {event(with(`"template": "\u0000"`)), 422, "template"},
	} {
		code, body := b.call(tt.event)
		detail, _ := body["detail"].(string)
		if id, _ := body["debug_id"].(string); code != tt.status || !strings.Contains(detail, tt.detail) || !job.IsID(id) {
			t.Errorf("%s: got %d %v, want %d with %q", name, code, body, tt.status, tt.detail)
		}
	}
	b.want(0, 0)
}

// previous is a READY job of the project, asleep, with a request of its own.
func (b fixture) previous() job.Job {
	b.T.Helper()
	j := b.start(event(with(`"template": "node", "port": 4000, "env": {"KEY": "value"}, "commands": {"install": "npm ci", "generate": "agent"}`)))
	return b.Set(j.ID, "status = 'ready', completed_at = now(), lease_until = NULL, preview_url = 'https://4000-x', sandbox_id = 'x', "+
		"sandbox_state = 'paused', sandbox_paused = true, paused_at = now(), source_key = 'k'")
}

// What an iteration does not say is as it was, but for the generator's command; what it
// says counts.
func TestAnIterationInheritsWhatItDoesNotSay(t *testing.T) {
	b := setup(t)
	from := b.previous()
	j := b.start(event(with(`"previous_job_id": "` + from.ID + `", "commands": {"install": "", "check": "npm test"}`)))
	r, err := b.Rows.Request(t.Context(), j.ID)
	b.OK(err)
	env, err := b.sealer.Open(t.Context(), j.ID, j.EnvSealed)
	b.OK(err)
	if j.BaseJobID != from.ID || j.BuildVersion != "build_v0_2" || r.Template != "node" || r.Port == nil || *r.Port != 4000 || env["KEY"] != "value" ||
		r.Commands.Generate != nil || *r.Commands.Install != "" || *r.Commands.Check != "npm test" || r.Commands.Start != nil {
		t.Errorf("%+v with %+v and %v", j, r, env)
	}
}

func TestAnIterationThatCannotBeIsRefusedInWords(t *testing.T) {
	b := setup(t)
	from := b.previous()
	iteration := with(`"previous_job_id": "` + from.ID + `"`)
	keeps := with(`"keep_previous": true, "previous_job_id": "` + from.ID + `"`)
	for _, tt := range []struct {
		name, set string
		event     api.Request
		status    int
		detail    string
	}{
		{"another user's", "goal = goal", functiontest.As(event(iteration), map[string]string{"sub": "user_bob"}), 404, "Previous job not found"},
		{"another project", "goal = goal", event(strings.Replace(iteration, project, job.NewID(), 1)), 404, "Previous job not found"},
		{"keeps nothing", "goal = goal", event(with(`"keep_previous": true`)), 422, "keep_previous"},
		{"not kept", "source_key = 'none'", event(keeps), 422, "not kept"},
		{"nothing left", "sandbox_state = 'gone', sandbox_paused = false", event(iteration), 422, "not kept"},
		{"builds", "status = 'checks', completed_at = NULL, lease_until = now(), sandbox_state = 'running'", event(iteration), 409, "still being built"},
		{"failed", "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'x'", event(iteration), 422, "failed"},
		{"deleted", "deleted_at = now()", event(iteration), 404, "Previous job not found"},
	} {
		b.Set(from.ID, tt.set)
		if code, body := b.call(tt.event); code != tt.status || !strings.Contains(fmt.Sprint(body["detail"]), tt.detail) {
			t.Errorf("%s: %d %v, want %d with %q", tt.name, code, body, tt.status, tt.detail)
		}
	}
	b.want(1, 1)
}

// A second one is told which has the preview, and which is about to. One that keeps the
// version's preview is none such.
func TestASecondIterationIsToldOfTheFirst(t *testing.T) {
	b := setup(t)
	from := b.previous()
	iteration := event(with(`"previous_job_id": "` + from.ID + `"`))
	first := b.start(iteration)
	refused := func(words string) {
		t.Helper()
		code, body := b.call(iteration)
		detail, _ := body["detail"].(map[string]any)
		if code != 409 || detail["moved_to"] != first.ID || !strings.Contains(fmt.Sprint(detail["message"]), words) {
			t.Errorf("%d %v, want 409 with %q", code, body, words)
		}
	}
	refused("build_v0_2 is being made")
	b.Set(from.ID, "sandbox_state = 'moved', sandbox_paused = false, moved_to = '"+first.ID+"'")
	b.Set(first.ID, "status = 'ready', completed_at = now(), lease_until = NULL")
	refused("build_v0_2 was made")
	repeated := keyed("k", with(`"previous_job_id": "`+from.ID+`", "keep_previous": true`))
	third := b.start(repeated)
	b.Set(from.ID, "source_key = 'none'")
	if again := b.start(repeated); again.ID != third.ID {
		t.Errorf("a repeated call made %s, want %s", again.ID, third.ID)
	}
}

func TestARepeatedCallIsAnsweredWithTheFirstJob(t *testing.T) {
	b := setup(t)
	first := b.start(keyed("k", good))
	if again := b.start(keyed("k", good)); again.ID != first.ID {
		t.Errorf("a second job: %s", again.ID)
	}
	b.want(1, 2) // the first call's message may not have been sent
	if got := b.Log.Counted(metrics.JobsAccepted); got != 1 {
		t.Errorf("%v jobs count as accepted, want one", got)
	}

	if code, body := b.call(keyed("k", with(`"port": 3000`))); code != 422 || !strings.Contains(fmt.Sprint(body["detail"]), "Idempotency-Key") {
		t.Errorf("another body: %d %v", code, body)
	}
	b.want(1, 2)

	b.Must(b.Rows.Begin(t.Context(), b.Must(b.Rows.ClaimTurn(t.Context(), first.ID, 0)), job.Limits{}))
	code, body := b.call(keyed("k", good))
	if code != 201 || body["job_id"] != first.ID || body["status"] != "queued" {
		t.Errorf("under way: %d %v", code, body)
	}
	b.want(1, 2) // its builder has it

	if other := b.start(functiontest.As(keyed("k", good), map[string]string{"sub": "user_bob"})); other.ID == first.ID {
		t.Error("the key of another user")
	}
	if other := b.start(event(good)); other.ID == first.ID {
		t.Error("no key, and not a new job")
	}
}

func TestCallsAtOnceWithOneKeyMakeOneJob(t *testing.T) {
	b := setup(t)
	var wg sync.WaitGroup
	ids := make([]any, 8)
	for i := range ids {
		wg.Go(func() {
			_, body := b.call(keyed("k", good))
			ids[i] = body["job_id"]
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == nil || id != ids[0] {
			t.Errorf("ids = %v", ids)
		}
	}
	if n := b.jobs(); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestEnvValuesAreSealed(t *testing.T) {
	url := redistest.New(t)
	b := setupWith(t, url)
	j := b.start(event(with(`"env": {"API_KEY": "hunter2"}`)))
	env, err := b.sealer.Open(t.Context(), j.ID, j.EnvSealed)
	if err != nil || env["API_KEY"] != "hunter2" {
		t.Errorf("opened: %v, %v", env, err)
	}
	var row string
	if err := b.Pool.QueryRow(t.Context(), "SELECT jobs::text || encode(coalesce(env_sealed, ''), 'escape') FROM jobs").Scan(&row); err != nil {
		t.Fatal(err)
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer client.Close()
	hash, err := client.HGetAll(t.Context(), "job:"+j.ID).Result()
	if err != nil || len(hash) == 0 {
		t.Fatalf("hash %v, %v", hash, err)
	}
	for place, text := range map[string]string{
		"row": row, "cache": fmt.Sprint(hash), "message": fmt.Sprint(b.SQS.Messages("build")), "log": b.Log.String(),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "API_KEY") {
			t.Errorf("%s: %s", place, text)
		}
	}
}

// A claim may be a list. Its first tier that has limits counts, and one that has
// none is told of, once.
func TestAJobIsAcceptedWithoutAQueue(t *testing.T) {
	b := setup(t)
	b.builds = functiontest.DeadQueue(t)
	first := b.start(keyed("k", good))
	b.want(1, 0)
	b.builds = b.Queue("build")
	if again := b.start(keyed("k", good)); again.ID != first.ID {
		t.Errorf("a second job: %s", again.ID)
	}
	b.want(1, 1)
}

func TestAJobIsAcceptedWithoutRedis(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{})
	b := setupWith(t, server.URL())
	b.Cache = functiontest.HastyCache(t, server.URL())
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	b.start(event(good))
	server.Kill()
	b.start(event(good))
	b.want(2, 2)
}

func TestWithoutPostgresNothingIsAccepted(t *testing.T) {
	b := setup(t)
	b.Proxy.Down()
	code, body := b.call(event(good))
	if code != http.StatusServiceUnavailable || !strings.Contains(fmt.Sprint(body["detail"]), "unavailable") || body["debug_id"] == nil {
		t.Errorf("got %d %v", code, body)
	}
	b.want(0, 0)
}

func TestALostAnswerOfTheCommitCostsNoJobAndMakesNoSecond(t *testing.T) {
	b := setup(t)
	b.Proxy.CutAfter("commit", 1)
	code, body := b.call(keyed("k", good))
	if code != 503 || !b.Proxy.Struck() {
		t.Fatalf("got %d %v, struck %v", code, body, b.Proxy.Struck())
	}
	b.want(1, 0)
	b.start(keyed("k", good))
	b.want(1, 1)
}

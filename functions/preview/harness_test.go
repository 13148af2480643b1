package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"siesta/local/client"
	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/proof/openapi"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/logs"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
	"siesta/shared/wake"
)

func TestMain(m *testing.M) { functiontest.Main(m) }

const (
	alice = functiontest.Alice
	port  = 3000
	awake = 10 * time.Minute
	site  = "https://api.example.com"

	pageRoute  = "GET /p/{token}"
	stateRoute = "GET /p/{token}/state"
	logsRoute  = "GET /p/{token}/logs"
	wakeRoute  = "POST /p/{token}/wake"
)

// fixture is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type fixture struct {
	*functiontest.World
	handler
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Processes{Files: []string{functiontest.Self()}}, KeepSnapshots: true})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	log, sealer := logging.New(w.Log, "debug"), functiontest.Sealer(t)
	waker := &wake.Waker{
		Log: log, Store: w.Store, Cache: w.Cache, Pauses: w.Queue("pause"), E2B: w.Sandboxes, Sealer: sealer, Time: awake, Times: wake.CallTimes,
	}
	return &fixture{w, handler{
		log: log, waker: waker, shares: shares.NewStore(w.DB), links: secrets.NewLinks(sealer, functiontest.Stack),
		logs: logs.Reader{Live: w.Cache, Archive: w.LogStore}, page: newPage(w.Sandboxes.Previews(), nil, time.Hour),
	}}
}

// built is a READY job whose server runs, as a build leaves it; of a project that
// may be another's.
func (b *fixture) built(project string) job.Job {
	b.T.Helper()
	ctx, n := b.T.Context(), functiontest.NewJob()
	if project != "" {
		n.Request.ProjectID = project
	}
	j := b.Building(b.Accept(n))
	inside := b.Inside(j)
	b.OK(inside.WriteMarker(ctx, j.Epoch))
	j = b.Must(b.Rows.RecordMarker(ctx, j.ID, j.Epoch))
	j.Plan = job.Plan{Start: "exec " + functiontest.Self() + " serve", Port: port}
	j = b.Checks(j)
	b.OK(inside.StartStep(ctx, envd.Step{
		Dir: envd.StepDir(j.ID, j.CreateNo, "start"), Command: j.Plan.Start, Cwd: job.Workspace, Env: j.Plan.Environment(nil, "e2b.app"),
	}))
	return b.Must(b.Rows.Ready(ctx, j, j.Progress, b.Sandboxes.PreviewURL(j.SandboxID, port), 0))
}

// asleep is a preview that sleeps, and that the cache knows to sleep.
func (b *fixture) asleep() job.Job {
	b.T.Helper()
	j := b.built("")
	for end := time.Now().Add(30 * time.Second); b.Sandboxes.Probe(b.T.Context(), j.PreviewURL).Status == 0; {
		if time.Now().After(end) {
			b.T.Fatal("the app does not answer")
		}
	}
	j = b.Pause(j)
	b.Cache.Publish(b.T.Context(), j)
	return j
}

// link is the token of a link to j.
func (b *fixture) link(j job.Job, follow job.Follow) string {
	b.T.Helper()
	s, err := b.shares.Make(b.T.Context(), j.UserID, j.ProjectID)
	b.OK(err)
	l := job.Link{Follow: follow, Share: s.ID, Number: s.Number, Ends: time.Now().Add(time.Hour)}
	if follow == job.FollowJob {
		l.JobID = j.ID
	}
	return b.sign(l)
}

// linkWithLogs is the token of a link to j and its log.
func (b *fixture) linkWithLogs(j job.Job) string {
	b.T.Helper()
	l, err := b.links.Open(b.T.Context(), b.link(j, job.FollowJob))
	b.OK(err)
	l.Logs = true
	return b.sign(l)
}

func (b *fixture) sign(l job.Link) string {
	b.T.Helper()
	token, err := b.links.Sign(b.T.Context(), l)
	b.OK(err)
	return token
}

// reply is what a browser gets.
type reply struct {
	status int
	header map[string]string
	text   string
	told   map[string]any // of JSON
}

// send makes a call as the page in a browser does; header wins.
func (b *fixture) send(route, token, body string, header map[string]string) reply {
	b.T.Helper()
	address, query, _ := strings.Cut(token, "?")
	r := api.Request{RouteKey: route, Body: body, PathParameters: map[string]string{"token": address}, QueryStringParameters: map[string]string{}}
	values, err := url.ParseQuery(query)
	b.OK(err)
	for name := range values {
		r.QueryStringParameters[name] = values.Get(name)
	}
	r.Headers = map[string]string{"host": "api.example.com", "x-forwarded-proto": "https"}
	if route == wakeRoute {
		r.Headers["sec-fetch-site"], r.Headers["origin"], r.Headers["content-type"] = "same-origin", site, "application/json"
	}
	for name, value := range header {
		r.Headers[name] = value
	}
	resp, err := api.Handle(b.log, b.serve)(b.T.Context(), r)
	b.OK(err)
	got := reply{status: resp.StatusCode, header: resp.Headers, text: resp.Body}
	_ = json.Unmarshal([]byte(resp.Body), &got.told)
	method, path, _ := strings.Cut(route, " ")
	a := client.Answer{Method: method, Path: strings.Replace(path, "{token}", address, 1), Code: got.status, Header: http.Header{}, Body: []byte(resp.Body), Sent: []byte(body)}
	for name, value := range resp.Headers {
		a.Header.Set(name, value)
	}
	if address != "" && (got.told != nil || route == pageRoute) && r.Headers["content-type"] != form {
		if err := openapi.Check(a); err != nil {
			b.T.Error(err)
		}
	}
	return got
}

func (b *fixture) show(token string) reply {
	b.T.Helper()
	return b.send(pageRoute, token, "", nil)
}

func (b *fixture) post(token string, intent job.Intent) reply {
	b.T.Helper()
	return b.send(wakeRoute, token, `{"intent": "`+string(intent)+`"}`, nil)
}

// body is what a page has between its style and its script.
var body = regexp.MustCompile(`(?s)^.*(<body.*)<script>.*$`)

func (b *fixture) want(got reply, status int, parts ...string) {
	b.T.Helper()
	if got.status != status {
		b.T.Errorf("got %d %s, want %d", got.status, body.ReplaceAllString(got.text, "$1"), status)
	}
	for _, part := range parts {
		if !strings.Contains(got.text, part) {
			b.T.Errorf("%q is missing in:\n%s", part, body.ReplaceAllString(got.text, "$1"))
		}
	}
}

// wantState checks what the page is told.
func (b *fixture) wantState(token string, want state) reply {
	b.T.Helper()
	got := b.send(stateRoute, token, "", nil)
	if got.status != http.StatusOK || got.told["state"] != string(want) {
		b.T.Errorf("got %d %s, want %s", got.status, got.text, want)
	}
	return got
}

// untouched checks that E2B was not asked for anything but what a test has, and that
// the row is as it was.
func (b *fixture) untouched(j job.Job, connects int) {
	b.T.Helper()
	if got := b.Calls(e2bsim.Connect); got != connects {
		b.T.Errorf("%d connects, want %d", got, connects)
	}
	if row := b.Row(j.ID); row.Revision != j.Revision {
		b.T.Errorf("the row was changed: revision %d to %d, %s", j.Revision, row.Revision, row.SandboxState)
	}
}

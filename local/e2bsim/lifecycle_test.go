package e2bsim_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
)

func TestKeyIsDemanded(t *testing.T) {
	w := newWorld(t)
	for name, key := range map[string]string{"none": "", "unknown": "e2b_ffff", "wrong prefix": "sk_0123456789abcdef"} {
		res := send(w.context(), "GET", w.api+"/v2/sandboxes", "", http.Header{"X-Api-Key": {key}})
		if res.status != 401 || res.field("code") != 401.0 {
			t.Errorf("%s key: %d %s, want 401 with its code", name, res.status, res.raw)
		}
	}
	w.SetAPIKeys("e2b_ffff")
	if res := w.call("GET", "/v2/sandboxes", ""); res.status != 401 {
		t.Errorf("a key that was rotated out answers %d, want 401", res.status)
	}
}

// TestAnswers has one row per call, state of the sandbox and answer.
func TestAnswers(t *testing.T) {
	paths := map[string]string{"get": "GET ", "kill": "DELETE ", "pause": "POST /pause", "connect": "POST /connect", "connect v2": "POST /v2/connect",
		"resume": "POST /resume", "timeout": "POST /timeout", "refresh": "POST /refreshes"}
	for _, c := range []struct {
		call, body, state string
		want              int
	}{
		{"get", "", "running", 200}, {"get", "", "paused", 200}, {"get", "", "unknown", 404}, {"get", "", "killed", 404},
		{"pause", "{}", "running", 204}, {"pause", "", "running", 204}, {"pause", `{"memory":true}`, "running", 204},
		{"pause", `{"memory":"yes"}`, "running", 400}, {"pause", "{", "running", 400},
		{"pause", "{}", "paused", 409}, {"pause", "{}", "unknown", 404}, {"pause", "{}", "killed", 404},
		{"connect", `{"timeout":60}`, "running", 200}, {"connect", `{"timeout":60}`, "paused", 201},
		{"connect", `{"timeout":60}`, "unknown", 404}, {"connect", `{"timeout":60}`, "killed", 404},
		{"connect", "{}", "running", 400}, {"connect", "", "paused", 400}, {"connect", `{"timeout":-1}`, "running", 400},
		{"connect v2", "{}", "running", 200}, {"connect v2", "", "paused", 201}, {"connect v2", `{"timeout":1.5}`, "paused", 400},
		{"resume", "{}", "paused", 201}, {"resume", "{}", "running", 409}, {"resume", "{}", "unknown", 404},
		{"timeout", `{"timeout":60}`, "running", 204}, {"timeout", `{"timeout":60}`, "paused", 404}, {"timeout", `{"timeout":60}`, "unknown", 404},
		{"timeout", `{"timeout":-1}`, "running", 400}, {"timeout", "{}", "running", 400}, {"timeout", "", "running", 400},
		{"refresh", `{"duration":60}`, "running", 204}, {"refresh", `{"duration":3601}`, "running", 400}, {"refresh", `{}`, "paused", 404},
		{"kill", "", "running", 204}, {"kill", "", "paused", 204}, {"kill", "", "unknown", 404}, {"kill", "", "killed", 404},
	} {
		t.Run(c.call+" "+c.body+" "+c.state, func(t *testing.T) {
			w := newWorld(t)
			id := "iunknown"
			if c.state != "unknown" {
				id = w.create(durable)
			}
			switch c.state {
			case "paused":
				w.pause(id)
			case "killed":
				w.expect("DELETE", "/sandboxes/"+id, "", 204)
			}
			method, rest, _ := strings.Cut(paths[c.call], " ")
			path := "/sandboxes/" + id + rest
			if after, v2 := strings.CutPrefix(rest, "/v2"); v2 {
				path = "/v2/sandboxes/" + id + after
			}
			res := w.expect(method, path, c.body, c.want)
			if c.want >= 400 && (res.field("code") != float64(c.want) || res.text("message") == "") {
				t.Errorf("error body %s, want its code and a message", res.raw)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	if !regexp.MustCompile(`^i[a-z0-9]{19,}$`).MatchString(id) {
		t.Errorf("id %q", id)
	}
	w.expect("GET", "/sandboxes/"+id+"-6532622b", "", 200)
	w.expect("GET", "/sandboxes/I%20x", "", 400)
	w.expect("DELETE", "/sandboxes/Nope", "", 400)
	w.expect("GET", "/nowhere", "", 404)
}

func TestWhatIsNotSimulatedIsSaidSo(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	for _, call := range []string{"GET /metrics", "POST /snapshots", "POST /fork", "PUT /network", "GET /logs"} {
		method, rest, _ := strings.Cut(call, " ")
		res := w.expect(method, "/sandboxes/"+id+rest, "{}", 501)
		if res.field("code") != 501.0 || !strings.Contains(res.text("message"), "is not simulated") {
			t.Errorf("%s answered %s", call, res.raw)
		}
	}
	w.expect("GET", "/snapshots", "", 501)
}

func TestCreateChecksItsBody(t *testing.T) {
	w := newWorld(t, func(c *e2bsim.Config) { c.Plan.MaxTimeout = time.Hour })
	for body, want := range map[string]int{
		``: 400, `{`: 400, `{}`: 400, `{"templateID":"base","timeout":0}`: 400, `{"templateID":"base","timeout":-5}`: 400,
		`{"templateID":"base","timeout":3601}`: 400, `{"templateID":"base","metadata":{"a":1}}`: 400,
		`{"templateID":"base","autoPauseMemory":false}`: 400, `{"templateID":"nothing"}`: 404,
		`{"templateID":"base"}`: 201, `{"templateID":"team/base:v2"}`: 201, `{"templateID":"base","timeout":3600}`: 201,
	} {
		if res := w.call("POST", "/v2/sandboxes", body); res.status != want {
			t.Errorf("create %s answered %d %s, want %d", body, res.status, res.raw, want)
		}
	}
}

func TestCreateAnswersWhatAClientNeeds(t *testing.T) {
	w := newWorld(t, func(c *e2bsim.Config) { c.BaseEnv = map[string]string{"BASE": "1", "FOO": "base"} })
	v1 := w.expect("POST", "/sandboxes", `{"templateID":"base"}`, 201)
	v2 := w.expect("POST", "/v2/sandboxes", `{"templateID":"base","envVars":{"FOO":"bar"},"metadata":{"k":"v"}}`, 201)
	if v1.field("envdAccessToken") != nil || len(v2.text("envdAccessToken")) < 32 {
		t.Errorf("v1 is open unless it says secure, v2 never: %s %s", v1.raw, v2.raw)
	}
	if v2.text("clientID") == "" || v2.text("envdVersion") == "" || v2.text("templateID") == "" || v2.text("alias") != "base" {
		t.Errorf("create answered %s", v2.raw)
	}
	if spec := w.backend.spec(1); spec.AccessToken != v2.text("envdAccessToken") || spec.Env["FOO"] != "bar" || spec.Env["BASE"] != "1" {
		t.Errorf("the machine was started with %v", spec)
	}
	for i, want := range []time.Duration{15 * time.Second, 300 * time.Second} {
		id := []result{v1, v2}[i].text("sandboxID")
		if got, _ := w.Sandbox(id); !got.EndAt.Equal(epoch.Add(want)) {
			t.Errorf("v%d lives until %v, want %v from its creation", i+1, got.EndAt, want)
		}
	}
	id := v2.text("sandboxID")
	w.pause(id)
	got := w.expect("GET", "/sandboxes/"+id, "", 200)
	if got.text("envdAccessToken") != v2.text("envdAccessToken") || got.field("metadata").(map[string]any)["k"] != "v" || got.text("state") != "paused" {
		t.Errorf("get answered %s", got.raw)
	}
	again := w.expect("POST", "/v2/sandboxes/"+id+"/connect", "", 201)
	if again.text("envdAccessToken") != v2.text("envdAccessToken") {
		t.Error("the access token changed with a resume")
	}
}

func TestFailedStartIsA500AndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.backend.onStart(func() error { return http.ErrServerClosed })
	res := w.expect("POST", "/v2/sandboxes", durable, 500)
	if res.text("error_code") != "sandbox_create_failed" {
		t.Errorf("answered %s", res.raw)
	}
	if got := w.expect("GET", "/v2/sandboxes", "", 200); got.raw != "[]" {
		t.Errorf("list answered %s", got.raw)
	}
}

func TestPlan(t *testing.T) {
	w := newWorld(t, func(c *e2bsim.Config) { c.Plan.MaxConcurrent = 1 })
	id := w.create(durable)
	if res := w.expect("POST", "/v2/sandboxes", durable, 429); res.header.Get("Retry-After") != "" {
		t.Error("the concurrency limit's 429 carries Retry-After")
	}
	w.pause(id)
	other := w.create(durable)
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":60}`, 429)
	w.SetPlan(e2bsim.Plan{RefusePause: true, MaxTimeout: time.Minute})
	w.expect("POST", "/sandboxes/"+other+"/pause", "", 403)
	w.expect("POST", "/sandboxes/"+id+"/connect", `{"timeout":61}`, 400)
	if got := w.state(other); got != "running" {
		t.Errorf("after a refused pause it is %s", got)
	}
}

func TestFilesystemOnlyPauseBootsAnew(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":600,"autoPause":true,"envVars":{"FOO":"bar"}}`)
	w.write(id, "kept", "yes")
	w.expect("POST", "/sandboxes/"+id+"/pause", `{"memory":false}`, 204)
	if got := w.expect("GET", "/sandboxes/"+id, "", 200); got.text("pauseMode") != "filesystem" {
		t.Errorf("get answered %s", got.raw)
	}
	select {
	case <-w.backend.machine(id).Done():
	default:
		t.Error("the machine is still there")
	}
	w.connect(id)
	if got := w.read(id, "kept"); got != "yes" {
		t.Errorf("the file is %s", got)
	}
	if env := w.backend.spec(1).Env; env["FOO"] != "" {
		t.Errorf("the create call's environment survived: %v", env)
	}
}

func TestConnectWithoutMemoryBootsAnew(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":600,"autoPause":true,"envVars":{"FOO":"bar"}}`)
	w.write(id, "kept", "yes")
	w.pause(id)
	w.expect("POST", "/v2/sandboxes/"+id+"/connect", `{"memory":false}`, 201)
	if env := w.backend.spec(1).Env; env["FOO"] != "" || w.read(id, "kept") != "yes" {
		t.Errorf("environment %v, file %s", env, w.read(id, "kept"))
	}
}

// TestHungGuest: a pause that finds the daemon hung marks its snapshot, which
// from then on comes up from its files alone.
func TestHungGuest(t *testing.T) {
	w := newWorld(t)
	id := w.create(`{"templateID":"base","timeout":600,"autoPause":true,"autoResume":{"enabled":true}}`)
	w.write(id, "kept", "yes")
	hang := func() { w.fault(e2bsim.Fault{Call: e2bsim.Pause, Action: e2bsim.HungGuest}) }
	for _, body := range []string{`{"requireHealthyGuest":true}`, `{"memory":false}`} {
		hang()
		if res := w.expect("POST", "/sandboxes/"+id+"/pause", body, 503); res.header.Get("Retry-After") == "" || w.state(id) != "running" {
			t.Errorf("%s answered %v, and it is %s; want a later try of what still runs", body, res.header, w.state(id))
		}
	}
	hang()
	w.pause(id)
	if got := w.expect("GET", "/sandboxes/"+id, "", 200); got.field("envdUnresponsiveAtPause") != true || got.text("pauseMode") != "full" {
		t.Errorf("get answered %s", got.raw)
	}
	send(w.context(), "GET", w.edge, "", http.Header{"E2b-Sandbox-Id": {id}, "E2b-Sandbox-Port": {"3000"}})
	for _, call := range []string{"/v2/sandboxes/" + id + "/connect", "/v2/sandboxes/" + id + "/connect", "/sandboxes/" + id + "/resume"} {
		if got := w.expect("POST", call, "{}", 409); got.text("error_code") != "sandbox_snapshot_guest_agent_unresponsive" {
			t.Errorf("%s answered %s", call, got.raw)
		}
	}
	before := w.backend.machine(id)
	w.expect("POST", "/v2/sandboxes/"+id+"/connect", `{"memory":false}`, 201)
	if after := w.backend.machine(id); after == before || w.read(id, "kept") != "yes" {
		t.Errorf("a new machine: %v, file: %s", after != before, w.read(id, "kept"))
	}
	w.pause(id)
	if got := w.expect("GET", "/sandboxes/"+id, "", 200); got.field("envdUnresponsiveAtPause") != nil {
		t.Errorf("a later, good pause left its mark: %s", got.raw)
	}
	w.connect(id)
}

func TestMachineThatDiesVanishes(t *testing.T) {
	w := newWorld(t)
	id := w.create(durable)
	_ = w.backend.machine(id).Kill()
	w.waitFor(id, e2bsim.StateGone)
	if got := w.state(id); got != "404" {
		t.Errorf("get says %s", got)
	}
}

package openapi_test

import (
	"net/http"
	"strings"
	"testing"

	"siesta/local/client"
	"siesta/proof/openapi"
)

const id = "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69"

// call is a call about a job that was answered with a code and a body.
func call(verb string, code int, body string) client.Answer {
	return client.Answer{
		Method: http.MethodPost, Path: "/api/generation/" + id + "/" + verb,
		Code: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body),
	}
}

// accepted is a job that was asked for with a body.
func accepted(sent string) client.Answer {
	return client.Answer{
		Method: http.MethodPost, Path: "/api/generation/start", Sent: []byte(sent),
		Code: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
		Body: []byte(`{"job_id":"` + id + `","status":"queued","build_version":"build_v0_1"}`),
	}
}

const (
	woken = `{"job_id":"` + id + `","status":"ready","preview_url":"https://3000-x.e2b.app","sandbox_id":"i1","sandbox_expires_at":"2026-01-02T03:04:05Z","awake_until":"2026-01-02T03:04:05Z","sandbox_paused":false}`
	gone  = `{"detail":{"message":"gone","error_type":"sandbox_expired"},"debug_id":"` + id + `"}`
	down  = `{"detail":"later","debug_id":"` + id + `"}`
)

func TestWhatIsDescribedIsRight(t *testing.T) {
	for name, a := range map[string]client.Answer{
		"start":             accepted(`{"project_id":"` + id + `","goal":"a page","source":{"files":{"old":null}}}`),
		"resume":            call("resume", 200, woken),
		"sandbox error":     call("resume", 503, gone),
		"error":             call("resume", 503, down),
		"the gateway's own": call("resume", 503, `{"message":"Service Unavailable"}`),
	} {
		if err := openapi.Check(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotDescribedIsAnError(t *testing.T) {
	with := func(body, old, new string) string {
		changed := strings.Replace(body, old, new, 1)
		if changed == body {
			t.Fatalf("no %s in %s", old, body)
		}
		return changed
	}
	html := call("resume", 200, woken)
	html.Header = http.Header{"Content-Type": {"text/html"}}
	unsaid := call("resume", 409, down)
	unsaid.Header.Set("Retry-After", "soon")
	elsewhere := call("resume", 200, woken)
	elsewhere.Path += "/now"
	for name, a := range map[string]client.Answer{
		"a key less":                call("resume", 200, with(woken, `,"sandbox_paused":false`, "")),
		"a key more":                call("resume", 200, with(woken, "{", `{"epoch":1,`)),
		"an error's key less":       call("cancel", 409, `{"detail":"over"}`),
		"an error's key more":       call("cancel", 409, with(down, "{", `{"code":1,`)),
		"either error's key less":   call("resume", 503, `{"detail":"later"}`),
		"either error's key more":   call("resume", 503, with(down, "{", `{"code":1,`)),
		"a detail's key less":       call("resume", 503, with(gone, `"message":"gone",`, "")),
		"a detail's key more":       call("resume", 503, with(gone, `"message"`, `"code":1,"message"`)),
		"a sandbox error elsewhere": call("cancel", 503, gone),
		"a value of another type":   call("resume", 200, with(woken, "false", `"no"`)),
		"a value not enumerated":    call("resume", 202, `{"job_id":"`+id+`","status":"resuming","sandbox_state":"asleep"}`),
		"null":                      call("resume", 200, with(woken, `"i1"`, "null")),
		"no UUID":                   call("resume", 200, with(woken, id, "42")),
		"no address":                call("resume", 200, with(woken, "https:", "")),
		"no time":                   call("resume", 200, with(woken, "03:04:05Z", "03:04")),
		"status":                    call("resume", 418, down),
		"content type":              html,
		"header":                    unsaid,
		"route":                     elsewhere,
		"an accepted request":       accepted(`{"goal":"a page"}`),
		"an accepted null":          accepted(`{"project_id":"` + id + `","goal":"a page","port":null}`),
	} {
		if openapi.Check(a) == nil {
			t.Errorf("%s: no error for %d %s", name, a.Code, a.Body)
		}
	}
}

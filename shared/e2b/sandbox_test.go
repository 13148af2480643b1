package e2b

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

const created = `{"sandboxID":"i1","templateID":"base","envdVersion":"0.6.4","envdAccessToken":"tok-secret","clientID":"6532622b","domain":null}`

// TestWire is what E2B gets to see, in both generations of its routes.
func TestWire(t *testing.T) {
	const createBody = `{"templateID":"base","timeout":91,"metadata":{"siesta_job":"j"},"autoPause":true,"autoResume":{"enabled":false}`
	for _, row := range []struct {
		version         Version
		create, connect seen
	}{
		{V1, seen{"POST", "/sandboxes", testKey, createBody + `,"secure":true}`, "key1"}, seen{"POST", "/sandboxes/i1/connect", testKey, `{"timeout":61}`, ""}},
		{V2, seen{"POST", "/v2/sandboxes", testKey, createBody + `}`, "key1"}, seen{"POST", "/v2/sandboxes/i1/connect", testKey, `{"timeout":61}`, ""}},
	} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet:
				respond(200, created)(w, r)
			case strings.HasSuffix(r.URL.Path, "sandboxes") || strings.HasSuffix(r.URL.Path, "connect"):
				respond(201, created)(w, r)
			default:
				w.WriteHeader(http.StatusNoContent)
			}
		})
		c, ctx := newClient(t, Config{APIURL: s.URL + "/", Version: row.version}), t.Context()
		sandbox, err := c.Create(ctx, Create{Template: "base", Timeout: 90*time.Second + 1, Metadata: map[string]string{"siesta_job": "j"}, Key: "key1"})
		if err != nil || sandbox.ID != "i1" || sandbox.EnvdVersion != "0.6.4" || sandbox.AccessToken.Reveal() != "tok-secret" {
			t.Errorf("create: %+v, %v", sandbox, err)
		}
		_, resumed, err := c.Connect(ctx, "i1", 61*time.Second)
		if err != nil || !resumed {
			t.Errorf("connect: resumed %v, %v", resumed, err)
		}
		_, resumed, err = c.Reboot(ctx, "i1", 61*time.Second)
		if err != nil || !resumed {
			t.Errorf("reboot: resumed %v, %v", resumed, err)
		}
		_, err = c.Get(ctx, "i1")
		if err := errors.Join(err, c.Pause(ctx, "i1"), c.Kill(ctx, "i1")); err != nil {
			t.Error(err)
		}
		want := []seen{
			row.create, row.connect,
			{"POST", row.connect.URI, testKey, `{"timeout":61,"memory":false}`, ""},
			{"GET", "/sandboxes/i1", testKey, "", ""},
			{"POST", "/sandboxes/i1/pause", testKey, `{}`, ""},
			{"DELETE", "/sandboxes/i1", testKey, "", ""},
		}
		if got := s.seen(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", row.version, got, want)
		}
	}
}

func TestConnectTellsWhetherItResumed(t *testing.T) {
	for status, want := range map[int]bool{200: false, 201: true} {
		s := newServer(t, respond(status, created))
		_, resumed, err := newClient(t, Config{APIURL: s.URL}).Connect(t.Context(), "i1", time.Minute)
		if err != nil || resumed != want {
			t.Errorf("status %d: resumed %v, %v", status, resumed, err)
		}
	}
}

// TestBadArgumentsStayHere: a bad id would change the path, and a missing
// timeout is five minutes or none to E2B.
func TestBadArgumentsStayHere(t *testing.T) {
	s := newServer(t, respond(204, ""))
	c, ctx := newClient(t, Config{APIURL: s.URL}), t.Context()
	for _, id := range []string{"", "../v2/sandboxes", "i1/pause", "I1", "i1?x", strings.Repeat("a", 65)} {
		_, err := c.Get(ctx, id)
		_, _, err2 := c.Connect(ctx, id, time.Minute)
		for _, err := range []error{err, err2, c.Pause(ctx, id), c.Kill(ctx, id)} {
			checkKind(t, OpGet, err, ErrRefused)
		}
	}
	_, _, err := c.Connect(ctx, "i1", 0)
	checkKind(t, OpConnect, err, ErrRefused)
	_, _, err = c.Reboot(ctx, "i1", 0)
	checkKind(t, OpConnect, err, ErrRefused)
	for _, in := range []Create{{Template: "base"}, {Template: "base", Timeout: time.Minute, Key: "Key-1"}} {
		_, err = c.Create(ctx, in)
		checkKind(t, OpCreate, err, ErrRefused)
	}
	if got := s.seen(); len(got) != 0 {
		t.Errorf("sent: %v", got)
	}
}

func TestListGoesThroughAllPages(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "t=1+/", "t=1+/": "t2"}[r.URL.Query().Get("nextToken")]
		id := map[string]string{"": "i1", "t=1+/": "i2", "t2": "i3"}[r.URL.Query().Get("nextToken")]
		if next != "" {
			w.Header().Set("X-Next-Token", next)
		}
		_, _ = fmt.Fprintf(w, `[{"sandboxID":%q,"state":"paused","metadata":{"k":"v"},"endAt":"2026-11-22T12:00:00Z"}]`, id)
	})
	got, err := newClient(t, Config{APIURL: s.URL}).List(t.Context(), Filter{Metadata: map[string]string{"user": "a b&c"}, States: []State{Running, Paused}})
	if all := got.Sandboxes; err != nil || len(all) != 3 || all[0].ID != "i1" || all[2].ID != "i3" || all[2].State != Paused || all[2].Metadata["k"] != "v" || all[2].EndAt.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	// The form in which E2B's own SDK sends the same filter.
	const want = "/v2/sandboxes?limit=100&metadata=user%3Da%252520b%252526c&state=running%2Cpaused"
	if uri := s.seen()[0].URI; uri != want {
		t.Errorf("got %s, want %s", uri, want)
	}
}

// An entry that cannot be reached hides none of the others, and is not hidden: a
// builder that overlooks its sandbox creates another.
func TestAnOddEntryIsNotOverlooked(t *testing.T) {
	s := newServer(t, respond(200, `[{"sandboxID":"isb_x","metadata":{"k":"v"}},{"sandboxID":"i1"},{"sandboxID":"i2","startedAt":"yesterday"}]`))
	c := newClient(t, Config{APIURL: s.URL})
	page, err := c.ListPage(t.Context(), Filter{}, "")
	all, err2 := c.List(t.Context(), Filter{})
	for _, p := range []Page{page, all} {
		if err != nil || err2 != nil || len(p.Sandboxes) != 1 || p.Sandboxes[0].ID != "i1" || len(p.Odd) != 2 || p.Odd[0].ID != "" || p.Odd[0].Metadata["k"] != "v" {
			t.Errorf("got %+v, %v, %v", p, err, err2)
		}
	}
}

func TestListInACircleEnds(t *testing.T) {
	s := newServer(t, respond(200, `[]`, "X-Next-Token", "same"))
	_, err := newClient(t, Config{APIURL: s.URL}).List(t.Context(), Filter{})
	checkKind(t, OpList, err, ErrRefused)
	if got := len(s.seen()); got != 2 {
		t.Errorf("%d pages were asked for, want 2", got)
	}
}

// TestMetadataFilterIsDecodedThreeTimes undoes what the server undoes.
func TestMetadataFilterIsDecodedThreeTimes(t *testing.T) {
	metadata := map[string]string{"siesta_stack": "x-1.y", "a=b": "c&d+e %41", "": "ü"}
	query, err := url.ParseQuery(Filter{Metadata: metadata}.query(""))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := url.QueryUnescape(query.Get("metadata"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, pair := range strings.Split(whole, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(key)
		value, err2 := url.QueryUnescape(value)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		got[key] = value
	}
	if !reflect.DeepEqual(got, metadata) {
		t.Errorf("got %v, want %v", got, metadata)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s := newServer(t, respond(201, created))
	c := newClient(t, Config{APIURL: s.URL})
	sandbox, err := c.Create(t.Context(), Create{Template: "base", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "sandbox", sandbox, "client", fmt.Sprintf("%+v %#v", c, c))
	encoded, err := json.Marshal(sandbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", sandbox, sandbox, sandbox), log.String(), string(encoded)} {
		if strings.Contains(text, "tok-secret") || strings.Contains(text, testKey) {
			t.Errorf("a secret shows in %s", text)
		}
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	good := Config{APIURL: "https://api.e2b.app", Domain: "e2b.app", Key: fixedKey}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"no address":       func(c *Config) { c.APIURL = "" },
		"no http":          func(c *Config) { c.APIURL = "ftp://x" },
		"key in address":   func(c *Config) { c.APIURL = "https://hunter2@api.e2b.app" },
		"password":         func(c *Config) { c.APIURL = "https://u:hunter2@api.e2b.app" },
		"query":            func(c *Config) { c.APIURL = "https://api.e2b.app?token=hunter2" },
		"empty query":      func(c *Config) { c.APIURL = "https://api.e2b.app?" },
		"fragment":         func(c *Config) { c.SandboxURL = "https://api.e2b.app#hunter2" },
		"no address there": func(c *Config) { c.APIURL = "https://u:hunter2@api.e2b.app:bad" },
		"no host":          func(c *Config) { c.SandboxURL = "http://" },
		"domain is a path": func(c *Config) { c.Domain = "e2b.app/hunter2" },
		"version":          func(c *Config) { c.Version = "hunter2" },
		"no key":           func(c *Config) { c.Key = nil },
	} {
		bad := good
		change(&bad)
		if _, err := New(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the value", name, err)
		}
	}
}

func TestPreviewURL(t *testing.T) {
	for _, row := range []struct{ domain, sandboxURL, want string }{
		{"e2b.app", "", "https://5173-i1.e2b.app"},
		{"localhost:3002", "http://127.0.0.1:3002", "http://5173-i1.localhost:3002"},
		{"e2b.example", "https://edge.e2b.example", "https://5173-i1.e2b.example"},
	} {
		c := newClient(t, Config{APIURL: "http://api", Domain: row.domain, SandboxURL: row.sandboxURL})
		if got := c.PreviewURL("i1", 5173); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}

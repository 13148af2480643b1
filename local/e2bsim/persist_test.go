package e2bsim_test

import (
	"testing"

	"siesta/local/e2bsim"
)

func TestSandboxesOutliveTheSimulator(t *testing.T) {
	dir := t.TempDir()
	in := func(c *e2bsim.Config) { c.DataDir = dir }
	w := newWorld(t, in)
	paused, running := w.create(`{"templateID":"base","autoPause":true,"metadata":{"k":"v"}}`), w.create(durable)
	plain := w.create(`{"templateID":"base"}`)
	token := w.call("GET", "/sandboxes/"+paused, "").text("envdAccessToken")
	w.write(paused, "file", "kept")
	w.pause(paused)
	killed := w.create(durable)
	w.expect("DELETE", "/sandboxes/"+killed, "", 204)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = newWorld(t, in)
	for id, want := range map[string]string{paused: "paused", running: "paused", plain: "404", killed: "404"} {
		if got := w.state(id); got != want {
			t.Errorf("after a restart %s, want %s", got, want)
		}
	}
	w.connect(paused)
	if got := w.read(paused, "file"); got != "kept" {
		t.Errorf("the file is %s", got)
	}
	again := w.call("GET", "/sandboxes/"+paused, "")
	if again.text("envdAccessToken") != token || again.field("metadata").(map[string]any)["k"] != "v" {
		t.Errorf("get answered %s", again.raw)
	}
	if len(w.list("?metadata=k%3Dv")) != 1 {
		t.Error("it is not found by its metadata")
	}
}

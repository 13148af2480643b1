package job

import "testing"

// TestAnAppsEnvironment: the request's env comes before what its kind needs, and
// what tells the port before both.
func TestAnAppsEnvironment(t *testing.T) {
	t.Parallel()
	p := Plan{Port: 5173, Env: map[string]string{"KIND": "kind", "BOTH": "kind", "PORT": "1"}}
	got := p.Environment(map[string]string{"BOTH": "own", "OWN": "own"}, "e2b.app:443")
	for name, want := range map[string]string{"KIND": "kind", "BOTH": "own", "OWN": "own", "PORT": "5173", "HOST": "0.0.0.0", "__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS": ".e2b.app"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if p.Env["BOTH"] != "kind" {
		t.Error("the plan itself was changed")
	}
}

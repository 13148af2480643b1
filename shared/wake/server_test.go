package wake

import "testing"

func TestStepNames(t *testing.T) {
	for _, s := range []step{{}, {2, start}, {2, install}, {2, again}, {10, start}} {
		if got, ok := parseStep(s.String()); !ok || got != s {
			t.Errorf("%v reads as %v, %v", s, got, ok)
		}
	}
	for _, name := range []string{"install", "check", "generate", "start-", "start-0", "start-2c", "install-2b", "start-99999999999"} {
		if s, ok := parseStep(name); ok {
			t.Errorf("%q reads as %v", name, s)
		}
	}
}

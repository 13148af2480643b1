package e2b

import (
	"strings"
	"testing"
)

func TestWhatIsAName(t *testing.T) {
	for name, want := range map[string]bool{
		"i1": true, "0az9": true, strings.Repeat("a", 8): true,
		"": false, strings.Repeat("a", 9): false, "A": false, "a-b": false, "../x": false, "a\n": false, "\na": false, "ä": false, "a b": false, "a\x00b": false,
	} {
		if isName(name, 8) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

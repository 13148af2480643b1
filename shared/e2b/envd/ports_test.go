package envd

import (
	"slices"
	"testing"
)

const listeners = `1000
   0: 0100007F:1435 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 00000000:C33F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:0FA0 0100007F:0A0A 01 00000000:00000000 00:00000000 00000000  1000        0 4 1 0 100 0 0 10 0
   0: 00000000000000000000000001000000:1435 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5 1
   1: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 6 1
`

// Loopback counts, envd and other users' servers don't.
func TestWhatListensIsToldOnce(t *testing.T) {
	ports, err := parseListening(listeners)
	if err != nil || !slices.Equal(ports, []int{3000, 5173}) {
		t.Errorf("got %v, %v", ports, err)
	}
	for _, odd := range []string{"", "words\n", "<html>"} {
		if ports, err := parseListening(odd); err == nil {
			t.Errorf("%q: got %v", odd, ports)
		}
	}
}

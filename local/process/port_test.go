package process

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

// A port that the kernel gives to whoever asks for any may be somebody else's by
// the time that a server listens there.
func TestTheKernelGivesNoFreePortToOthers(t *testing.T) {
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if lowest := 32768; port >= lowest {
		t.Errorf("port %d is one that the kernel gives out, from %d on", port, lowest)
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestAServerThatFindsItsPortTakenIsStartedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fails, want int
		err         error
	}{
		"its port was taken once": {1, 2, ErrEnded},
		"it cannot run":           {9, 3, ErrEnded},
		"it is not installed":     {9, 1, errors.New("no such program")},
	} {
		starts := 0
		_, err := Again(func() (int, error) {
			if starts++; starts > c.fails {
				return 0, nil
			}
			return 0, fmt.Errorf("start: %w", c.err)
		})
		if starts != c.want || (err == nil) != (c.fails < c.want) {
			t.Errorf("%s: %d starts, %v", name, starts, err)
		}
	}
}

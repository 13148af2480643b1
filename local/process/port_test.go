package process

import (
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

package process

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports that Listen takes. They are below those that the kernel gives out by
// itself, to connections and to listeners on port 0: from 32768 on with Linux,
// from 49152 with macOS.
const firstPort, afterPort = 20000, 32768

// Listen listens on a TCP port of 127.0.0.1 that stays free when it closes,
// until somebody listens there again.
func Listen() (net.Listener, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(afterPort-firstPort))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find free port: %w", err)
}

// ErrEnded: a server ended before it answered.
var ErrEnded = errors.New("the server ended at once")

// Again starts a server that listens on a port of FreePort. One that ends at once may have
// found it taken meanwhile: it is started twice more, with another.
func Again[T any](start func() (T, error)) (server T, err error) {
	for range 3 {
		if server, err = start(); !errors.Is(err, ErrEnded) {
			break
		}
	}
	return server, err
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on.
func FreePort() (int, error) {
	l, err := Listen()
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

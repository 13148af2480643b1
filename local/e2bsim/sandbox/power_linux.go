package sandbox

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// power is a thread of pid 1 that keeps root's power over files when all others
// give up being root. Capabilities are a thread's own, and Go starts no thread
// from one that is locked, so no other has them, and no command inherits them.
type power struct {
	work    chan func()
	dropped chan struct{}
	kept    chan error
}

// keepPower begins it, before pid 1 becomes the sandbox's user.
func keepPower() (*power, error) {
	p := &power{work: make(chan func()), dropped: make(chan struct{}), kept: make(chan error)}
	go p.run()
	return p, <-p.kept
}

// afterDrop is called once pid 1 has become the sandbox's user.
func (p *power) afterDrop() error {
	close(p.dropped)
	return <-p.kept
}

// do runs f with root's power over files.
func (p *power) do(f func()) {
	done := make(chan struct{})
	p.work <- func() { defer close(done); f() }
	<-done
}

func (p *power) run() {
	runtime.LockOSThread() // and never unlocked
	p.kept <- unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	<-p.dropped
	const files = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE
	data := [2]unix.CapUserData{{Effective: files, Permitted: files}}
	err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
	if err != nil {
		err = fmt.Errorf("keep power over files: %w", err)
	}
	p.kept <- errors.Join(err, unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0))
	for f := range p.work {
		f()
	}
}

// Package checkout is the folder that a local system belongs to, as that system
// sees it: what lies in .local, who may run there, and which settings the
// caller's environment gives. It starts nothing.
package checkout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Checkout is a checkout of the repository.
type Checkout struct {
	Root   string
	Getenv func(string) string // the caller's environment
}

// Path is a path below .local, which git does not know.
func (c Checkout) Path(name ...string) string {
	return filepath.Join(append([]string{c.Root, ".local"}, name...)...)
}

// ErrRunning: this checkout's system is up already.
var ErrRunning = errors.New("this checkout's system is running already: stop it first, or use make demo, which uses it")

// Lock makes this process the only one that runs the checkout's system.
func (c Checkout) Lock() (release func(), err error) {
	if err := os.MkdirAll(c.Path(), 0o755); err != nil {
		return nil, fmt.Errorf("make .local: %w", err)
	}
	file, err := os.OpenFile(c.Path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the checkout: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("lock the checkout: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

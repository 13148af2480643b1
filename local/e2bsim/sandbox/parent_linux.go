package sandbox

import (
	"runtime"
	"sync"
)

// parent is the one thread that starts sandboxes. The kernel takes the end of
// the thread that forked for the death of the parent, so it must be a thread
// that lives as long as this process.
var parent = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func onParentThread(f func() error) error {
	done := make(chan error, 1)
	parent() <- func() { done <- f() }
	return <-done
}

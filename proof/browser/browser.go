// Package browser opens pages in a headless Chromium, as a visitor does who was
// told where a domain's previews are. It owns the process and the protocol by
// which it is driven, over a pair of pipes; it knows no job and no sandbox.
package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// programs are the names of a Chromium, Debian's first.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"}

// Browser is a running Chromium. Its methods may be called at the same time.
type Browser struct {
	cmd     *exec.Cmd
	profile string
	in      *os.File
	errors  tail

	writing sync.Mutex // one message at a time
	mu      sync.Mutex
	last    int64
	waiting map[int64]chan<- message // by id
	pages   map[string]*Page         // by session
	ended   chan struct{}            // closed when nothing more comes
}

// Start starts a browser that finds all names below domain at address, host:port;
// both may have a port. It ends with Close.
func Start(ctx context.Context, domain, address string) (*Browser, error) {
	program := ""
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		return nil, errors.New("start browser: no Chromium is here: local/deps.sh chromium installs one")
	}
	profile, err := os.MkdirTemp("", "siesta-browser-")
	if err != nil {
		return nil, fmt.Errorf("start browser: %w", err)
	}
	name, _, _ := strings.Cut(domain, ":")
	b := &Browser{profile: profile, waiting: map[int64]chan<- message{}, pages: map[string]*Page{}, ended: make(chan struct{})}
	b.cmd = exec.Command(program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
		"--user-data-dir="+profile, fmt.Sprintf("--host-resolver-rules=MAP *.%s %s", name, address))
	b.cmd.Stderr = &b.errors
	b.cmd.Env = append(os.Environ(), "HOME="+profile)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ended with all its processes
	out, err := b.start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start browser: %w", err), os.RemoveAll(profile))
	}
	go b.read(out)
	if err := b.call(ctx, "", "Browser.getVersion", nil, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("start browser: %w", err), b.Close())
	}
	return b, nil
}

// start starts the process, which reads its descriptor 3 and writes its 4.
func (b *Browser) start() (out *os.File, err error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer theirOut.Close()
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := b.cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	b.in = in
	return out, nil
}

// Close ends the browser and forgets what it kept.
func (b *Browser) Close() error {
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	_ = b.cmd.Wait() // it was killed
	<-b.ended
	return errors.Join(b.in.Close(), os.RemoveAll(filepath.Clean(b.profile)))
}

// tail keeps the end of what is written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*tail)(nil)

// Write is io.Writer's.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-4096):]
	return len(p), nil
}

// String is what it keeps.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

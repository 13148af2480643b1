package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"siesta/local/e2bsim/envd"
)

const (
	// initName is the argv[0] under which a program becomes a sandbox's pid 1.
	initName = "sandbox-init"
	// path is the PATH of every command.
	path = "/usr/local/bin:/usr/bin:/bin"
	// home is where Config.Dir is seen inside, and userName whose it is.
	home     = "/home/user"
	userName = "user"
)

// settings is what pid 1 is told through its standard input, so that no secret
// shows in its environment or arguments.
type settings struct {
	Config
	Isolated bool
	UID      int    // run under this user id; 0 keeps the present one
	Signals  bool   // there is no freezer: stop the commands one by one
	Memory   bool   // there is no memory group: limit each process
	Kills    string // the memory group's file that counts kills for lack of it
	Resolver string
}

// send writes the settings and closes w. pid 1 reads them before all else.
func (s settings) send(w *os.File) error {
	defer w.Close()
	w.SetWriteDeadline(time.Now().Add(answerTimeout))
	if err := json.NewEncoder(w).Encode(s); err != nil {
		return fmt.Errorf("send settings: %w", err)
	}
	return nil
}

// Init turns this process into a sandbox's pid 1 if that is what it was started
// as, and then does not return. The first call in main and in every TestMain
// whose program starts sandboxes.
func Init() {
	if len(os.Args) == 0 || os.Args[0] != initName {
		return
	}
	// What the kernel ties to a thread (the death signal) must stay with one
	// that never ends.
	runtime.LockOSThread()
	control, err := net.FileConn(os.NewFile(3, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox: no control socket:", err)
		os.Exit(1)
	}
	runner := control.(*net.UnixConn)
	in, err := newInside()
	if err != nil {
		runner.Write(append([]byte{answerFail}, err.Error()...))
		os.Exit(1)
	}
	in.serve(runner)
	in.reaper.signalAll(syscall.SIGKILL)
	os.Exit(0)
}

// inside is what runs as a sandbox's pid 1.
type inside struct {
	settings
	envd   *envd.Server
	reaper *reaper
	conns  chan net.Conn
}

func newInside() (*inside, error) {
	in := &inside{conns: make(chan net.Conn)}
	if err := json.NewDecoder(os.Stdin).Decode(&in.settings); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	// Commands of the sandbox may signal pid 1; only its runner ends it.
	// Caught, not ignored: what is ignored stays ignored in every command.
	signal.Notify(make(chan os.Signal, 1))
	syscall.Umask(0o022)
	in.reaper = newReaper(in.settings)
	config := envd.Config{
		Home: home, User: userName, Path: path,
		Env: in.Env, AccessToken: in.AccessToken, Memory: in.Limits.Memory,
		Spawn: in.reaper.spawn,
	}
	if in.Isolated {
		var err error
		if config.AsRoot, err = isolate(in.settings); err != nil {
			return nil, err
		}
	} else {
		if err := os.Chdir(in.Dir); err != nil {
			return nil, fmt.Errorf("enter sandbox folder as its user: %w", err)
		}
		config.Home, config.Alias, config.Path = in.Dir, home, os.Getenv("PATH")
	}
	in.envd = envd.New(config)
	server := &http.Server{Handler: in.envd, ReadHeaderTimeout: time.Minute}
	go server.Serve(in)
	return in, nil
}

// serve answers the runner until it hangs up.
func (in *inside) serve(runner *net.UnixConn) {
	answer := func(file *os.File) error { return send(runner, answerOK, file) }
	for err := answer(nil); err == nil; {
		var o byte
		var file *os.File
		if o, file, err = receive(runner); err != nil {
			return
		}
		switch op(o) {
		case opEnvd:
			c, _ := net.FileConn(file)
			file.Close()
			if c != nil {
				in.conns <- c
			}
			err = answer(nil)
		case opSocket4, opSocket6:
			socket, _ := hostSocket(op(o))
			err = answer(socket)
			socket.Close()
		case opPause:
			in.envd.Pause()
			if in.Signals {
				in.reaper.stop()
			}
			// A sleeping sandbox keeps no memory that its Go runtime only has in reserve.
			debug.FreeOSMemory()
			err = answer(nil)
		case opResume:
			if in.Signals {
				in.reaper.signalAll(syscall.SIGCONT)
			}
			in.envd.Resume()
			err = answer(nil)
		}
	}
}

// Accept, Close and Addr make the connections that the runner hands over a
// listener for the HTTP server.
func (in *inside) Accept() (net.Conn, error) {
	c, ok := <-in.conns
	if !ok {
		return nil, io.EOF
	}
	return c, nil
}

// Close does nothing: the server ends with the process.
func (in *inside) Close() error { return nil }

// Addr is nominal.
func (in *inside) Addr() net.Addr { return &net.TCPAddr{Port: EnvdPort} }

package runtimeapi

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type state int

const (
	starting  state = iota // until its first poll
	idle                   // polling
	busy                   // has an invocation
	finishing              // has answered; will poll or exit
	over
)

const kill = syscall.SIGKILL

// process is one running binary. Its pool's lock guards it, but for run's own
// part.
type process struct {
	pool       *pool
	number     int
	state      state
	spawned    time.Time
	init       time.Duration
	initBilled bool
	cmd        *exec.Cmd     // nil until started
	killed     bool          // asked to die, perhaps before it started
	overran    time.Duration // the limit that it was killed for
	wantsTerm  bool          // registered an extension
	failure    []byte        // what it reported before it died
	running    *invocation
	inbox      chan *invocation
	gone       chan struct{} // closed when it is
}

// run starts the process, waits for its end and settles it.
func (q *process) run() {
	f, s := q.pool.function, q.pool.server
	cmd := exec.Command(f.Path)
	cmd.Dir = filepath.Dir(f.Path)
	cmd.Env = q.environment()
	output := &lineWriter{emit: func(text string) { s.log(Line{f.Name, q.number, text}) }}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second // a descendant may hold the pipe
	cmd.SysProcAttr = attributes()

	started := make(chan error)
	s.spawn <- func() {
		q.pool.mu.Lock()
		q.spawned = time.Now()
		q.pool.mu.Unlock()
		started <- cmd.Start()
	}
	if err := <-started; err != nil {
		q.pool.mu.Lock()
		q.failure = failure("Runtime.InvalidEntrypoint", "Error: "+err.Error())
		q.pool.mu.Unlock()
		q.pool.ended(q, "")
		return
	}
	q.pool.mu.Lock()
	q.cmd = cmd
	if q.killed {
		q.signal(kill)
	}
	q.pool.mu.Unlock()

	limit := time.AfterFunc(s.options.InitTimeout, q.expireInit)
	err := cmd.Wait()
	limit.Stop()
	q.signalGroup(kill) // what it started goes with it
	output.flush()
	reason := "Runtime exited without providing a reason"
	if err != nil {
		reason = "Runtime exited with error: " + cmd.ProcessState.String()
	}
	q.pool.ended(q, reason)
}

// SecretKey is what every function signs its calls to AWS with.
const SecretKey = "local"

// environment is what Lambda sets, then the function's own, then the process's.
func (q *process) environment() []string {
	f, s := q.pool.function, q.pool.server
	all := map[string]string{
		"AWS_REGION": s.options.Region, "AWS_DEFAULT_REGION": s.options.Region,
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": SecretKey, "AWS_SESSION_TOKEN": "local",
		"AWS_LAMBDA_FUNCTION_NAME": f.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.Memory),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "process-" + strconv.Itoa(q.number),
		"_HANDLER":                        "bootstrap", "LAMBDA_TASK_ROOT": filepath.Dir(f.Path), "LAMBDA_RUNTIME_DIR": filepath.Dir(f.Path),
		"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC",
	}
	maps.Copy(all, f.Env)
	if f.ProcessEnv != nil {
		maps.Copy(all, f.ProcessEnv(q.number))
	}
	// The client puts "http://" before this and its own path behind it, so the
	// prefix tells one process from another.
	all["AWS_LAMBDA_RUNTIME_API"] = fmt.Sprintf("%s/%s/%d", s.address, f.Name, q.number)
	var env []string
	for name, value := range all {
		env = append(env, name+"="+value)
	}
	return env
}

// expire kills the process at its invocation's deadline.
func (q *process) expire(inv *invocation) {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	if q.running == inv {
		q.overran = q.pool.function.Timeout
		q.signal(kill)
	}
}

func (q *process) expireInit() {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	if q.state == starting {
		q.overran = q.pool.server.options.InitTimeout
		q.signal(kill)
	}
}

// signal reaches the whole process group, which gets no more work. Callers hold
// the pool's lock.
func (q *process) signal(what syscall.Signal) {
	if q.state == idle {
		q.state = finishing
		q.pool.idle = slices.DeleteFunc(q.pool.idle, func(other *process) bool { return other == q })
	}
	q.killed = q.killed || what == kill
	if q.cmd != nil && q.state != over {
		q.signalGroup(what)
	}
}

func (q *process) signalGroup(what syscall.Signal) {
	_ = syscall.Kill(-q.cmd.Process.Pid, what) // gone already is as good
}

// stop ends the process in Lambda's manner. Callers hold the pool's lock.
func (q *process) stop() {
	if !q.wantsTerm {
		q.signal(kill)
		return
	}
	q.signal(syscall.SIGTERM)
	go func() {
		select {
		case <-q.gone:
		case <-time.After(q.pool.server.options.TermTimeout):
			q.pool.mu.Lock()
			defer q.pool.mu.Unlock()
			q.signal(kill)
		}
	}()
}

// memory is the largest resident set that a process had so far, in bytes; 0
// where the system does not tell. (The usage told at its end would include the
// parent's, from before the exec.)
func memory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 10, 64)
	return kb << 10
}

// onOneThread runs each job on one thread that lives as long as the server: the
// kernel kills a child with Pdeathsig when the thread that started it ends.
func onOneThread(jobs <-chan func()) {
	runtime.LockOSThread()
	for job := range jobs {
		job()
	}
}

func (s *Server) log(l Line) {
	if s.options.Log == nil {
		return
	}
	s.logMutex.Lock()
	defer s.logMutex.Unlock()
	s.options.Log(l)
}

// lineWriter cuts output into lines; one over 256 KiB is cut, as CloudWatch does.
type lineWriter struct {
	rest []byte
	emit func(string)
}

const maxLine = 256 << 10

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < maxLine {
			return len(b), nil
		}
		if end < 0 || end > maxLine {
			end = maxLine
		}
		w.emit(string(w.rest[:end]))
		w.rest = bytes.TrimPrefix(w.rest[end:], []byte("\n"))
	}
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.emit(string(w.rest))
		w.rest = nil
	}
}

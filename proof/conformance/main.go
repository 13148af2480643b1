// Command conformance runs E2B's official SDKs, unmodified, against simulators
// that it starts: of JavaScript the newest that npm has, and 2.45.0; of Python the
// newest, both halves. Where E2B_API_URL and E2B_API_KEY are set, it runs them
// against the service that they name, and prints where that one differs. It owns
// the npm packages that it needs, in its own folder; node and npm must be
// installed, and the packages of python/requirements.txt for the Python that its
// argument names. It exits with 1 if a check failed.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
)

// suite is where the script and its packages are, from the module's root.
const suite = "proof/conformance"

// runs are the commands that run one SDK each: the packages are the names under
// which package.json has its versions.
func runs(python string) [][]string {
	return [][]string{
		{"node", "run.mjs", "e2b"}, {"node", "run.mjs", "e2b-245"},
		{python, "python/run.py", "sync"}, {python, "python/run.py", "async"},
	}
}

func main() {
	sandbox.Init()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if err := command(ctx, nil, "npm", "ci", "--no-audit", "--no-fund", "--silent").Run(); err != nil {
		return fmt.Errorf("install the SDK: %w", err)
	}
	if len(os.Args) != 2 {
		return errors.New("usage: conformance PYTHON")
	}
	python, err := filepath.Abs(os.Args[1])
	if err != nil {
		return fmt.Errorf("find Python: %w", err)
	}
	var failed []error
	for _, argv := range runs(python) {
		if err := check(ctx, argv); err != nil {
			failed = append(failed, fmt.Errorf("checks with %s: %w", strings.Join(argv[1:], " "), err))
		}
	}
	return errors.Join(failed...)
}

// check runs one SDK, on a simulator of its own unless the environment names a
// service.
func check(ctx context.Context, argv []string) error {
	if os.Getenv("E2B_API_URL") != "" && os.Getenv("E2B_API_KEY") != "" {
		return command(ctx, nil, argv[0], argv[1:]...).Run()
	}
	env, closeAll, err := simulator()
	if err != nil {
		return err
	}
	defer closeAll()
	return command(ctx, env, argv[0], argv[1:]...).Run()
}

func command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.FromSlash(suite), os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// simulator starts a simulated E2B and returns the environment that leads the
// SDK to it.
func simulator() (env []string, closeAll func(), err error) {
	dir, err := os.MkdirTemp("", "e2b-conformance-")
	if err != nil {
		return nil, nil, fmt.Errorf("create data folder: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the sandboxes' own users must get through
		return nil, nil, fmt.Errorf("open data folder: %w", err)
	}
	secret := make([]byte, 20)
	rand.Read(secret)
	key := "e2b_" + hex.EncodeToString(secret)
	sim, err := e2bsim.New(e2bsim.Config{DataDir: dir, Backend: e2bsim.Processes{}, APIKeys: []string{key}})
	if err != nil {
		return nil, nil, err
	}
	closeAll = func() {
		_ = sim.Close()
		_ = os.RemoveAll(dir)
	}
	env = []string{"E2B_API_KEY=" + key}
	for name, handler := range map[string]http.Handler{"E2B_API_URL": sim.APIHandler(), "E2B_SANDBOX_URL": sim.EdgeHandler(), "SIM_ADMIN_URL": sim.AdminHandler()} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("listen: %w", err)
		}
		go func() { _ = http.Serve(listener, handler) }()
		env = append(env, name+"=http://"+listener.Addr().String())
	}
	return env, closeAll, nil
}

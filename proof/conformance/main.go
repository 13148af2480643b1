// Command conformance runs E2B's official JavaScript SDK, the newest and
// 2.45.0, unmodified, against a simulator that it starts; or, where E2B_API_URL
// and E2B_API_KEY are set, against the service that they name, and prints where
// that one differs. It owns the npm packages that it needs, in its own folder;
// node and npm must be installed. It exits with 1 if a check failed.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
)

// suite is where the script and its packages are, from the module's root.
const suite = "proof/conformance"

// packages are the names under which package.json has the SDK's versions.
var packages = []string{"e2b", "e2b-245"}

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
	var failed error
	for _, name := range packages {
		if err := check(ctx, name); err != nil {
			failed = fmt.Errorf("checks with %s: %w", name, err)
		}
	}
	return failed
}

// check runs the script with one version of the SDK, on a simulator of its own
// unless the environment names a service.
func check(ctx context.Context, name string) error {
	if os.Getenv("E2B_API_URL") != "" && os.Getenv("E2B_API_KEY") != "" {
		return command(ctx, nil, "node", "run.mjs", name).Run()
	}
	env, closeAll, err := simulator()
	if err != nil {
		return err
	}
	defer closeAll()
	return command(ctx, env, "node", "run.mjs", name).Run()
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

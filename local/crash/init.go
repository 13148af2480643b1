package crash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"siesta/local/e2bsim/sandbox"
)

// appName is the argument by which this program becomes the app that jobs
// build; the port follows.
const appName = "siesta-app"

// Init makes this process what it was started as, if that is a sandbox or the
// app in one. The first call in main, and in the TestMain, of every program that
// starts a System.
func Init() {
	sandbox.Init()
	if len(os.Args) == 3 && os.Args[1] == appName {
		err := http.ListenAndServe("0.0.0.0:"+os.Args[2], http.NotFoundHandler())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Build builds a checkout's functions into dir, as a System wants them.
func Build(ctx context.Context, root, dir string) error {
	programs := filepath.Join(dir, "programs")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", programs+"/", "./functions/...")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build functions: %w: %s", err, out)
	}
	built, err := os.ReadDir(programs)
	if err != nil {
		return fmt.Errorf("build functions: %w", err)
	}
	for _, program := range built {
		folder := filepath.Join(dir, program.Name())
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("build functions: %w", err)
		}
		if err := os.Rename(filepath.Join(programs, program.Name()), filepath.Join(folder, "bootstrap")); err != nil {
			return fmt.Errorf("build functions: %w", err)
		}
	}
	return nil
}

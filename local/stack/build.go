package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds a checkout's functions into a folder for Config.BinDir, as the
// Makefile does.
func Build(ctx context.Context, root, dir string) error {
	programs := filepath.Join(dir, "programs")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", programs+"/", "./functions/...")
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

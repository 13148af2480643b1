package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"siesta/local/stack"
)

// Programs that floors are measured with, beside the functions.
const (
	smallest = "./functions/status/testdata/smallest"
	hopEnd   = "./proof/bench/testdata/hop"
)

// compile builds every function, and the floors' programs, for this machine.
func (b *bench) compile(ctx context.Context) error {
	if err := stack.Build(ctx, ".", b.bin); err != nil {
		return err
	}
	for _, folder := range []string{smallest, hopEnd} {
		if err := goBuild(ctx, folder, b.bootstrap(filepath.Base(folder)), runtime.GOARCH); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) bootstrap(name string) string { return filepath.Join(b.bin, name, "bootstrap") }

// goBuild builds a program as the Makefile's build does.
func goBuild(ctx context.Context, folder, to, arch string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", to, "./"+folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", folder, err, out)
	}
	return nil
}

// size holds the bootstraps, stripped, against their budgets in MB of 10^6 bytes.
func (b *bench) size(ctx context.Context) ([]row, error) {
	var rows []row
	for _, f := range []struct {
		name string
		most float64
	}{{"status", 13}, {"pause", 15}, {"build", 18.5}} {
		for _, arch := range []string{"arm64", "amd64"} { // the first is deployed
			to := filepath.Join(b.bin, "size")
			if err := goBuild(ctx, "functions/"+f.name, to, arch); err != nil {
				return nil, err
			}
			info, err := os.Stat(to)
			if err != nil {
				return nil, fmt.Errorf("measure bootstrap: %w", err)
			}
			megabytes := float64(info.Size()) / 1e6
			rows = append(rows, row{
				what: "bootstrap of " + f.name + ", stripped, " + arch, measured: fmt.Sprintf("%.2f MB", megabytes),
				floor: "-", ratio: "-", budget: fmt.Sprintf("<= %g MB", f.most), over: megabytes > f.most,
			})
		}
	}
	return rows, nil
}

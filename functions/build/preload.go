package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"

	"siesta/shared/detect"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
)

// preloadText is what Node runs before the server of an app that would turn
// visitors of its preview away, and has no setting against that.
//
//go:embed preload.cjs
var preloadText string

// preloaded are the packages whose development servers need it, in one version or
// another; which one is here, the file itself finds out once it is installed.
var preloaded = []string{"next", "vite", "vitepress", "astro", "vinxi", "@angular/cli"}

// preload writes the file into the sandbox, and returns its path; "" is for an
// app that needs none.
func (t *turn) preload(ctx context.Context, view detect.View, port int) (string, error) {
	if !view.DependsOn(preloaded...) {
		return "", nil
	}
	u, err := url.Parse(t.e2b.PreviewURL(t.j.SandboxID, port))
	if err != nil {
		return "", fmt.Errorf("read preview address: %w", err)
	}
	text := strings.Replace(preloadText, `"SUFFIX"`, strconv.Quote(strings.TrimPrefix(u.Hostname(), strconv.Itoa(port))), 1)
	file := envd.File{Name: path.Base(job.Preload), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	files := func(yield func(envd.File, error) bool) { yield(file, nil) }
	if err := t.envd.Upload(ctx, path.Dir(job.Preload), files); err != nil {
		return "", fmt.Errorf("upload preload: %w", err)
	}
	return job.Preload, nil
}

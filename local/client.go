package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"siesta/shared/job"
)

// client is a user of the API.
type client struct{ url, token string }

// answer is what start and status tell.
type answer struct {
	JobID         string           `json:"job_id"`
	Status        job.Status       `json:"status"`
	StageLabel    string           `json:"stage_label"`
	PreviewURL    string           `json:"preview_url"`
	BuildVersion  string           `json:"build_version"`
	ErrorMessage  string           `json:"error_message"`
	DebugID       string           `json:"debug_id"`
	SandboxState  job.SandboxState `json:"sandbox_state"`
	SandboxPaused bool             `json:"sandbox_paused"`
	Revision      int64            `json:"revision"`
}

func (c client) start(ctx context.Context, r job.Request) (answer, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return answer{}, fmt.Errorf("encode request: %w", err)
	}
	return c.call(ctx, http.MethodPost, "/api/generation/start", body, http.StatusCreated)
}

func (c client) status(ctx context.Context, id string) (answer, error) {
	return c.call(ctx, http.MethodGet, "/api/generation/"+id+"/status", nil, http.StatusOK)
}

func (c client) call(ctx context.Context, method, path string, body []byte, want int) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode != want {
		return answer{}, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return a, nil
}

// leftOut are folders that a build makes anew.
var leftOut = []string{"node_modules", ".git", "dist", "build", ".next", ".venv", "__pycache__"}

// maxApp is what fits into one request, with room for its JSON.
const maxApp = 4 << 20

// readApp reads the files of an app's folder.
func readApp(folder string) (map[string]job.File, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("read the app: there is no folder %s", folder)
	}
	files, total := map[string]job.File{}, 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(leftOut, entry.Name()) && path != folder:
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if total += len(content); total > maxApp {
			return fmt.Errorf("%s has over %d MB: use an archive in the source bucket instead", folder, maxApp>>20)
		}
		name, err := filepath.Rel(folder, path)
		files[filepath.ToSlash(name)] = job.File{Content: content}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the app: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read the app: %s has no files", folder)
	}
	return files, nil
}

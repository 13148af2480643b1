package envd

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// compose joins files into one and deletes them. A failure leaves the
// destination as it was.
func (s *Server) compose(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Sources     []string `json:"source_paths"`
		Destination string   `json:"destination"`
		Username    string   `json:"username"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&request); err != nil {
		fail(w, http.StatusBadRequest, "invalid request body: %s", err)
		return
	}
	if !s.config.knows(request.Username) {
		fail(w, http.StatusUnauthorized, "error looking up user '%s': user: unknown user %s", request.Username, request.Username)
		return
	}
	file, err := s.join(request.Sources, request.Destination)
	if err != nil {
		failWith(w, err)
		return
	}
	writeJSON(w, file)
}

func (s *Server) join(sources []string, destination string) (written, error) {
	if len(sources) == 0 {
		return written{}, failure(http.StatusBadRequest, "source_paths must not be empty")
	}
	if destination == "" {
		return written{}, failure(http.StatusBadRequest, "destination is required")
	}
	target, err := s.config.resolve(destination)
	if err != nil {
		return written{}, failure(http.StatusBadRequest, "error resolving destination path: %w", err)
	}
	resolved := make([]string, len(sources))
	for i, source := range sources {
		if resolved[i], err = s.config.resolve(source); err != nil {
			return written{}, failure(http.StatusBadRequest, "error resolving source path: %w", err)
		}
		info, err := os.Stat(resolved[i])
		switch {
		case resolved[i] == target:
			return written{}, failure(http.StatusBadRequest, "source path %q cannot be the same as destination", source)
		case err != nil:
			return written{}, failure(http.StatusNotFound, "source file not found: %s", source)
		case !info.Mode().IsRegular():
			return written{}, failure(http.StatusBadRequest, "source path is not a regular file: %s", source)
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return written{}, err
	}
	partial := target + "." + rand.Text() + ".tmp"
	if err := concatenate(partial, resolved); err != nil {
		os.Remove(partial)
		return written{}, full(err)
	}
	if err := os.Rename(partial, target); err != nil {
		os.Remove(partial)
		return written{}, err
	}
	for _, source := range resolved {
		os.Remove(source)
	}
	return written{Name: filepath.Base(target), Path: target, Type: "file"}, nil
}

func concatenate(target string, sources []string) (err error) {
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, source := range sources {
		in, err := os.Open(source)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

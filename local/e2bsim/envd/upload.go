package envd

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// written is what the answer to an upload says of each file.
type written struct {
	Name     string            `json:"name"`
	Path     string            `json:"path"`
	Type     string            `json:"type"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// httpError is an error that knows its HTTP status.
type httpError struct {
	code int
	err  error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

func failure(code int, format string, args ...any) error {
	return &httpError{code, fmt.Errorf(format, args...)}
}

// failWith answers with an error, as 500 if it does not know better.
func failWith(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	var he *httpError
	if errors.As(err, &he) {
		code = he.code
	}
	fail(w, code, "%s", err)
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, "write") {
		return
	}
	files, err := s.store(r)
	if err != nil {
		failWith(w, err)
		return
	}
	// envd sets no content type here, and what is sniffed is text.
	w.WriteHeader(http.StatusOK)
	json.NewEncoder(w).Encode(files)
}

func (s *Server) store(r *http.Request) ([]written, error) {
	body, err := decoded(r)
	if err != nil {
		return nil, err
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case kind == "application/octet-stream":
		if !r.URL.Query().Has("path") {
			return nil, failure(http.StatusBadRequest, "path query parameter is required for raw body upload")
		}
		file, err := s.write(r.URL.Query().Get("path"), body, r)
		return []written{file}, err
	case strings.HasPrefix(kind, "multipart/"):
		return s.storeParts(multipart.NewReader(body, params["boundary"]), r)
	}
	return nil, failure(http.StatusBadRequest, "unsupported content type: %s, expected multipart/form-data or application/octet-stream", r.Header.Get("Content-Type"))
}

// storeParts writes part by part and stops at the first bad one; the files
// before it stay.
func (s *Server) storeParts(parts *multipart.Reader, r *http.Request) ([]written, error) {
	files, seen := []written{}, map[string]bool{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("error reading form: %w", err)
		}
		if part.FormName() != "file" {
			continue
		}
		path := r.URL.Query().Get("path")
		if !r.URL.Query().Has("path") {
			// Not part.FileName, which drops the directories.
			_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			if path = params["filename"]; err != nil || path == "" {
				return nil, failure(http.StatusBadRequest, "a part has no filename, and there is no path query parameter")
			}
		}
		resolved, err := s.config.resolve(path)
		if err != nil {
			return nil, failure(http.StatusBadRequest, "error resolving path: %w", err)
		}
		if seen[resolved] {
			return nil, failure(http.StatusBadRequest, "you cannot upload multiple files to the same path '%s' in one upload request, only the first specified file was uploaded", resolved)
		}
		seen[resolved] = true
		file, err := s.write(path, part, r)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
}

// write stores one file of a request in place: not atomically, as envd does not
// either.
func (s *Server) write(path string, from io.Reader, r *http.Request) (written, error) {
	meta := metadata(r.Header)
	path, err := s.config.resolve(path)
	if err != nil {
		return written{}, failure(http.StatusBadRequest, "error resolving path: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return written{}, failure(http.StatusBadRequest, "path is a directory: %s", path)
	}
	file, as, err := s.create(path, r.URL.Query().Get("username"))
	if err != nil {
		return written{}, full(fmt.Errorf("error opening file: %w", err))
	}
	defer file.Close()
	if _, err := io.Copy(file, from); err != nil {
		return written{}, full(fmt.Errorf("error writing file: %w", err))
	}
	if as(func() { err = setMetadata(file, meta) }); err != nil {
		return written{}, fmt.Errorf("error writing metadata: %w", err)
	}
	return written{Name: filepath.Base(path), Path: path, Type: "file", Metadata: meta}, nil
}

// create opens a file to be written in a user's name, whose folders need not be
// there. as runs what else is done to it in that name.
func (s *Server) create(path, user string) (file *os.File, as func(func()), err error) {
	if user == root && s.config.AsRoot != nil {
		file, err = s.config.openAsRoot(path, true)
		return file, s.config.AsRoot, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, nil, fmt.Errorf("ensure directories: %w", err)
	}
	file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	return file, func(f func()) { f() }, err
}

// full gives a full disk the status that envd gives it.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &httpError{http.StatusInsufficientStorage, err}
	}
	return err
}

// decoded undoes the body's Content-Encoding.
func decoded(r *http.Request) (io.Reader, error) {
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip":
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, failure(http.StatusBadRequest, "error decompressing request body: %w", err)
		}
		return unzipped, nil
	default:
		return nil, failure(http.StatusBadRequest, "error decompressing request body: unsupported Content-Encoding: %s, supported: [gzip]", encoding)
	}
}

// metadata takes the X-Metadata-<key> headers, the first value of each.
func metadata(h http.Header) map[string]string {
	var found map[string]string
	for name, values := range h {
		if key, ok := strings.CutPrefix(name, "X-Metadata-"); ok && key != "" {
			if found == nil {
				found = map[string]string{}
			}
			found[strings.ToLower(key)] = values[0]
		}
	}
	return found
}

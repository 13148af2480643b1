package envd

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, "read") {
		return
	}
	path, err := s.config.resolve(r.URL.Query().Get("path"))
	if err != nil {
		fail(w, http.StatusBadRequest, "error expanding and resolving path: %s", err)
		return
	}
	file, err := s.open(path, r.URL.Query().Get("username"))
	if errors.Is(err, fs.ErrNotExist) {
		fail(w, http.StatusNotFound, "path '%s' does not exist", path)
		return
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, "error opening file '%s': %s", path, err)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		fail(w, http.StatusInternalServerError, "error checking if path exists '%s': %s", path, err)
		return
	}
	if info.IsDir() {
		fail(w, http.StatusBadRequest, "path '%s' is a directory", path)
		return
	}
	zipped, acceptable := wantsGzip(r.Header)
	if !acceptable {
		fail(w, http.StatusNotAcceptable, "no acceptable encoding found, supported: [gzip]")
		return
	}
	w.Header().Add("Vary", "Accept-Encoding")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": filepath.Base(path)}))
	// A range or a condition is about the file's own bytes.
	for _, name := range []string{"Range", "If-Range", "If-Modified-Since", "If-None-Match"} {
		zipped = zipped && r.Header.Get(name) == ""
	}
	if !zipped {
		http.ServeContent(w, r, path, info.ModTime(), file)
		return
	}
	kind := mime.TypeByExtension(filepath.Ext(path))
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Encoding", "gzip")
	zip := gzip.NewWriter(w)
	defer zip.Close()
	io.Copy(zip, file)
}

// open opens a file to be read in a user's name.
func (s *Server) open(path, user string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) && user == root && s.config.AsRoot != nil {
		return s.config.openAsRoot(path, false)
	}
	return file, err
}

// wantsGzip weighs Accept-Encoding: whether gzip is asked for before identity,
// and whether the client takes either.
func wantsGzip(h http.Header) (zipped, acceptable bool) {
	gzipQ, identityQ, otherQ := -1.0, -1.0, -1.0
	for item := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		name, param, _ := strings.Cut(item, ";")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.TrimSpace(strings.ToLower(param)), "q="); ok {
			if parsed, err := strconv.ParseFloat(text, 64); err == nil {
				q = parsed
			}
		}
		switch strings.TrimSpace(strings.ToLower(name)) {
		case "gzip":
			gzipQ = q
		case "identity":
			identityQ = q
		case "*":
			otherQ = q
		}
	}
	if identityQ == 0 {
		zipped = gzipQ > 0 || gzipQ < 0 && otherQ > 0
		return zipped, zipped
	}
	return gzipQ > 0 && gzipQ >= identityQ, true
}

// Package s3sim is a small S3: objects of any bucket, put, got and deleted as the
// AWS SDKs do it, and read by signed addresses. Each object is a file of one
// folder, which is there whole or not at all.
//
// It owns the wire format, checksums and the signature of an address. It knows no
// account, policy, version or listing, and nothing of who uses it.
package s3sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxObject is the most bytes that one object may have.
const maxObject = 200 << 20

// Server answers the S3 API with the bucket in the path.
type Server struct {
	Now func() time.Time // by which addresses end

	dir    string
	secret string
}

// New returns a server whose objects are files below dir. secret is what its
// clients sign with.
func New(dir, secret string) *Server { return &Server{Now: time.Now, dir: dir, secret: secret} }

// Has reports whether there is an object, by its bucket and key with a slash
// between.
func (s *Server) Has(name string) bool {
	info, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(name)))
	return err == nil && !info.IsDir()
}

// failure is an answer that S3 has for what cannot be done.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

var (
	errDenied = &failure{http.StatusForbidden, "AccessDenied", "Access Denied"}
	errNoKey  = &failure{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	errMethod = &failure{http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	errDigest = &failure{http.StatusBadRequest, "BadDigest", "The checksum that was sent is not that of the content."}
	errSize   = &failure{http.StatusBadRequest, "EntityTooLarge", "The object is too large for this server."}
)

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.answer(w, r)
	if err == nil {
		return
	}
	var known *failure
	if !errors.As(err, &known) {
		known = &failure{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(known.status)
	if r.Method != http.MethodHead {
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}{Code: known.code, Message: known.message})
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(name, "/")
	if bucket == "" || key == "" || !filepath.IsLocal(name) {
		return errNoKey
	}
	if err := s.allow(r); err != nil {
		return err
	}
	file := filepath.Join(s.dir, filepath.FromSlash(name))
	switch r.Method {
	case http.MethodPut:
		return put(w, r, file)
	case http.MethodGet, http.MethodHead:
		return get(w, r, file)
	case http.MethodDelete:
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return errMethod
	}
}

// put writes an object aside, and gives it its name when all of it is on the disk.
func put(w http.ResponseWriter, r *http.Request, file string) error {
	if r.ContentLength > maxObject {
		return errSize
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(file), ".put-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(aside.Name()) }() // is gone when it has its name
	defer func() { _ = aside.Close() }()
	hash := sha256.New()
	if n, err := io.Copy(io.MultiWriter(aside, hash), http.MaxBytesReader(w, r.Body, maxObject)); err != nil || n != r.ContentLength {
		return fmt.Errorf("read body: %d of %d bytes: %w", n, r.ContentLength, err)
	}
	sum := hash.Sum(nil)
	if sent := r.Header.Get("X-Amz-Checksum-Sha256"); sent != "" && sent != base64.StdEncoding.EncodeToString(sum) {
		return errDigest
	}
	if err := aside.Sync(); err != nil {
		return err
	}
	if err := os.Rename(aside.Name(), file); err != nil {
		return err
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum[:16]))
	w.WriteHeader(http.StatusOK)
	return nil
}

func get(w http.ResponseWriter, r *http.Request, file string) error {
	object, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoKey
	}
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	info, err := object.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errNoKey
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", info.ModTime(), object)
	return nil
}

package s3sim_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/s3sim"
	"siesta/local/sqssim"
	"siesta/shared/awsenv"
	"siesta/shared/job"
	"siesta/shared/s3"
)

// store is the product's own client of a server, the server, and its folder.
func store(t *testing.T) (*s3.Store, *s3sim.Server, string) {
	t.Helper()
	dir := t.TempDir()
	sim := s3sim.New(dir, "local")
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	cfg, err := awsenv.Load(sqssim.ClientEnv)
	if err != nil {
		t.Fatal(err)
	}
	store, err := s3.New(cfg, &server.URL).Store("s3://sources/kept")
	if err != nil {
		t.Fatal(err)
	}
	return store, sim, dir
}

const key = "user/project/code.tar.gz"

func put(t *testing.T, s *s3.Store, content string) {
	t.Helper()
	if err := s.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), sha256.Sum256([]byte(content))); err != nil {
		t.Fatal(err)
	}
}

func TestAnObjectIsPutGotAndDeleted(t *testing.T) {
	s, _, dir := store(t)
	if _, err := s.Get(t.Context(), key); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("before it was put: %v", err)
	}
	put(t, s, "first")
	put(t, s, "second")
	object, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = object.Close() }()
	if got, err := io.ReadAll(object); string(got) != "second" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if names, err := os.ReadDir(filepath.Join(dir, "sources", "kept", "user", "project")); err != nil || len(names) != 1 {
		t.Errorf("the folder holds %v, %v: want the object alone", names, err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), key); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestContentThatIsNotWhatWasSaidIsRefused(t *testing.T) {
	s, _, _ := store(t)
	if err := s.Put(t.Context(), key, strings.NewReader("one"), 3, sha256.Sum256([]byte("two"))); err == nil {
		t.Error("content with another's checksum was taken")
	}
	if _, err := s.Get(t.Context(), key); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("and is there: %v", err)
	}
}

func TestASignedAddressIsGoodForOneObjectAndAWhile(t *testing.T) {
	s, sim, _ := store(t)
	put(t, s, "content")
	read := func(address string) (int, string) {
		t.Helper()
		resp, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	address, err := s.Sign(t.Context(), key, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := read(address); code != http.StatusOK || body != "content" {
		t.Errorf("got %d %q", code, body)
	}
	for name, other := range map[string]string{
		"no signature":   address[:strings.IndexByte(address, '?')],
		"another object": strings.Replace(address, "code.tar.gz", "Code.tar.gz", 1),
		"a longer life":  strings.Replace(address, "X-Amz-Expires=900", "X-Amz-Expires=9000", 1),
		"another secret": address[:len(address)-1] + string(rune('0'+(address[len(address)-1]+1)%10)),
	} {
		if code, body := read(other); code != http.StatusForbidden || bytes.Contains([]byte(body), []byte("content")) {
			t.Errorf("%s: got %d %q", name, code, body)
		}
	}
	sim.Now = func() time.Time { return time.Now().Add(16 * time.Minute) }
	if code, _ := read(address); code != http.StatusForbidden {
		t.Errorf("an address whose time is over answers %d", code)
	}
}

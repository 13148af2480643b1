package envd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"

	"siesta/shared/e2b"
)

// Only envd tells of a marker, and that there is none.
func TestAMarkerIsMissingOnlyIfEnvdSaysSo(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"plain 404":              {404, "404 page not found"},
		"404 in somebody's JSON": {404, `{"code":404,"message":"no Route matched with those values"}`},
		"a page":                 {200, "<html>parked</html>"},
		"nothing":                {200, ""},
		"an empty stream":        {200, "\x02\x00\x00\x00\x02{}"},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := newDaemon(t, func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
				w.WriteHeader(answer.status)
				io.WriteString(w, answer.body)
				return true
			})
			if epoch, err := c.ReadMarker(t.Context()); !errors.Is(err, e2b.ErrUnknown) {
				t.Errorf("got %d, %v, want an unknown outcome", epoch, err)
			}
			if epoch, err := c.RaiseMarker(t.Context(), 1, 2); !errors.Is(err, e2b.ErrUnknown) {
				t.Errorf("raised: got %d, %v, want an unknown outcome", epoch, err)
			}
		})
	}
}

func TestMarker(t *testing.T) {
	_, c := newDaemon(t, nil)
	read := func(want int) {
		t.Helper()
		if got, err := c.ReadMarker(t.Context()); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	var all sync.WaitGroup
	for epoch := 1; epoch <= 12; epoch++ {
		all.Go(func() {
			if err := c.WriteMarker(t.Context(), epoch); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	read(12)
	if err := c.WriteMarker(t.Context(), 11); err != nil {
		t.Error(err)
	}
	read(12)
}

// TestOlderFilesKeepTheirMarker: whoever looks again, after a crash, must find them old.
func TestOlderFilesKeepTheirMarker(t *testing.T) {
	_, c := newDaemon(t, nil)
	for _, row := range []struct{ least, epoch, found, left int }{
		{0, 3, 0, 0}, {1, 3, 0, 0}, // none is there
		{5, 5, 0, 5}, // written
		{5, 7, 5, 7}, {8, 9, 7, 7}, {7, 6, 7, 7}, {0, 8, 7, 8}, {100, 1000, 8, 8},
	} {
		found, err := c.RaiseMarker(t.Context(), row.least, row.epoch)
		if found != row.found || errors.Is(err, ErrNoMarker) != (row.found == 0) {
			t.Errorf("%+v: found %d, %v", row, found, err)
		}
		if row.left > 0 && row.found == 0 {
			err = c.WriteMarker(t.Context(), row.left)
		}
		left, err2 := c.ReadMarker(t.Context())
		if left != row.left || errors.Is(err2, ErrNoMarker) != (row.left == 0) {
			t.Errorf("%+v: left is %d, %v, %v", row, left, err, err2)
		}
	}
}

// The app has the same rights as the marker's writer.
func TestWhatStandsInTheMarkersPlaceIsNone(t *testing.T) {
	d, c := newDaemon(t, nil)
	for epoch, put := range []func(name string) error{
		func(string) error { return nil },
		func(name string) error { return os.WriteFile(name, []byte("rubbish"), 0o600) },
		func(name string) error { return os.WriteFile(name, nil, 0o600) },
		func(name string) error { return os.WriteFile(name, []byte("-3"), 0o600) },
		func(name string) error { return syscall.Mkfifo(name, 0o600) },
		func(name string) error { return os.MkdirAll(name+"/full", 0o700) },
		func(name string) error { return os.Symlink("nowhere", name) },
	} {
		for _, file := range []string{markerFile, markerFile + ".lock"} {
			if err := errors.Join(os.RemoveAll(d.path(file)), os.MkdirAll(d.path(root), 0o700), put(d.path(file))); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.ReadMarker(t.Context()); !errors.Is(err, ErrNoMarker) {
			t.Errorf("%d: got %d, %v", epoch, got, err)
		}
		if got, err := c.RaiseMarker(t.Context(), 0, epoch+1); !errors.Is(err, ErrNoMarker) {
			t.Errorf("%d: got %d, %v", epoch, got, err)
		}
		if err := c.WriteMarker(t.Context(), epoch+1); err != nil {
			t.Error(err)
		}
		if got, err := c.ReadMarker(t.Context()); got != epoch+1 || err != nil {
			t.Errorf("written anew it is %d, %v, want %d", got, err, epoch+1)
		}
	}
}

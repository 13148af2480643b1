package e2b

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkPause is the client's own cost on a pause: against the same request
// by net/http alone.
func BenchmarkPause(b *testing.B) {
	s := newServer(b, respond(204, ""))
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: newTransport()}
		for b.Loop() {
			req, err := http.NewRequest(http.MethodPost, s.URL+"/sandboxes/i1/pause", strings.NewReader("{}"))
			if err != nil {
				b.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.Run("client", func(b *testing.B) {
		c := newClient(b, Config{APIURL: s.URL})
		for b.Loop() {
			if err := c.Pause(b.Context(), "i1"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package e2b

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// BenchmarkPause is the client's own cost on a pause: what it takes longer than
// the same request by net/http alone; its budget is 0.3 ms.
func BenchmarkPause(b *testing.B) {
	s := newServer(b, respond(204, ""))
	bare := &http.Client{Transport: newTransport()}
	c := newClient(b, Config{APIURL: s.URL})
	var floor, client time.Duration
	for b.Loop() {
		start := time.Now()
		resp, err := bare.Post(s.URL+"/sandboxes/i1/pause", "application/json", strings.NewReader("{}"))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		floor += time.Since(start)

		start = time.Now()
		if err := c.Pause(b.Context(), "i1"); err != nil {
			b.Fatal(err)
		}
		client += time.Since(start)
	}
	b.ReportMetric(float64((client-floor).Microseconds())/float64(b.N), "own-us/op")
}

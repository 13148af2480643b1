package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/sqssim"
	"siesta/shared/awsenv"
	"siesta/shared/job"
	"siesta/shared/s3"
)

// serveSources answers as the source bucket does.
func (b *fixture) serveSources(answer http.HandlerFunc) {
	b.T.Helper()
	server := httptest.NewServer(answer)
	b.T.Cleanup(server.Close)
	cfg, err := awsenv.Load(sqssim.ClientEnv)
	b.OK(err)
	b.sources = s3.New(cfg, &server.URL)
}

// archived is page with its source in the bucket.
func archived() job.Request {
	r := page()
	r.Source.Archive = "s3://sources/alice/app.tar.gz"
	return r
}

func archive(t *testing.T) []byte {
	t.Helper()
	var data bytes.Buffer
	zip := gzip.NewWriter(&data)
	files := tar.NewWriter(zip)
	if err := files.WriteHeader(&tar.Header{Name: "index.html", Mode: 0o644, Size: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(files, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// A bucket that stops in the middle must not take the turn to its hard end,
// which counts as a crash.
func TestAStalledArchiveHandsOver(t *testing.T) {
	b := setup(t)
	var stalled atomic.Bool
	whole := archive(t)
	b.serveSources(func(w http.ResponseWriter, r *http.Request) {
		if stalled.CompareAndSwap(false, true) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = w.Write(whole)
	})
	j := b.accept(archived())
	b.SQS.Remove("build", b.SQS.Messages("build")[0].ID)
	claimed := b.Must(b.store.ClaimTurn(t.Context(), j.ID, 0))
	late := time.Now().Add(15*time.Second - fetchTime) // for create, boot and half the archive
	first := &turn{handler: b.handler, j: claimed, sendBy: time.Now().Add(job.TurnSendTime), claimed: late}
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	b.OK(first.run(bounded))
	if took := time.Since(begun); took > 40*time.Second {
		t.Errorf("it waited for %v", took)
	}
	if row := b.Row(j.ID); row.Status != job.Scaffold || row.Turn != 1 || !stalled.Load() {
		t.Errorf("the job is %s at turn %d, want it handed over", row.Status, row.Turn)
	}
	done := b.ready(j.ID)
	if got := b.Run(done, "cat project/index.html"); got != "hello" || done.Crashes != 0 {
		t.Errorf("the file holds %q, and there were %d crashes", got, done.Crashes)
	}
}

func TestAnArchiveThatCannotBeReadFailsInWords(t *testing.T) {
	b := setup(t)
	b.serveSources(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code><Message>internal</Message></Error>")
	})
	j := b.accept(archived())
	b.deliver()
	if row := b.Row(j.ID); row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "another region") || strings.Contains(row.ErrorMessage, "internal") {
		t.Errorf("the job is %s: %s", row.Status, row.ErrorMessage)
	}
}

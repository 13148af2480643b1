package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
)

// lambdaAPI is the Lambda Runtime API for one invocation of one process.
type lambdaAPI struct {
	event  []byte
	polled chan time.Time // the process asks for its first event
	done   chan string    // its answer
}

func (a *lambdaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/response") || strings.HasSuffix(r.URL.Path, "/error") {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		a.done <- string(body)
		return
	}
	select {
	case a.polled <- time.Now():
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
		_, _ = w.Write(a.event)
	default: // the second event never comes
		<-r.Context().Done()
	}
}

// start runs a bootstrap once: how long until its first poll, and its answer.
func (a *lambdaAPI) start(b *testing.B, address, bootstrap string, env ...string) (poll, answer time.Duration) {
	b.Helper()
	a.polled, a.done = make(chan time.Time, 1), make(chan string, 1)
	cmd := exec.Command(bootstrap)
	cmd.Env = append(env, "AWS_LAMBDA_RUNTIME_API="+address)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	body := <-a.done
	answer, poll = time.Since(began), (<-a.polled).Sub(began)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if strings.Contains(body, "errorMessage") || len(env) > 0 && !strings.Contains(body, `"statusCode":200`) {
		b.Fatalf("%s: %s", bootstrap, body)
	}
	return poll, answer
}

// BenchmarkStart holds the process's start, until it polls and until it has
// answered from the cache, against the smallest Lambda in Go.
func BenchmarkStart(b *testing.B) {
	server := redistest.NewServer(b, redisserver.Config{TCP: true})
	f := setup(b, server.URL())
	j := f.cached(f.Set(f.accept().ID, isPaused))
	event, err := json.Marshal(functiontest.JobRequest(route, alice, j.ID))
	if err != nil {
		b.Fatal(err)
	}
	programs := map[string]string{"smallest": "./testdata/smallest", "status": "."}
	for name, dir := range programs {
		programs[name] = filepath.Join(b.TempDir(), "bootstrap")
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", programs[name], dir)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	api := &lambdaAPI{event: event}
	runtime := httptest.NewServer(api)
	b.Cleanup(runtime.CloseClientConnections)
	address := strings.TrimPrefix(runtime.URL, "http://")

	took := map[string][]time.Duration{}
	for b.Loop() {
		poll, answer := api.start(b, address, programs["smallest"])
		took["smallest-poll"], took["smallest-answer"] = append(took["smallest-poll"], poll), append(took["smallest-answer"], answer)
		poll, answer = api.start(b, address, programs["status"], "DATABASE_URL=postgres://u@127.0.0.1:1/x", "REDIS_URL="+server.URL(),
			"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
		took["status-poll"], took["status-answer"] = append(took["status-poll"], poll), append(took["status-answer"], answer)
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Seconds() * 1000
	}
	b.ReportMetric(0, "ns/op")
	for name := range took {
		b.ReportMetric(median(name), name+"-ms")
	}
	b.ReportMetric(median("status-poll")/median("smallest-poll"), "poll-ratio")
	b.ReportMetric(median("status-answer")/median("smallest-poll"), "answer-ratio")
}

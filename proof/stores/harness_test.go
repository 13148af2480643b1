// Package stores has no code of its own. Its tests run the functions' own binaries
// with the stores that people bring along: a Postgres and a Redis that speak TLS and
// ask for passwords, whose addresses are secrets of a Secrets Manager.
package stores

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/local/postgresserver"
	"siesta/local/redisserver"
	"siesta/local/runtimeapi"
	"siesta/local/sqssim"
	"siesta/proof/certificate"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
)

const (
	alice    = "alice"
	password = "hunter2-and-more"
	routeGet = "GET /api/generation/{job_id}/status"
)

// built are the functions' binaries, made once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "siesta-stores-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", dir+"/",
		"./functions/migrate", "./functions/start", "./functions/status")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// system are stores with TLS, secrets, and functions that know nothing but where
// these are.
type system struct {
	t           *testing.T
	certificate certificate.Certificate
	postgres    *postgresserver.Server
	redis       *redisserver.Server
	secrets     *manager
	runtime     *runtimeapi.Server
	env         map[string]string

	mu    sync.Mutex
	lines strings.Builder // that functions wrote
}

func newSystem(t *testing.T) *system {
	s := &system{t: t, certificate: newCertificate(t), secrets: &manager{texts: map[string]string{}}}
	var err error
	if s.postgres, err = postgresserver.Start(postgresserver.Config{TCP: true, Certificate: s.certificate.PEM, Key: s.certificate.Key}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.postgres.Stop)
	s.redis = redistest.NewServer(t, redisserver.Config{Certificate: s.certificate.PEM, Key: s.certificate.Key})
	manager, queues := httptest.NewServer(s.secrets), httptest.NewUnstartedServer(nil)
	t.Cleanup(manager.Close)
	sqs := sqssim.New("http://" + queues.Listener.Addr().String())
	queues.Config.Handler = sqs
	queues.Start()
	t.Cleanup(queues.Close)
	if _, err := sqs.CreateQueue("builds", nil); err != nil {
		t.Fatal(err)
	}
	if s.runtime, err = runtimeapi.New(runtimeapi.Options{Log: s.log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.runtime.Close() })
	s.env = map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.URL, "AWS_ENDPOINT_URL_SQS": queues.URL,
		"BUILD_QUEUE_URL": sqs.URL("builds"), "SEAL_KEY": strings.Repeat("0", 64),
		"DATABASE_URL_SECRET": "arn:stores", "REDIS_URL_SECRET": "arn:stores",
	}
	return s
}

func newCertificate(t *testing.T) certificate.Certificate {
	t.Helper()
	c, err := certificate.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *system) log(l runtimeapi.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(&s.lines, l.Function+": "+l.Text)
}

func (s *system) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.String()
}

// says waits until the functions have said a text, which may come after the answer.
func (s *system) says(text string) bool {
	tick, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !strings.Contains(s.said(), text) {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

// forget forgets what functions said so far.
func (s *system) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines.Reset()
}

// function registers one of the functions under a name, with settings of its own.
func (s *system) function(name, program string, more map[string]string) {
	s.t.Helper()
	dir, err := built()
	if err != nil {
		s.t.Fatal(err)
	}
	env := map[string]string{}
	for _, vars := range []map[string]string{s.env, more} {
		for k, v := range vars {
			env[k] = v
		}
	}
	f := runtimeapi.Function{Name: name, Path: filepath.Join(dir, program), Env: env, Timeout: time.Minute, MaxProcesses: 1}
	if err := s.runtime.Register(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) invoke(name string, event any) []byte {
	s.t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	result, err := s.runtime.Invoke(ctx, name, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	return result.Payload
}

// call is a call of the API, whose answer is as docs/openapi.yaml says.
func (s *system) call(name string, r api.Request) (api.Response, map[string]any) {
	s.t.Helper()
	var resp api.Response
	if answer := s.invoke(name, r); json.Unmarshal(answer, &resp) != nil || resp.StatusCode == 0 {
		s.t.Fatalf("%s answered %s\n%s", name, answer, s.said())
	}
	return functiontest.Check(s.t, r, resp)
}

// aStart is alice's call to start a job.
func aStart() api.Request {
	r := functiontest.JobRequest("POST /api/generation/start", alice, "")
	r.PathParameters = nil
	r.Headers = map[string]string{"content-type": "application/json"}
	r.Body = `{"project_id": "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69", "goal": "A page", "source": {"files": {"index.html": "<h1>Hello</h1>"}}}`
	return r
}

// accept starts a job of alice and returns its id.
func (s *system) accept(name string) string {
	s.t.Helper()
	resp, body := s.call(name, aStart())
	id, _ := body["job_id"].(string)
	if resp.StatusCode != http.StatusCreated || id == "" {
		s.t.Fatalf("start answered %d %s\n%s", resp.StatusCode, resp.Body, s.said())
	}
	return id
}

func (s *system) status(name, id string) int {
	s.t.Helper()
	resp, _ := s.call(name, functiontest.JobRequest(routeGet, alice, id))
	return resp.StatusCode
}

// database is an address of Postgres by TLS, for a user and a host; more follows.
func (s *system) database(user, password, host, more string) string {
	u, err := url.Parse(s.postgres.URL(postgresserver.Database))
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("postgres://%s:%s@%s:%s/%s?%s", user, password, host, u.Port(), postgresserver.Database, more)
}

func (s *system) roots() string { return "sslrootcert=" + url.QueryEscape(s.certificate.Roots) }

// cache is an address of Redis by TLS.
func (s *system) cache(user, password, host, more string) string {
	_, port, _ := strings.Cut(s.redis.TLSAddress(), ":")
	return fmt.Sprintf("rediss://%s:%s@%s:%s?%s", user, password, host, port, more)
}

// sql runs statements in the database as a user that may do everything.
func (s *system) sql(statements ...string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.postgres.SocketURL(postgresserver.Database))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	for _, sql := range statements {
		if _, err := conn.Exec(s.t.Context(), sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// admin runs a command of Redis, without TLS, as a user that may do everything.
func (s *system) admin(args ...any) {
	s.t.Helper()
	if err := s.redis.Do(s.t.Context(), args...); err != nil {
		s.t.Fatal(err)
	}
}

// manager is Secrets Manager, as far as it tells secrets.
type manager struct {
	mu    sync.Mutex
	texts map[string]string // by ARN
}

// put keeps a secret: a text, or what JSON makes of the value.
func (m *manager) put(arn string, value any) {
	text, ok := value.(string)
	if !ok {
		encoded, _ := json.Marshal(value)
		text = string(encoded)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts[arn] = text
}

func (m *manager) remove(arn string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.texts, arn)
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	m.mu.Lock()
	text, ok := m.texts[in.SecretId]
	m.mu.Unlock()
	var answer any = map[string]string{"ARN": in.SecretId, "SecretString": text}
	signed := strings.Contains(r.Header.Get("Authorization"), "/secretsmanager/aws4_request") && r.Header.Get("X-Amz-Security-Token") != ""
	if !ok || !signed || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": "ResourceNotFoundException"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

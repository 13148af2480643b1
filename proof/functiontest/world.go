package functiontest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/e2bsim"
	"siesta/local/s3sim"
	"siesta/local/sqssim"
	"siesta/proof/postgrestest"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/s3"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// World is a database with an E2B and with queues: build, pause and, for what
// can never succeed, dead. Time goes by in all of it at once.
type World struct {
	*Database
	E2B       *e2bsim.Server
	Edge      string      // where E2B shows the sandboxes' ports
	Sandboxes *e2b.Client // of E2B
	SQS       *sqssim.Server
	Kept      *s3.Store // of what is built
	LogStore  *s3.Store // of finished jobs' logs
	S3        *Switch   // in front of both
	Log       *Log      // the function's

	control, queues string // addresses
}

// NewWorld starts it all for one test. Of c, what is the same everywhere is
// filled in.
func NewWorld(t testing.TB, c e2bsim.Config) *World {
	t.Helper()
	w := &World{Database: NewDatabase(t), Log: NewLog(t)}
	c.DataDir, c.PauseLatency, c.ResumeLatency = t.TempDir(), -1, -1
	var err error
	w.E2B, err = e2bsim.New(c)
	w.OK(err)
	t.Cleanup(func() { _ = w.E2B.Close() })
	w.control, w.Edge = serve(t, w.E2B.APIHandler()), serve(t, w.E2B.EdgeHandler())
	w.Sandboxes = w.Client(e2b.Config{})

	w.queues = serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.SQS.ServeHTTP(rw, r) }))
	w.SQS = sqssim.New(w.queues)
	w.S3 = &Switch{Handler: s3sim.New(t.TempDir(), "local")}
	objects := serve(t, w.S3)
	w.Kept, w.LogStore = storeAt(t, objects, "s3://sources"), storeAt(t, objects, "s3://logs")
	for _, name := range []string{"build", "pause", "dead"} {
		_, err := w.SQS.CreateQueue(name, nil)
		w.OK(err)
	}
	return w
}

func serve(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// Client returns a client of the simulated E2B, of which c says what is
// particular.
func (w *World) Client(c e2b.Config) *e2b.Client {
	w.T.Helper()
	c.APIURL, c.SandboxURL, c.Domain = w.control, w.Edge, "e2b.app"
	if c.Key == nil {
		c.Key = secrets.Fixed("e2b_0123").Get
	}
	client, err := e2b.New(c)
	w.OK(err)
	return client
}

// Queue is the client of a queue.
func (w *World) Queue(name string) *sqs.Queue {
	w.T.Helper()
	return openQueue(w.T, w.queues, w.SQS.URL(name), w.SQS.URL("dead"))
}

// DeadQueue is a queue at an address where nobody listens.
func DeadQueue(t testing.TB) *sqs.Queue {
	t.Helper()
	const nobody = "http://127.0.0.1:1"
	return openQueue(t, nobody, nobody+"/000000000000/any", "")
}

func openQueue(t testing.TB, endpoint, url, dead string) *sqs.Queue {
	t.Helper()
	cfg, err := awsenv.Load(sqssim.ClientEnv)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RetryMaxAttempts = 1
	return sqs.New(cfg, &endpoint).Queue(url, dead)
}

// Pass lets d go by for Postgres, SQS and E2B.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	postgrestest.Advance(w.T, w.Pool, d)
	w.SQS.Advance(d)
	w.OK(w.E2B.Advance(w.T.Context(), d))
}

// Deliver lets a function handle the next message of a queue. It returns the
// message's id if that is to come again, else "": then it is off the queue.
func (w *World) Deliver(queue string, handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) (again string) {
	w.T.Helper()
	records, err := w.SQS.Queue(queue).Receive(w.T.Context(), 1, time.Second)
	if err != nil || len(records) != 1 {
		w.T.Fatalf("received %d messages, %v; want 1", len(records), err)
	}
	response, err := handle(w.T.Context(), events.SQSEvent{Records: records})
	w.OK(err)
	if len(response.BatchItemFailures) > 0 {
		return records[0].MessageId
	}
	w.OK(w.SQS.Queue(queue).Delete(w.T.Context(), []string{records[0].ReceiptHandle}))
	return ""
}

// Fault makes E2B fail.
func (w *World) Fault(f e2bsim.Fault) {
	w.T.Helper()
	_, err := w.E2B.AddFault(f)
	w.OK(err)
}

// Calls counts the calls of a kind that E2B has received.
func (w *World) Calls(kind e2bsim.Kind) (n int) {
	for _, c := range w.E2B.Calls() {
		if c.Kind == kind && c.Phase == e2bsim.Received {
			n++
		}
	}
	return n
}

// Once runs do at the first call of a kind, when it has come to a phase and
// before it goes on.
func (w *World) Once(kind e2bsim.Kind, phase e2bsim.Phase, do func()) {
	var first sync.Once
	w.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == kind && c.Phase == phase {
			first.Do(do)
		}
	})
}

// storeAt is a store of archives of the server at an endpoint.
func storeAt(t testing.TB, endpoint, address string) *s3.Store {
	t.Helper()
	cfg, err := awsenv.Load(sqssim.ClientEnv)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RetryMaxAttempts = 1
	store, err := s3.New(cfg, &endpoint).Store(address)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Switch is a server that a test may put itself in front of.
type Switch struct {
	http.Handler
	instead atomic.Pointer[http.HandlerFunc]
}

// Instead answers from now on; nil: the server itself does again.
func (s *Switch) Instead(answer http.HandlerFunc) { s.instead.Store(&answer) }

func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if instead := s.instead.Load(); instead != nil && *instead != nil {
		(*instead)(w, r)
		return
	}
	s.Handler.ServeHTTP(w, r)
}

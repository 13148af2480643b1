// Package sqstest stands in for SQS in tests of what only sends: it takes
// messages, in the real protocol, and shows them. It delivers nothing.
package sqstest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"siesta/shared/awsenv"
	"siesta/shared/sqs"
)

// TB is what the harness needs of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Message is one that was sent.
type Message struct {
	Body        string
	Delay       int    // seconds
	Group       string // MessageGroupId
	Correlation string
}

// Service takes the messages of one test.
type Service struct {
	url string

	mu   sync.Mutex
	down bool
	sent map[string][]Message // by the queue's URL
}

// New starts a service for one test.
func New(t TB) *Service {
	s := &Service{sent: map[string][]Message{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// Queue returns the queue of that name, which exists.
func (s *Service) Queue(t TB, name string) *sqs.Queue {
	t.Helper()
	cfg, err := awsenv.Load(func(string) string { return "test" })
	if err != nil {
		t.Fatalf("make AWS configuration: %v", err)
	}
	cfg.RetryMaxAttempts = 1
	return sqs.New(cfg, &s.url).Queue(s.url+"/1/"+name, s.url+"/1/"+name+"-dlq")
}

// Sent returns what was sent to the queue of that name.
func (s *Service) Sent(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent[s.url+"/1/"+name])
}

// SetDown makes the service answer everything with an error, or no longer so.
func (s *Service) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// ServeHTTP takes the action SendMessage.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in struct {
		QueueURL          string `json:"QueueUrl"`
		MessageBody       string
		DelaySeconds      int
		MessageGroupID    string `json:"MessageGroupId"`
		MessageAttributes map[string]struct{ StringValue string }
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	if err != nil || s.down || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessage") {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.sent[in.QueueURL] = append(s.sent[in.QueueURL], Message{
		Body: in.MessageBody, Delay: in.DelaySeconds, Group: in.MessageGroupID,
		Correlation: in.MessageAttributes["correlation_id"].StringValue,
	})
	sum := md5.Sum([]byte(in.MessageBody))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": "m", "MD5OfMessageBody": hex.EncodeToString(sum[:])})
}

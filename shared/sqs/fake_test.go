package sqs

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// call is one request as SQS gets it, in its JSON protocol.
type call struct {
	Action            string
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string
	DelaySeconds      int
	MessageGroupID    string `json:"MessageGroupId"`
	ReceiptHandle     string
	VisibilityTimeout int
	MessageAttributes map[string]struct{ DataType, StringValue string }
}

// service is SQS, as far as this package calls it: it notes every call.
type service struct {
	mu    sync.Mutex
	calls []call
	down  bool // answers 500 to everything
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := call{Action: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")}
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil || s.down {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.calls = append(s.calls, c)
	sum := md5.Sum([]byte(c.MessageBody))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": "m", "MD5OfMessageBody": hex.EncodeToString(sum[:])})
}

func (s *service) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// of returns the calls of one action.
func (s *service) of(action string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []call
	for _, c := range s.calls {
		if c.Action == action {
			found = append(found, c)
		}
	}
	return found
}

// newQueue returns a queue on a service of its own.
func newQueue(t *testing.T) (*Queue, *service) {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	cfg := aws.Config{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "k", SecretAccessKey: "s"}, nil
		}),
		HTTPClient:       server.Client(),
		RetryMaxAttempts: 1,
	}
	return New(cfg, &server.URL).Queue(server.URL+"/1/build", server.URL+"/1/build-dlq"), s
}

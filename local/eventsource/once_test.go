package eventsource_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"siesta/local/eventsource"
	"siesta/local/sqssim"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Once handles what is there, deletes what was handled, and waits for nothing.
func TestOnce(t *testing.T) {
	var server *sqssim.Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	defer web.Close()
	server = sqssim.New(web.URL)
	url, err := server.CreateQueue("q", map[string]string{"VisibilityTimeout": "600"})
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &web.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "x"}, nil
		})})
	answers := []string{"", `{"batchItemFailures":[{"itemIdentifier":""}]}`}
	m := eventsource.Mapping{Queue: server.Queue("q"), Function: "f", PartialBatch: true,
		Invoke: func(context.Context, string, []byte) ([]byte, string, error) {
			answer := answers[0]
			answers = answers[1:]
			return []byte(answer), "", nil
		}}
	once := func(want int) {
		t.Helper()
		if n, err := m.Once(t.Context()); n != want || err != nil {
			t.Errorf("got %d messages, %v, want %d", n, err, want)
		}
	}
	once(0)
	for _, left := range []sqssim.Stats{{}, {InFlight: 1}} { // the first is handled, the second fails
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("hello")}); err != nil {
			t.Fatal(err)
		}
		once(1)
		if got := server.Stats("q"); got != left {
			t.Errorf("got %+v, want %+v", got, left)
		}
	}
	once(0)
}

package sqssim_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"siesta/local/sqssim"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// target is a server under the suite, seen through the real client.
type target struct {
	*sqs.Client
	advance func(time.Duration) // lets time pass, or leaves that to long polls
	hidden  time.Duration       // for how long the suite hides a message: real time where advance is none
	strict  bool                // follows SQS where moto 5.2.1 is known not to
}

// while is hidden as an attribute has it.
func (on target) while() string { return strconv.Itoa(int(on.hidden.Seconds())) }

func client(url string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

func start(t testing.TB) (*sqssim.Server, *sqs.Client) {
	var server *sqssim.Server
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	server = sqssim.New(web.URL)
	return server, client(web.URL)
}

// ours is a server for one part of the suite, which moves its clock.
func ours(t testing.TB) target {
	server, c := start(t)
	return target{Client: c, strict: true, advance: server.Advance, hidden: time.Minute}
}

func moto(t *testing.T) (target, bool) {
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return target{}, false
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	cmd := exec.Command(path, "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		return target{}, false
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Running on") {
			go func() {
				for lines.Scan() {
				}
			}()
			return target{Client: client("http://127.0.0.1:" + strconv.Itoa(port)), advance: func(time.Duration) {}, hidden: 4 * time.Second}, true
		}
	}
	return target{}, false
}

func (on target) queue(t testing.TB, attributes map[string]string) (context.Context, string) {
	t.Helper()
	out, err := on.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q" + rand.Text()), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return t.Context(), *out.QueueUrl
}

func (on target) send(t testing.TB, url, body string, delay int32) string {
	t.Helper()
	out, err := on.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, DelaySeconds: delay})
	if err != nil {
		t.Errorf("send: %v", err)
		return ""
	}
	return *out.MessageId
}

// receive fails the test unless exactly one message comes within wait seconds.
func (on target) receive(t testing.TB, url string, wait int32) types.Message {
	t.Helper()
	out, err := on.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 1, WaitTimeSeconds: wait, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Messages) != 1 {
		t.Fatalf("received %d messages, want 1", len(out.Messages))
	}
	return out.Messages[0]
}

func (on target) wantNone(t testing.TB, url string) {
	t.Helper()
	out, err := on.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil || len(out.Messages) != 0 {
		t.Errorf("receive: got %v, %v, want nothing", out, err)
	}
}

func (on target) delete(t testing.TB, url, handle string) {
	t.Helper()
	if _, err := on.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &handle}); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func (on target) attributes(t testing.TB, url string) map[string]string {
	t.Helper()
	out, err := on.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes
}

// wantCounts compares visible, in flight, delayed.
func (on target) wantCounts(t testing.TB, url, want string) {
	t.Helper()
	a := on.attributes(t, url)
	got := a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"] + " " + a["ApproximateNumberOfMessagesDelayed"]
	if got != want {
		t.Errorf("visible, in flight, delayed: got %s, want %s", got, want)
	}
}

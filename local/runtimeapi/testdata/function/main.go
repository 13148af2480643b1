// Command function is a Lambda function that behaves as its event tells it to.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Text string
	N    int
}

type failingReader struct{ text io.Reader }

func (r failingReader) Read(b []byte) (int, error) {
	if n, err := r.text.Read(b); err == nil {
		return n, nil
	}
	return 0, errors.New("broke off")
}

func handle(ctx context.Context, e event) (any, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	switch e.Do {
	case "error":
		return nil, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(e.N)
	case "hang":
		fmt.Println("hanging", lc.AwsRequestID)
		time.Sleep(time.Hour)
	case "descend":
		cmd := exec.Command("sleep", "3600")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		fmt.Println("descendant", cmd.Process.Pid)
		if e.Text == "exit" {
			os.Exit(0)
		}
		time.Sleep(time.Hour)
	case "big":
		return strings.Repeat("x", e.N), nil
	case "stream":
		return failingReader{strings.NewReader("half")}, nil
	case "environment":
		return os.Environ(), nil
	}
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"text": e.Text, "request": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
		"left_ms": time.Until(deadline).Milliseconds(), "pid": os.Getpid(),
	}, nil
}

func main() {
	switch os.Getenv("AT_START") {
	case "exit":
		fmt.Fprint(os.Stderr, "cannot start")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "sigterm":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("terminated"); os.Exit(0) }))
		return
	}
	lambda.Start(func(ctx context.Context, raw json.RawMessage) (any, error) {
		var e event
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		return handle(ctx, e)
	})
}

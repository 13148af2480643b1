package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	region = "us-east-1"
	// startLimit is for a server that imports half a registry, on a busy machine.
	startLimit = 2 * time.Minute
)

// moto is a running server of it.
type moto struct {
	tools, address string
	server         *exec.Cmd
	ended          chan error
}

// startMoto starts cloud.py's server, without Docker.
func startMoto(ctx context.Context, tools string) (*moto, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	log, err := os.Create(filepath.Join(folder, "moto.log"))
	if err != nil {
		return nil, fmt.Errorf("make moto's log: %w", err)
	}
	defer log.Close()
	m := &moto{tools: tools, ended: make(chan error, 1), address: fmt.Sprintf("http://localhost:%d", port)} // a name that moto finds its own bucket by
	m.server = exec.CommandContext(ctx, filepath.Join(tools, "python"), "proof/deploy/cloud.py", fmt.Sprint(port), folder)
	m.server.Env = m.environment([]string{"AWS_DEFAULT_REGION=" + region})
	m.server.Stdout, m.server.Stderr = log, log
	if err := m.server.Start(); err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	go func() { m.ended <- m.server.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if err = m.call(ctx, "moto", http.MethodPost, "/moto-api/config", `{"lambda": {"use_docker": false}}`, nil); err == nil {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case err := <-m.ended:
			return nil, fmt.Errorf("moto ends, %s says why: %w", log.Name(), err)
		case <-ctx.Done():
			m.stop()
			return nil, fmt.Errorf("moto does not answer: %w", err)
		}
	}
	return m, nil
}

func (m *moto) stop() {
	_ = m.server.Process.Kill()
	<-m.ended
}

// sqs makes one call of SQS.
func (m *moto) sqs(ctx context.Context, action string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", action, err)
	}
	return m.call(ctx, "sqs", action, "/", string(text), into)
}

// call makes one call of a service and decodes its JSON, unless into is nil. Of
// SQS the method is an action.
func (m *moto) call(ctx context.Context, service, method, path, body string, into any) error {
	action := method
	if service == "sqs" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, m.address+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("call moto: %w", err)
	}
	if service == "sqs" {
		r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=none/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=none")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("call moto: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("call moto: %s %s: %s", action, path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// output runs a command against moto and returns its standard output; an error
// holds what it wrote.
func (m *moto) output(cmd *exec.Cmd) ([]byte, error) {
	cmd.WaitDelay = waitDelay
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Env = m.environment([]string{"AWS_DEFAULT_REGION=" + region})
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", filepath.Base(cmd.Path), err, out, errs.Bytes())
	}
	return out, nil
}

// environment is of programs that take moto for AWS: this program's own, in which
// nothing else leads to one.
func (m *moto) environment(more []string) (env []string) {
	for _, assignment := range os.Environ() {
		if !strings.HasPrefix(assignment, "AWS_") {
			env = append(env, assignment)
		}
	}
	env = append(env, "AWS_ENDPOINT_URL="+m.address, "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0")
	return append(env, more...)
}

// there is what describe.py tells.
type there struct {
	Wanted    []string
	Made      map[string]string            // physical by logical name
	Queues    map[string]map[string]string // attributes by address
	Functions map[string]function          // by physical name
	Mappings  []struct {
		UUID, FunctionArn, EventSourceArn string
		BatchSize                         int
	}
	Buckets, Groups, Roles []string
}

type function struct {
	Runtime, Handler    string
	Timeout, MemorySize int
	Environment         struct{ Variables map[string]any }
}

// describe tells what a stack is, and what else is there.
func (m *moto) describe(ctx context.Context, stack string) (found there, err error) {
	out, err := m.output(exec.CommandContext(ctx, filepath.Join(m.tools, "python"), "proof/deploy/describe.py", stack))
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		return there{}, fmt.Errorf("describe %s: %w", stack, err)
	}
	return found, nil
}

package stack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"siesta/local/eventsource"
	"siesta/local/gateway"
	"siesta/local/runtimeapi"
)

// audience is whom the development tokens are for.
const audience = "siesta-local"

// tokenLife is how long the development token is good.
const tokenLife = 24 * time.Hour

// variables are the values of every setting that a function may have. What is
// absent here has its default on one machine.
func (s *Stack) variables() map[string]string {
	v := map[string]string{
		"DATABASE_URL":         s.DatabaseURL,
		"REDIS_URL":            s.RedisURL,
		"BUILD_QUEUE_URL":      s.BuildQueueURL,
		"PAUSE_QUEUE_URL":      s.PauseQueueURL,
		"BUILD_DLQ_URL":        s.SQS.URL("BuildDeadLetters"),
		"PAUSE_DLQ_URL":        s.SQS.URL("PauseDeadLetters"),
		"AWS_ENDPOINT_URL_SQS": s.SQSURL,
		"AWS_ENDPOINT_URL_S3":  s.S3URL,
		"SOURCE_STORE":         "s3://sources",
		"LOG_STORE":            "s3://logs",
		"E2B_API_URL":          s.E2BAPIURL,
		"E2B_SANDBOX_URL":      s.E2BSandboxURL,
		"E2B_DOMAIN":           s.E2BDomain,
		"E2B_API_KEY":          s.E2BAPIKey,
		"STACK_TAG":            s.identity.StackTag,
		"SEAL_KEY":             s.identity.SealKey,
	}
	if s.config.Env["AWS_ENDPOINT_URL_S3"] != "" { // an S3 elsewhere has no such buckets
		delete(v, "SOURCE_STORE")
		delete(v, "LOG_STORE")
	}
	for name, value := range s.config.Env {
		v[name] = value
	}
	return v
}

// Variables are all that the template declares for functions, as they are here:
// empty is what has its default.
func (s *Stack) Variables() map[string]string {
	set, all := s.variables(), map[string]string{}
	for _, f := range s.template.Functions {
		for _, name := range f.Variables {
			all[name] = set[name]
		}
	}
	return all
}

func (s *Stack) startRuntime(context.Context) (err error) {
	if s.Runtime, err = runtimeapi.New(runtimeapi.Options{Log: s.config.Log}); err != nil {
		return fmt.Errorf("start Runtime API: %w", err)
	}
	s.onClose(s.Runtime.Close)
	variables := s.variables()
	for _, f := range s.template.Functions {
		env := map[string]string{}
		for _, name := range f.Variables {
			if value, ok := variables[name]; ok {
				env[name] = value
			}
		}
		if err := s.asUser(f.Name, env); err != nil {
			return err
		}
		bootstrap := filepath.Join(s.config.BinDir, f.Name, "bootstrap")
		if _, err := os.Stat(bootstrap); err != nil {
			return fmt.Errorf("function %s is not built: run make build: %w", f.Name, err)
		}
		registered := runtimeapi.Function{
			Name: f.Name, Path: bootstrap, Env: env, Timeout: f.Timeout, Memory: f.Memory, MaxProcesses: s.config.Processes,
		}
		if s.config.ProcessEnv != nil {
			registered.ProcessEnv = func(process int) map[string]string { return s.config.ProcessEnv(f.Name, process, env) }
		}
		if err := s.Runtime.Register(registered); err != nil {
			return fmt.Errorf("register function %s: %w", f.Name, err)
		}
	}
	return nil
}

// startGateway serves the template's routes, and the admin address beside it.
func (s *Stack) startGateway(context.Context) error {
	api := gateway.API{CORS: (*gateway.CORS)(s.template.CORS)}
	if api.CORS != nil {
		api.CORS.AllowOrigins = append(api.CORS.AllowOrigins, s.config.Origins...)
	}
	for _, route := range s.template.Routes {
		api.Routes = append(api.Routes, gateway.Route(route))
	}
	front := &gateway.Gateway{API: api, Invoke: s.Invoke, Report: s.config.Report}
	mux := http.NewServeMux()
	mux.Handle("/", front)
	address, err := s.serve(mux)
	if err != nil {
		return err
	}
	s.APIURL = "http://" + address
	issuer, err := gateway.OpenIssuer(filepath.Join(s.config.DataDir, "issuer.pem"), s.APIURL, audience)
	if err != nil {
		return err
	}
	front.Authorizer = issuer.Authorizer()
	mux.Handle("/.well-known/", issuer)
	s.issuer = issuer
	if s.Token, err = s.TokenFor("developer"); err != nil {
		return err
	}
	admin, err := s.serve(s.admin())
	s.AdminURL = "http://" + admin
	return err
}

// TokenFor signs a token of a user.
func (s *Stack) TokenFor(user string) (string, error) { return s.issuer.Token(user, nil, tokenLife) }

// startPolling lets the queues and the schedule call their functions.
func (s *Stack) startPolling(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	s.polling, s.mappings = stop, map[string]eventsource.Mapping{}
	for _, f := range s.template.Functions {
		switch {
		case f.Queue != "":
			mapping := eventsource.Mapping{
				Queue: s.SQS.Queue(f.Queue), Function: f.Name, Invoke: s.Invoke, BatchSize: f.Batch,
				MaxConcurrency: s.config.Processes, PartialBatch: true, Report: s.config.Report,
			}
			s.mappings[f.Name] = mapping
			if !s.config.Undelivered {
				s.polls.Go(func() { mapping.Run(ctx) })
			}
		case f.Scheduled:
			s.Reconcile = eventsource.Schedule{Name: f.Name, Function: f.Name, Invoke: s.Invoke, Every: s.config.ReconcileEvery, Report: s.config.Report}
			if s.config.ReconcileEvery >= 0 {
				s.polls.Go(func() { s.Reconcile.Run(ctx) })
			}
		}
	}
	return nil
}

// Functions are the names of the functions that run.
func (s *Stack) Functions() []string {
	var names []string
	for _, f := range s.template.Functions {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

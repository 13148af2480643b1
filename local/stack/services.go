package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"

	"siesta/local/e2bsim"
	"siesta/local/postgresserver"
	"siesta/local/redisserver"
	"siesta/local/runtimeapi"
	"siesta/local/s3sim"
	"siesta/local/sqssim"
)

func listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

func (s *Stack) startPostgres(context.Context) (err error) {
	config := postgresserver.Config{TCP: true, Clock: s.config.Clock}
	if s.config.Keep {
		config.DataDir = filepath.Join(s.config.DataDir, "postgres")
	}
	if s.Postgres, err = postgresserver.Start(config); err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	s.DatabaseURL = s.Postgres.URL(postgresserver.Database)
	s.onClose(func() error { s.Postgres.Stop(); return nil })
	for name := range Rules {
		if err := s.Postgres.AddUser(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) startRedis(context.Context) (err error) {
	if s.Redis, err = redisserver.Start(redisserver.Config{TCP: true, Users: s.cacheUsers()}); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	s.RedisURL = s.Redis.URL()
	s.onClose(func() error { s.Redis.Stop(); return nil })
	return nil
}

// startS3 serves the archives of what is built: each is a file of the data folder.
func (s *Stack) startS3(context.Context) error {
	s.S3 = s3sim.New(filepath.Join(s.config.DataDir, "objects"), runtimeapi.SecretKey)
	address, err := s.serve(s.S3)
	s.S3URL = "http://" + address
	return err
}

// startSQS serves the template's queues under their logical names.
func (s *Stack) startSQS(context.Context) error {
	listener, err := listen()
	if err != nil {
		return err
	}
	s.SQSURL = "http://" + listener.Addr().String()
	s.SQS = sqssim.New(s.SQSURL)
	server := &http.Server{Handler: e2bsim.FromHere(s.SQS)}
	go func() { _ = server.Serve(listener) }() // ends with Close
	s.onClose(server.Close)
	for _, behind := range []bool{true, false} { // a dead-letter queue before the queue that names it
		for _, q := range s.template.Queues {
			if (q.DeadLetter == "") != behind {
				continue
			}
			attributes := map[string]string{}
			if q.Visibility > 0 {
				attributes["VisibilityTimeout"] = strconv.Itoa(q.Visibility)
			}
			if q.DeadLetter != "" {
				attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, s.SQS.ARN(q.DeadLetter), q.Receives)
			}
			if _, err := s.SQS.CreateQueue(q.Name, attributes); err != nil {
				return fmt.Errorf("make queue %s: %w", q.Name, err)
			}
		}
	}
	s.BuildQueueURL, s.PauseQueueURL = s.SQS.URL("BuildQueue"), s.SQS.URL("PauseQueue")
	return nil
}

// Package awsenv makes what the AWS clients need out of the environment that
// Lambda gives a function: configuration, and tokens by which the function's
// role logs on to Postgres and Redis. It stands in for the SDK's config module,
// whose search for profiles, SSO and instance roles costs more at a cold start
// than a function may. It knows no service's client.
package awsenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config is what the clients of AWS's services are made with.
type Config = aws.Config

// Load returns the configuration that the variables AWS_REGION,
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN describe.
// Lambda renews an environment before its credentials expire, so they are read
// once. The error names every variable that is missing.
func Load(getenv func(string) string) (Config, error) {
	var missing []error
	need := func(name string) string {
		v := getenv(name)
		if v == "" {
			missing = append(missing, fmt.Errorf("%s is not set: Lambda sets it; elsewhere, set it yourself", name))
		}
		return v
	}
	region := need("AWS_REGION")
	keys := aws.Credentials{
		AccessKeyID:     need("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: need("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if missing != nil {
		return aws.Config{}, errors.Join(missing...)
	}
	return aws.Config{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return keys, nil
		}),
		HTTPClient: newHTTPClient(),
	}, nil
}

// Endpoint is the address of a service other than AWS's own, such as
// AWS_ENDPOINT_URL_SQS for the service "SQS"; nil when there is none. It goes
// into the BaseEndpoint of the service's client.
func Endpoint(getenv func(string) string, service string) *string {
	if v := getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(service)); v != "" {
		return &v
	}
	return nil
}

// newHTTPClient bounds each phase of a request up to its answer's headers. A
// body may take as long as the caller's context allows.
func newHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			MaxIdleConnsPerHost:   10,
			ForceAttemptHTTP2:     true,
		},
		// A redirect would lose the signature; the SDK takes it for an error.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

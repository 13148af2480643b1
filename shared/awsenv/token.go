package awsenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A token is a request that nobody sends: its presigned URL without the scheme.
// It is looked at only when a connection begins, and is valid for 15 minutes.
const (
	tokenSeconds = "900"
	emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
)

// rdsToken is the password of a database user that has rds_iam, on the RDS
// instance, cluster or proxy at endpoint, which is host:port. Source of the
// form: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
func rdsToken(ctx context.Context, cfg aws.Config, endpoint, user string) (string, error) {
	if _, port, err := net.SplitHostPort(endpoint); err != nil || port == "" {
		return "", errors.New("make RDS token: the endpoint must be host:port")
	}
	return token(ctx, cfg, "rds-db", "https://"+endpoint, url.Values{"Action": {"connect"}, "DBUser": {user}})
}

// cacheToken is the password of an ElastiCache user with IAM authentication,
// on the cache or replication group of that name. Source of the form:
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
func cacheToken(ctx context.Context, cfg aws.Config, cacheName, user string, serverless bool) (string, error) {
	query := url.Values{"Action": {"connect"}, "User": {user}}
	if serverless {
		query.Set("ResourceType", "ServerlessCache")
	}
	// The signature is over the name in lower case, however it was created.
	return token(ctx, cfg, "elasticache", "http://"+strings.ToLower(cacheName), query)
}

func token(ctx context.Context, cfg aws.Config, service, address string, query url.Values) (string, error) {
	if cfg.Credentials == nil {
		return "", errors.New("make " + service + " token: no credentials")
	}
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("retrieve credentials: %w", err)
	}
	query.Set("X-Amz-Expires", tokenSeconds)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/?"+query.Encode(), nil)
	if err != nil {
		return "", fmt.Errorf("make %s token: %w", service, err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, req, emptyPayload, service, cfg.Region, time.Now())
	if err != nil {
		return "", fmt.Errorf("sign %s token: %w", service, err)
	}
	_, afterScheme, _ := strings.Cut(signed, "://")
	return afterScheme, nil
}

package awsenv

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// DatabaseLogin returns what makes a password for each new connection to
// Postgres, as the function's role.
func DatabaseLogin(cfg aws.Config) func(ctx context.Context, host string, port uint16, user string) (string, error) {
	return func(ctx context.Context, host string, port uint16, user string) (string, error) {
		return rdsToken(ctx, cfg, net.JoinHostPort(host, strconv.Itoa(int(port))), user)
	}
}

// CacheLogin returns what makes, for a user of the cache of that name at address,
// which is its URL, the login of each new connection. Serverless caches have a
// domain of their own, and tokens of their own.
func CacheLogin(cfg aws.Config) func(address, cache, user string) func(context.Context) (string, string, error) {
	return func(address, cache, user string) func(context.Context) (string, string, error) {
		serverless := false
		if u, err := url.Parse(address); err == nil {
			serverless = strings.Contains(u.Hostname(), ".serverless.")
		}
		return func(ctx context.Context) (string, string, error) {
			password, err := cacheToken(ctx, cfg, cache, user, serverless)
			return user, password, err
		}
	}
}

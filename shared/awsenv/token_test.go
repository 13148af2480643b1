package awsenv

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestTokensHaveTheDocumentedForm(t *testing.T) {
	cfg, err := Load(vars(lambdaVars))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	const db = "db.x.eu-central-1.rds.amazonaws.com:5432"
	tests := []struct {
		name, host, service string
		token               func() (string, error)
		query               map[string]string
	}{
		{
			"database", db, "rds-db",
			func() (string, error) { return rdsToken(ctx, cfg, db, "siesta_app") },
			map[string]string{"Action": "connect", "DBUser": "siesta_app"},
		},
		{
			"serverless cache", "my-cache", "elasticache",
			func() (string, error) { return cacheToken(ctx, cfg, "My-Cache", "siesta", true) },
			map[string]string{"Action": "connect", "User": "siesta", "ResourceType": "ServerlessCache"},
		},
		{
			"cache", "my-cache", "elasticache",
			func() (string, error) { return cacheToken(ctx, cfg, "my-cache", "siesta", false) },
			map[string]string{"Action": "connect", "User": "siesta"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := tt.token()
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse("https://" + token)
			if err != nil || u.Host != tt.host || u.Path != "/" {
				t.Fatalf("token %q: host %q, path %q, %v", token, u.Host, u.Path, err)
			}
			query := u.Query()
			day := query.Get("X-Amz-Date")[:8]
			want := maps.Clone(tt.query)
			maps.Copy(want, map[string]string{
				"X-Amz-Algorithm":      "AWS4-HMAC-SHA256",
				"X-Amz-Credential":     "AKIDEXAMPLE/" + day + "/eu-central-1/" + tt.service + "/aws4_request",
				"X-Amz-Date":           query.Get("X-Amz-Date"),
				"X-Amz-Expires":        "900",
				"X-Amz-Security-Token": "session/token==",
				"X-Amz-Signature":      signature(u, "secret/key+example", day, "eu-central-1", tt.service),
				"X-Amz-SignedHeaders":  "host",
			})
			if got := slices.Sorted(maps.Keys(query)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
				t.Errorf("parameters = %v", got)
			}
			for name, value := range want {
				if got := query.Get(name); got != value {
					t.Errorf("%s = %q, want %q", name, got, value)
				}
			}
		})
	}
}

// signature computes what the service computes to check a presigned GET:
// Signature Version 4 over the query without the signature, and the host.
func signature(u *url.URL, secret, day, region, service string) string {
	query := u.Query()
	query.Del("X-Amz-Signature")
	request := strings.Join([]string{
		"GET", "/", strings.ReplaceAll(query.Encode(), "+", "%20"), "host:" + u.Host, "", "host", hash(""),
	}, "\n")
	scope := day + "/" + region + "/" + service + "/aws4_request"
	text := strings.Join([]string{"AWS4-HMAC-SHA256", query.Get("X-Amz-Date"), scope, hash(request)}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestTokenOfNothingIsAnError(t *testing.T) {
	ctx := context.Background()
	cfg, err := Load(vars(lambdaVars))
	if err != nil {
		t.Fatal(err)
	}
	if token, err := rdsToken(ctx, cfg, "db.example.com", "u"); err == nil {
		t.Errorf("no port: got %q", token)
	}
	if token, err := rdsToken(ctx, aws.Config{Region: "x"}, "db.example.com:5432", "u"); err == nil {
		t.Errorf("no credentials: got %q", token)
	}
}

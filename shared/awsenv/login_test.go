package awsenv

import (
	"context"
	"net/url"
	"strings"
	"testing"
)

func TestLoginsAreTokensForTheirServer(t *testing.T) {
	cfg, err := Load(vars(lambdaVars))
	if err != nil {
		t.Fatal(err)
	}
	token, err := DatabaseLogin(cfg)(context.Background(), "db.example", 5433, "siesta")
	if err != nil || !strings.HasPrefix(token, "db.example:5433/?") || !strings.Contains(token, "DBUser=siesta") {
		t.Errorf("database: %q, %v", token, err)
	}
	for address, want := range map[string]string{
		"rediss://c-x.serverless.euc1.cache.amazonaws.com:6379":     "ServerlessCache",
		"rediss://clustercfg.c.x.euc1.cache.amazonaws.com:6379":     "",
		"rediss://serverless-not.c.x.euc1.cache.amazonaws.com:6379": "",
	} {
		user, token, err := CacheLogin(cfg)(address, "c", "siesta")(context.Background())
		if err != nil || user != "siesta" {
			t.Errorf("%s: user %q, %v", address, user, err)
		}
		u, err := url.Parse("http://" + token)
		if err != nil || u.Host != "c" || u.Query().Get("ResourceType") != want {
			t.Errorf("%s: host %q, type %q, want %q", address, u.Host, u.Query().Get("ResourceType"), want)
		}
	}
}

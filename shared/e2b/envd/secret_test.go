package envd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"siesta/shared/secrets"
)

func TestTheAccessTokenIsNotPrinted(t *testing.T) {
	c := New(Config{URL: "http://localhost:1", SandboxID: "i1", Token: secrets.NewText("tok-secret"), HTTP: &http.Client{}})
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "tok-secret") {
		t.Errorf("a secret shows in %s", text)
	}
}

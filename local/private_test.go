package main_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestASystemIsItsOwnersAlone: what it writes may be read by nobody else on the
// machine, also where an older file could, and what asks for no key acts for no
// web page.
func TestASystemIsItsOwnersAlone(t *testing.T) {
	if err := os.WriteFile(local("log"), []byte("older\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	keepUp(t, nil)
	for _, name := range []string{"log", "env", "env.json"} {
		if info, err := os.Stat(local(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf(".local/%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	at := assignments(t)
	for name, address := range map[string]string{"admin": at["ADMIN_URL"] + "/invoke/cancel", "SQS": at["SQS_URL"]} {
		for what, header := range map[string][2]string{
			"a form":         {"Content-Type", "application/x-www-form-urlencoded"},
			"another origin": {"Origin", "https://evil.example"},
			"another name":   {"Host", "evil.example"},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(header[0], header[1])
			req.Host = req.Header.Get("Host")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s, %s: %s", name, what, resp.Status)
			}
		}
	}
	if text, err := os.ReadFile(local("log")); err != nil || strings.Contains(string(text), "older") || strings.Contains(string(text), "cancel[") {
		t.Errorf("the log begins with what was before, or a refused call was made (%v): %s", err, text)
	}
}

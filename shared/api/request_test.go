package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"siesta/shared/job"
)

// event decodes an event as the gateway sends it.
func event(t *testing.T, text string) Request {
	t.Helper()
	var r Request
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUserIDIsTheCheckedSubject(t *testing.T) {
	got, err := UserID(event(t, `{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"user_1"}}}}}`))
	if got != "user_1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{
		`{}`,
		`{"requestContext":{"authorizer":{}}}`,
		`{"requestContext":{"authorizer":{"lambda":{"sub":"x"}}}}`,
		`{"requestContext":{"authorizer":{"jwt":{"claims":{}}}}}`,
		`{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"a\u0000b"}}}}}`,
		`{"headers":{"sub":"x"},"queryStringParameters":{"sub":"x"}}`,
	} {
		if got, err := UserID(event(t, text)); !errors.Is(err, job.ErrUnauthenticated) || got != "" {
			t.Errorf("%s: got %q, %v, want job.ErrUnauthenticated", text, got, err)
		}
	}
}

func TestTiersAreThoseOfTheNamedClaim(t *testing.T) {
	r := event(t, `{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"u","plan":"partner"}}}}}`)
	for name, want := range map[string][]job.Tier{"plan": {"partner"}, "other": nil, "": nil} {
		if got := Tiers(r, name); !slices.Equal(got, want) {
			t.Errorf("Tiers(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Tiers(Request{}, "plan"); got != nil {
		t.Errorf("without an authorizer: %q", got)
	}
	long := strings.Repeat("t", maxTier)
	for claim, want := range map[string][]job.Tier{
		"Pro Plan":                {"Pro Plan"},
		"[a b]":                   {"a", "b"},
		`["a","b c"]`:             {"a", "b c"},
		"[]":                      nil,
		"[":                       {"["},
		"[a " + long + "t b\x00]": {"a"},
		"[" + long + " b]":        {job.Tier(long), "b"},
	} {
		r.RequestContext.Authorizer.JWT.Claims["plan"] = claim
		if got := Tiers(r, "plan"); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", claim, got, want)
		}
	}
}

func TestJobIDIsCanonicalOrMissing(t *testing.T) {
	const id = "0b5ef2a4-8c11-4c7d-9c4e-0a1b2c3d4e5f"
	got, err := JobID(Request{PathParameters: map[string]string{"job_id": strings.ToUpper(id)}})
	if got != id || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, id)
	}
	for _, bad := range []string{"", "42", id + "0", "{" + id[1:], "0b5ef2a4%2D"} {
		if _, err := JobID(Request{PathParameters: map[string]string{"job_id": bad}}); !errors.Is(err, job.ErrNotFound) {
			t.Errorf("%q: %v, want job.ErrNotFound", bad, err)
		}
	}
	if _, err := JobID(Request{}); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("no parameters: %v", err)
	}
}

func TestBodyHasALimit(t *testing.T) {
	full := strings.Repeat("x", MaxBody)
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name    string
		body    string
		base64  bool
		wantLen int
		wantErr error
	}{
		{"text", `{"a":1}`, false, 7, nil},
		{"base64", encode(`{"a":1}`), true, 7, nil},
		{"none", "", false, 0, nil},
		{"full", full, false, MaxBody, nil},
		{"full in base64", encode(full), true, MaxBody, nil},
		{"over", full + "x", false, 0, job.ErrTooLarge},
		{"over in base64", encode(full + "x"), true, 0, job.ErrTooLarge},
		{"no base64", "{", true, 0, job.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Body(Request{Body: tt.body, IsBase64Encoded: tt.base64})
			if len(got) != tt.wantLen || !errors.Is(err, tt.wantErr) {
				t.Errorf("got %d bytes, %v, want %d, %v", len(got), err, tt.wantLen, tt.wantErr)
			}
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	with := func(key string) Request { return Request{Headers: map[string]string{"idempotency-key": key}} }
	if got, err := IdempotencyKey(with("abc-1")); got != "abc-1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := IdempotencyKey(with(strings.Repeat("字", 255))); err != nil {
		t.Errorf("255 characters: %v", err)
	}
	if got, err := IdempotencyKey(Request{}); got != "" || err != nil {
		t.Errorf("none: got %q, %v", got, err)
	}
	for _, bad := range []string{strings.Repeat("k", 256), "a\x00b", "a\nb"} {
		if _, err := IdempotencyKey(with(bad)); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%q: %v, want job.ErrInvalid", bad, err)
		}
	}
}

// FuzzEvent gives every reader of an event whatever JSON makes one.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"body":"e30=","isBase64Encoded":true,"pathParameters":{"job_id":"x"},"headers":{"idempotency-key":"k"},"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"u"}}}}}`))
	f.Add([]byte(`{"requestContext":{"authorizer":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Request
		if json.Unmarshal(data, &r) != nil {
			return
		}
		if id, err := UserID(r); (id == "") != (err != nil) || strings.ContainsRune(id, 0) {
			t.Errorf("UserID = %q, %v", id, err)
		}
		if id, err := JobID(r); (err == nil) != job.IsID(id) {
			t.Errorf("JobID = %q, %v", id, err)
		}
		for _, tier := range Tiers(r, "tier") {
			if tier == "" || len(tier) > maxTier || strings.ContainsRune(string(tier), 0) {
				t.Errorf("tier %q", tier)
			}
		}
		if body, err := Body(r); err != nil && body != nil || len(body) > MaxBody {
			t.Errorf("Body = %d bytes, %v", len(body), err)
		}
		if key, err := IdempotencyKey(r); err != nil && key != "" || strings.ContainsRune(key, 0) {
			t.Errorf("IdempotencyKey = %q, %v", key, err)
		}
	})
}

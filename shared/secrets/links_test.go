package secrets

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"siesta/shared/job"
)

const stack = "stack-under-test"

var (
	ofProject = job.Link{Follow: job.FollowProject, Share: "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69", Number: 3, Ends: time.Unix(1_800_000_000, 0).UTC()}
	ofJob     = job.Link{Follow: job.FollowJob, Share: ofProject.Share, Number: 1, JobID: jobID, Ends: ofProject.Ends}
	links     = []job.Link{ofProject, ofJob, withLogs(ofProject), withLogs(ofJob)}
)

func withLogs(l job.Link) job.Link {
	l.Logs = true
	return l
}

func sign(t testing.TB, s *Links, l job.Link) string {
	t.Helper()
	token, err := s.Sign(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestALinkOpensAsItWasSigned(t *testing.T) {
	s := NewLinks(sealer(t, oldKey), stack)
	for _, l := range links {
		token := sign(t, s, l)
		if got, err := s.Open(ctx, token); got != l || err != nil {
			t.Errorf("%s opens as %+v, %v; want %+v", token, got, err, l)
		}
		if len(token) > 90 {
			t.Errorf("%s is long", token)
		}
	}
}

// Whatever is changed, cut off or added: nobody is told what was wrong.
func TestAWrongTokenIsNoLink(t *testing.T) {
	s := NewLinks(sealer(t, oldKey), stack)
	for _, l := range links {
		token := sign(t, s, l)
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(raw) {
			raw[bit/8] ^= 1 << (bit % 8)
			if got, err := s.Open(ctx, base64.RawURLEncoding.EncodeToString(raw)); !errors.Is(err, job.ErrNoLink) {
				t.Errorf("bit %d changed: %+v, %v", bit, got, err)
			}
			raw[bit/8] ^= 1 << (bit % 8)
		}
		for n := range token {
			if _, err := s.Open(ctx, token[:n]); !errors.Is(err, job.ErrNoLink) {
				t.Errorf("%d letters of it: %v", n, err)
			}
			// The last letter has bits that say nothing.
			for _, c := range []byte("AQgwBCDE-_=+/\n") {
				if other := token[:n] + string(c) + token[n+1:]; other != token {
					if _, err := s.Open(ctx, other); !errors.Is(err, job.ErrNoLink) {
						t.Errorf("%q: %v", other, err)
					}
				}
			}
		}
		for _, other := range []string{token + "A", token + "=", " " + token, token + "\n"} {
			if _, err := s.Open(ctx, other); !errors.Is(err, job.ErrNoLink) {
				t.Errorf("%q: %v", other, err)
			}
		}
	}
}

func TestALinkOpensForItsStackAndItsKeysOnly(t *testing.T) {
	token := sign(t, NewLinks(sealer(t, oldKey), stack), ofJob)
	for name, c := range map[string]struct {
		keys, stack string
		opens       bool
	}{
		"a key that was added since": {newKey + "," + oldKey, stack, true},
		"another key":                {newKey, stack, false},
		"a copy of the stack":        {oldKey, "copy", false},
	} {
		if _, err := NewLinks(sealer(t, c.keys), c.stack).Open(ctx, token); (err == nil) != c.opens || err != nil && !errors.Is(err, job.ErrNoLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rotated := NewLinks(sealer(t, newKey+","+oldKey), stack)
	if _, err := NewLinks(sealer(t, newKey), stack).Open(ctx, sign(t, rotated, ofJob)); err != nil {
		t.Errorf("the newest key does not sign: %v", err)
	}
}

// A key that was rotated a moment ago opens at once; what anybody sends makes one
// ask for keys once a minute.
func TestUnknownKeysAreAskedForSeldom(t *testing.T) {
	fetched := 0
	value := oldKey
	s := NewLinks(&Sealer{newSource(func(context.Context) (string, error) { fetched++; return value, nil })}, stack)
	old := sign(t, s, ofJob)
	value = newKey + "," + oldKey
	token := sign(t, NewLinks(sealer(t, newKey), stack), ofJob)
	if _, err := s.Open(ctx, token); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	forged := sign(t, NewLinks(sealer(t, oldKey[1:]+"0"), stack), ofJob)
	for range 5 {
		if _, err := s.Open(ctx, forged); !errors.Is(err, job.ErrNoLink) {
			t.Errorf("a forged token: %v", err)
		}
	}
	if _, err := s.Open(ctx, old); err != nil || fetched != 2 {
		t.Errorf("fetched %d times, %v; want 2", fetched, err)
	}
}

// FuzzOpenLink holds the reader of tokens to: it opens nothing but what was signed.
func FuzzOpenLink(f *testing.F) {
	s := NewLinks(sealer(f, oldKey), stack)
	signed := map[string]job.Link{}
	for _, l := range links {
		token := sign(f, s, l)
		signed[token] = l
		f.Add(token)
		f.Add(token[1:])
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := s.Open(ctx, token)
		if want, ok := signed[token]; ok != (err == nil) || got != want {
			t.Errorf("%q opens as %+v, %v", token, got, err)
		}
	})
}

package secrets

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"siesta/shared/job"
)

var (
	ctx    = context.Background()
	oldKey = strings.Repeat("0123456789abcdef", 4)
	newKey = strings.Repeat("fedcba9876543210", 4)
	values = map[string]string{"API_TOKEN": "hunter2", "EMPTY": ""}
)

const jobID = "0b5ef2a4-8c11-4c7d-9c4e-0a1b2c3d4e5f"

func sealer(t testing.TB, keys string) *Sealer {
	t.Helper()
	s, err := NewSealer(Fixed(keys))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func seal(t testing.TB, s *Sealer) []byte {
	t.Helper()
	sealed, err := s.Seal(ctx, jobID, values)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedValuesOpenForTheirJobOnly(t *testing.T) {
	s := sealer(t, oldKey)
	sealed := seal(t, s)
	if bytes.Contains(sealed, []byte("hunter2")) || bytes.Contains(sealed, []byte("API_TOKEN")) {
		t.Errorf("sealed values can be read: %q", sealed)
	}
	if got, err := s.Open(ctx, jobID, sealed); err != nil || !maps.Equal(got, values) {
		t.Errorf("got %v, %v, want %v", got, err, values)
	}
	if got, err := s.Open(ctx, job.NewID(), sealed); err == nil {
		t.Errorf("another job opened %v", got)
	}
	if bytes.Equal(sealed, seal(t, s)) {
		t.Error("two sealings are the same")
	}
}

func TestChangedSealedValuesDoNotOpen(t *testing.T) {
	s := sealer(t, oldKey)
	sealed := seal(t, s)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.Open(ctx, jobID, changed); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
		if _, err := s.Open(ctx, jobID, sealed[:i]); i > 0 && err == nil {
			t.Errorf("opened %d bytes of it", i)
		}
	}
}

func TestNoValuesSealToNothing(t *testing.T) {
	s := sealer(t, oldKey)
	if sealed, err := s.Seal(ctx, jobID, nil); sealed != nil || err != nil {
		t.Errorf("Seal = %v, %v", sealed, err)
	}
	if got, err := s.Open(ctx, jobID, nil); len(got) != 0 || err != nil {
		t.Errorf("Open = %v, %v", got, err)
	}
}

func TestARotatedKeyOpensOldValues(t *testing.T) {
	sealedOld := seal(t, sealer(t, oldKey))
	both := sealer(t, newKey+", "+oldKey)
	if got, err := both.Open(ctx, jobID, sealedOld); err != nil || !maps.Equal(got, values) {
		t.Errorf("old values: got %v, %v", got, err)
	}
	if got, err := sealer(t, newKey).Open(ctx, jobID, seal(t, both)); err != nil || !maps.Equal(got, values) {
		t.Errorf("the newest key did not seal: got %v, %v", got, err)
	}
	if _, err := sealer(t, newKey).Open(ctx, jobID, sealedOld); err == nil {
		t.Error("opened without the key")
	}
}

func TestAWarmProcessLearnsOfARotation(t *testing.T) {
	st := &store{value: oldKey}
	s, err := NewSealer(st.source())
	if err != nil {
		t.Fatal(err)
	}
	if st.fetches != 0 {
		t.Error("the key was fetched before it was needed")
	}
	seal(t, s)
	st.value = newKey + "\n" + oldKey
	sealedNew := seal(t, sealer(t, newKey))
	if got, err := s.Open(ctx, jobID, sealedNew); err != nil || !maps.Equal(got, values) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestKeysOutOfReachAreUnavailable(t *testing.T) {
	s, err := NewSealer((&store{err: errors.New("down")}).source())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal(ctx, jobID, values); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("Seal: %v", err)
	}
	if _, err := s.Open(ctx, jobID, seal(t, sealer(t, oldKey))); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("Open: %v", err)
	}
}

func TestBadKeysAreRefusedAndNotShown(t *testing.T) {
	for _, bad := range []string{"", " , ", oldKey[1:], oldKey + "00", "zz" + oldKey[2:], newKey + ",short"} {
		_, err := NewSealer(Fixed(bad))
		if err == nil {
			t.Errorf("%q was taken", bad)
			continue
		}
		if !strings.Contains(err.Error(), "64 hex digits") || strings.Contains(err.Error(), oldKey[2:12]) || strings.Contains(err.Error(), "'z'") {
			t.Errorf("err = %v", err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, newKey+","+oldKey)
	sealed := seal(f, s)
	f.Add(sealed)
	f.Add(sealed[:headerSize])
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := s.Open(ctx, jobID, data)
		if err == nil && len(data) > 0 && !maps.Equal(got, values) { // what Seal made is a seed
			t.Errorf("opened a forgery: %v", got)
		}
	})
}

package secrets

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A sealed value is: the version of this form, the id of the key, then the
// nonce and the ciphertext of AES-256-GCM. What is bound to it without being in
// it is the job's id, so that one job's values never open for another's.
const (
	sealVersion = 1
	keyIDSize   = 4
	headerSize  = 1 + keyIDSize
	keySize     = 32
)

// errSealed says no more than that, whoever asks.
var errSealed = errors.New("open sealed values: they were not sealed for this job with one of the keys")

// Sealer seals the env values of a job. Its keys are 64 hex digits each, with
// commas or blanks between them, the newest first: that one seals, all open.
type Sealer struct{ keys *Source }

// NewSealer returns a Sealer over keys. Fixed keys are checked at once, those
// of Secrets Manager when they are first needed.
func NewSealer(keys *Source) (*Sealer, error) {
	if !keys.Rotates() {
		if _, err := parseKeys(keys.value); err != nil {
			return nil, err
		}
	}
	return &Sealer{keys}, nil
}

// Seal returns env sealed for a job; nil for an empty one.
func (s *Sealer) Seal(ctx context.Context, jobID string, env map[string]string) ([]byte, error) {
	if len(env) == 0 {
		return nil, nil
	}
	keys, err := s.load(ctx, false)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("encode values: %w", err)
	}
	newest := keys[0]
	header := append([]byte{sealVersion}, newest.id[:]...)
	return newest.aead.Seal(header, nil, plain, bound(header, jobID)), nil
}

// Open returns what Seal was given for that job; nil for nothing. Keys that
// were rotated since they were fetched are fetched once more.
func (s *Sealer) Open(ctx context.Context, jobID string, sealed []byte) (map[string]string, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	if len(sealed) < headerSize || sealed[0] != sealVersion {
		return nil, errSealed
	}
	keys, err := s.load(ctx, false)
	if err != nil {
		return nil, err
	}
	k, ok := find(keys, sealed)
	if !ok {
		if keys, err = s.load(ctx, true); err != nil {
			return nil, err
		}
		if k, ok = find(keys, sealed); !ok {
			return nil, errSealed
		}
	}
	header := sealed[:headerSize]
	plain, err := k.aead.Open(nil, nil, sealed[headerSize:], bound(header, jobID))
	if err != nil {
		return nil, errSealed
	}
	var env map[string]string
	if json.Unmarshal(plain, &env) != nil {
		return nil, errSealed
	}
	return env, nil
}

// key is one key, ready for use; its id is a digest, which tells nothing of it.
type key struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
	raw  []byte
}

func (s *Sealer) load(ctx context.Context, refresh bool) ([]key, error) {
	text, err := s.keys.Get(ctx, refresh)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

func parseKeys(text Text) ([]key, error) {
	fields := strings.FieldsFunc(text.Reveal(), func(c rune) bool { return c == ',' || c <= ' ' })
	if len(fields) == 0 {
		return nil, errors.New("seal key: there is none; set 64 hex digits")
	}
	var keys []key
	for _, f := range fields {
		raw, err := hex.DecodeString(f)
		if err != nil || len(raw) != keySize { // err would show a digit
			return nil, errors.New("seal key: must be 64 hex digits; of several, with commas between them, the newest first")
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, fmt.Errorf("seal key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("seal key: %w", err)
		}
		sum := sha256.Sum256(append([]byte("siesta seal key id "), raw...))
		keys = append(keys, key{id: [keyIDSize]byte(sum[:keyIDSize]), aead: aead, raw: raw})
	}
	return keys, nil
}

func find(keys []key, sealed []byte) (key, bool) {
	for _, k := range keys {
		if [keyIDSize]byte(sealed[1:headerSize]) == k.id {
			return k, true
		}
	}
	return key{}, false
}

// bound is what a sealed value is bound to.
func bound(header []byte, jobID string) []byte {
	return append(header[:headerSize:headerSize], jobID...)
}

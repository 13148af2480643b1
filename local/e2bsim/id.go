package e2bsim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// newID returns a sandbox's id: an i and 20 letters and digits.
func newID() string { return "i" + randomText(20) }

func randomText(n int) string {
	random := make([]byte, n)
	rand.Read(random)
	return spell(random)
}

// templateID returns the id behind a template's alias, the same every time.
func templateID(alias string) string {
	sum := sha256.Sum256([]byte(alias))
	return spell(sum[:20])
}

func spell(raw []byte) string {
	text := make([]byte, len(raw))
	for i, b := range raw {
		text[i] = idAlphabet[int(b)%len(idAlphabet)]
	}
	return string(text)
}

// token derives a sandbox's access token from its id, so it is the same after
// a resume.
func (s *Server) token(id string) string {
	mac := hmac.New(sha256.New, s.seed[:])
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil))
}

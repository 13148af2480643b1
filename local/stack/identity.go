package stack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// identity is what makes one data folder's system different from any other:
// two of them never take each other's sandboxes for their own.
type identity struct {
	StackTag  string
	SealKey   string
	E2BAPIKey string
}

// identityFile is its name in the data folder.
const identityFile = "identity.json"

// openIdentity reads the identity of a data folder, or makes one.
func openIdentity(file string) (identity, error) {
	var id identity
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		id = identity{StackTag: random(16), SealKey: random(32), E2BAPIKey: "e2b_" + random(20)}
		if text, err = json.Marshal(id); err == nil {
			err = writeWhole(file, text)
		}
	case err == nil:
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		return identity{}, fmt.Errorf("open identity of the data folder: %w", err)
	}
	return id, nil
}

// writeWhole writes a file that is there whole or not at all, whenever this
// process is killed.
func writeWhole(file string, text []byte) error {
	aside := file + ".new"
	if err := os.WriteFile(aside, text, 0o600); err != nil {
		return err
	}
	return os.Rename(aside, file)
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, says its documentation
	return hex.EncodeToString(b)
}

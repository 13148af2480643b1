package job

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
)

// SourceNone is the SourceKey of a job whose code is not kept.
const SourceNone = "none"

// MaxKept is the most bytes that kept code may have, packed.
const MaxKept = 100 << 20

// SourceKey is where the code of a job is kept, as an archive whose SHA-256 is
// hash. All of a user's are below one folder, and each job has its own, so that
// no two rows share one and either may go when it is deleted.
func SourceKey(userID, projectID, jobID string, hash [sha256.Size]byte) string {
	user := sha256.Sum256([]byte(userID))
	return hex.EncodeToString(user[:]) + "/" + projectID + "/" + jobID + "/" + hex.EncodeToString(hash[:]) + packed
}

// packed is how every SourceKey ends.
const packed = ".tar.gz"

// SourceHash is the SHA-256 of what a SourceKey names, in hex.
func SourceHash(key string) string { return strings.TrimSuffix(path.Base(key), packed) }

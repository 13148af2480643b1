package job

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// The metadata that marks a sandbox as ours. A sandbox without our own stack's
// tag is never touched.
const (
	TagStack  = "siesta_stack"  // the stack; unique in the world
	TagJob    = "siesta_job"    // the job's id
	TagCreate = "siesta_create" // the number of the create call
)

// Tags is the metadata of the sandbox that a numbered create call makes.
func Tags(stack, jobID string, createNo int) map[string]string {
	return map[string]string{TagStack: stack, TagJob: jobID, TagCreate: strconv.Itoa(createNo)}
}

// CreateKey names a numbered create call in the whole world, in letters a to f
// and digits: no other call has its key, so that of two with the same one E2B
// carries out one.
func CreateKey(stack, jobID string, createNo int) string {
	sum := sha256.Sum256([]byte(stack + "\n" + jobID + "\n" + strconv.Itoa(createNo)))
	return hex.EncodeToString(sum[:])
}

package job

import "strconv"

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

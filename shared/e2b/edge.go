package e2b

import "encoding/json"

// EdgeAnswer is what E2B's edge proxy says in its own JSON when it does not pass
// a request on to the sandbox.
type EdgeAnswer struct {
	SandboxID string `json:"sandboxId"`
	Message   string `json:"message"`
	Code      int    `json:"code"` // the HTTP status once more
	Port      int    `json:"port"` // 0 where the sandbox does not run
}

// ParseEdge reads a body as an answer of the edge; false: it is somebody
// else's, since only the edge names the sandbox.
func ParseEdge(body []byte) (EdgeAnswer, bool) {
	var a EdgeAnswer
	err := json.Unmarshal(body, &a)
	return a, err == nil && a.SandboxID != ""
}

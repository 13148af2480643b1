package job

import "strings"

// Preload is where the program lies in a sandbox that Node runs before the server
// of an app, if its plan says so.
const Preload = "/home/user/.siesta/preload.cjs"

// Server is the start command as it is run. Options that the sandbox or the
// request give to Node stay.
func (p Plan) Server() string {
	if p.Preload == "" {
		return p.Start
	}
	export := `export NODE_OPTIONS="--require FILE${NODE_OPTIONS:+ $NODE_OPTIONS}"`
	return strings.Replace(export, "FILE", p.Preload, 1) + "\n" + p.Start
}

package job

import (
	"maps"
	"strconv"
	"strings"
)

// DefaultPort is an app's port as long as nothing says another.
const DefaultPort = 3000

// DaemonPort is where E2B's own daemon listens in every sandbox: what answers there
// is no app. It is the only port that E2B itself keeps; that of a template's
// server, such as the code interpreter's, may well be an app's.
const DaemonPort = 49983

// Environment is what a command of the app finds beside the sandbox's own
// variables: the request's env, what its kind needs, and what makes the usual
// servers reachable under a preview's address, which is below domain.
func (p Plan) Environment(env map[string]string, domain string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, p.Env)
	maps.Copy(all, env)
	port := p.Port
	if port == 0 {
		port = DefaultPort
	}
	all["PORT"], all["HOST"] = strconv.Itoa(port), "0.0.0.0"
	all["BROWSER"] = "none" // react-scripts would open one
	host, _, _ := strings.Cut(domain, ":")
	all["__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS"] = "." + host // Vite refuses hosts that it does not know
	return all
}

package detect

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"siesta/shared/job"
)

// beside is the plan of a page in a folder, "." the root, with that of the server
// in another one, and what is to be said of that: a page whose every fetch fails is
// of no use. Both are installed and started, and the environment's PORT is the
// page's alone. The server may fail by itself: its page still shows, and the log
// says why.
func beside(v View, folder string, page job.Plan) (plan job.Plan, besides string) {
	plan, front := page, v
	if folder != "." {
		plan, front = within(folder, page), v.in(folder)
	}
	if slices.Contains(backFolders, folder) || folder == "." && !leavesOut(v, page) {
		return plan, ""
	}
	for _, back := range backFolders {
		server, err := planOf(v.in(back))
		if err != nil || server.Framework == "static" || folder == "." && v.in(back).has(lists...) == "" {
			continue
		}
		port, said := "unset PORT", ""
		if n := serverPort(front, page, server); n != 0 {
			port, said = fmt.Sprintf("export PORT=%d", n), fmt.Sprintf(", port %d", n)
		}
		server = within(back, server)
		plan.Install = both(plan.Install, server.Install)
		plan.Start = fmt.Sprintf("# with %s/ beside it\n(\n%s\n%s\n) &\n%s", back, port, server.Start, plan.Start)
		plan.Several = true
		plan.Env = maps.Clone(plan.Env)
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		maps.Copy(plan.Env, server.Env)
		plan.Reloads = page.Reloads && server.Reloads
		return plan, "; beside it " + server.Framework + said + ", in " + back + "/"
	}
	return plan, ""
}

// lists are files of a folder that is a project of its own: without one, what is
// below a root may be parts of it, such as functions that something else runs.
var lists = []string{"package.json", "requirements.txt", "pyproject.toml", "Pipfile", "manage.py", "go.mod", "composer.json", "Gemfile", "deno.json"}

// leavesOut reports a root that is a page, whose scripts start nothing else.
func leavesOut(v View, page job.Plan) bool {
	p, err := readProject(v)
	if err != nil || !slices.ContainsFunc(toolKinds, func(k nodeKind) bool { return k.Name == page.Framework }) {
		return false
	}
	for _, script := range []string{"dev", "start"} {
		for _, t := range p.targets(".", script, 0) {
			if t.together || t.folder != "." || slices.Contains(interpreters, t.program) {
				return false
			}
		}
	}
	return true
}

// both are two commands, each with a shell of its own, which it may leave.
func both(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return "(\n" + first + "\n) && (\n" + second + "\n)"
}

var (
	// proxyFiles are where a front end says what it hands on; view.sh reads them.
	proxyFiles = []string{"package.json", "vite.config.js", "vite.config.ts", "vite.config.mjs", "vue.config.js", "next.config.js", "next.config.mjs", "next.config.ts",
		"nuxt.config.ts", "proxy.conf.json", "src/proxy.conf.json", "src/setupProxy.js"}
	onLocalhost = regexp.MustCompile(`\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d+)`)
)

// serverPort is the PORT of a server beside a page: where the page looks for it,
// else the kind's own. 0 is for one that has its own in its code, as Node's do.
func serverPort(front View, page, server job.Plan) int {
	for _, file := range proxyFiles {
		for _, found := range onLocalhost.FindAllStringSubmatch(front.text(file), -1) {
			if n := number(found[1]); n != 0 && n != page.Port {
				return n
			}
		}
	}
	switch {
	case slices.ContainsFunc(serverKinds, func(k nodeKind) bool { return k.Name == server.Framework }):
		return 0
	case server.Framework == "flask":
		return 5000 // where flask run listens, which its pages know
	case server.Port == page.Port:
		return server.Port + 1
	}
	return server.Port
}

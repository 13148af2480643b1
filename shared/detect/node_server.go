package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// server is the program of a script that serves, as far as that can be told.
func (p project) server(script string) target {
	targets := p.targets(".", script, 0)
	for _, t := range targets {
		if slices.Contains(interpreters, t.program) {
			return t
		}
	}
	return target{folder: ".", together: len(targets) > 0 && targets[0].together}
}

// script is the one to start a server by: dev before start, unless start names a
// file of the source, which nobody need build first.
func (p project) script(devFirst bool) string {
	m := p.manifest
	switch {
	case m.script("start") != "" && !devFirst && p.exists("start") && !p.bundles("dev"):
		return "start"
	case m.script("dev") != "":
		return "dev"
	case m.script("start") != "":
		return "start"
	}
	for _, name := range serverScripts {
		if m.script(name) != "" {
			return name
		}
	}
	return ""
}

// interpreters run a file of the project.
var interpreters = []string{"node", "nodemon", "tsx", "ts-node", "ts-node-dev", "tsnd", "bun", "deno", "nest", "fastify", "electron", "vite-node", "babel-node"}

// exists reports whether a script runs a file that the source has.
func (p project) exists(script string) bool {
	for _, t := range p.targets(".", script, 0) {
		if slices.Contains(interpreters, t.program) && slices.ContainsFunc(t.args, func(arg string) bool { return p.isFile(t.folder, arg) }) {
			return true
		}
	}
	return false
}

func (p project) isFile(folder, name string) bool {
	at := path.Join(folder, name)
	if at == "." {
		at = strings.TrimPrefix(p.manifest.Main.is, "./")
		if at == "" {
			at = "index"
		}
	}
	for _, ending := range []string{"", ".js", ".ts", ".mjs", ".cjs", "/index.js", "/index.ts"} {
		if p.view.Names[at+ending] {
			return true
		}
	}
	return false
}

var aFile = regexp.MustCompile(`\.[cm]?[jt]s$|/`)

// runsFile reports whether a script runs a file, be it there or not, and builds
// nothing itself.
func (p project) runsFile(script string) bool {
	found := false
	for _, t := range p.targets(".", script, 0) {
		if t.program == "tsc" || slices.Contains(t.args, "build") {
			return false
		}
		found = found || slices.Contains(interpreters, t.program) && slices.ContainsFunc(t.args, aFile.MatchString)
	}
	return found && p.manifest.script("pre"+script) == ""
}

// bundles reports whether a script runs what makes the page.
func (p project) bundles(script string) bool {
	return slices.ContainsFunc(p.targets(".", script, 0), func(t target) bool {
		return t.together || slices.ContainsFunc(toolKinds, func(k nodeKind) bool { return k.Tool == t.program && k.serves(t.args) })
	})
}

func (p project) serverKind() nodeKind {
	i := slices.IndexFunc(serverKinds, func(k nodeKind) bool { return p.manifest.uses(k.Packages...) })
	if i < 0 {
		i = len(serverKinds) - 1
	}
	return serverKinds[i]
}

func interpreter(file string) string {
	if strings.HasSuffix(file, ".ts") {
		return "npx --yes tsx"
	}
	return "node"
}

package detect

import (
	"path"
	"slices"
	"strings"
)

// reloads reports whether all that a script of the root starts shows changed files by
// itself. What only comes before it, such as a build, would have to be done again.
func (p project) reloads(script string) bool {
	all := p.targets(".", script, 0)
	return p.manifest.script("pre"+script) == "" && len(all) > 0 && !slices.ContainsFunc(all, func(t target) bool { return !t.reloads() })
}

// reloads is the same of a command.
func reloads(command string) bool {
	all, _ := calls(command)
	return len(all) > 0 && !slices.ContainsFunc(all, func(c call) bool { return !c.reloads() })
}

var (
	// reloading programs show changed files, or start anew what does, some of them as
	// one command of several. The servers of files read them each time.
	reloading = []string{"nodemon", "ts-node-dev", "tsnd", "node-dev", "start-storybook", "storybook dev", "fastapi dev", "streamlit run", "serve", "tsx watch"}
	// watching options make a program one of those, and for some -w does.
	watching = []string{"--watch", "--watch-path", "--hot", "--reload"}
	shortly  = []string{"tsc", "rollup", "nest", "fastify", "vite-node", "postcss", "tailwindcss", "chainlit"}
	// running programs take as their options only those before a file's name.
	running = []string{"node", "tsx", "bun", "deno", "ts-node", "babel-node"}
)

// reloads reports a call that is known to.
func (c call) reloads() bool {
	if program := path.Base(c.program); strings.HasPrefix(program, "python") {
		return c.python().reloads()
	}
	first, options := "", c
	if len(c.args) > 0 {
		first = c.args[0]
	}
	if slices.Contains(running, c.program) {
		if end := slices.IndexFunc(c.args, func(arg string) bool { return !strings.HasPrefix(arg, "-") && arg != "run" }); end >= 0 {
			options.args = c.args[:end]
		}
	}
	switch {
	case slices.Contains(c.args, "--watch=false"), c.has("--no-watch"):
		return false
	case slices.Contains(reloading, c.program), slices.Contains(reloading, c.program+" "+first), slices.ContainsFunc(watching, options.has):
		return true
	case c.program == "php":
		return options.has("-S")
	case c.program == "manage.py":
		return first == "runserver" && !c.has("--noreload")
	case c.program == "flask":
		return c.has("--debug") && !c.has("--no-reload")
	}
	return slices.Contains(shortly, c.program) && options.has("-w") ||
		slices.ContainsFunc(toolKinds, func(k nodeKind) bool { return k.Reloads && k.Tool == c.program && k.serves(c.args) })
}

// python is the program that Python runs.
func (c call) python() call {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-m" {
		args = args[1:]
	}
	switch {
	case len(args) > 1 && args[0] == "-m":
		return call{program: strings.ReplaceAll(args[1], "http.server", "serve"), args: args[2:]}
	case len(args) > 0:
		return call{program: args[0], args: args[1:]}
	}
	return call{}
}

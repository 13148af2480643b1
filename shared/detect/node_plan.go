package detect

import (
	"maps"
	"path"
	"slices"
	"strings"

	"siesta/shared/job"
)

// turboEnv lets turbo show its children the environment.
var turboEnv = map[string]string{"TURBO_ENV_MODE": "loose", "TURBO_TELEMETRY_DISABLED": "1"}

// planFor is the plan of a script that runs a target of a kind.
func (p project) planFor(kind nodeKind, script string, t target) job.Plan {
	plan := job.Plan{Framework: kind.Name, Install: p.install(script), Port: kind.Port, Reloads: p.reloads(script), Env: maps.Clone(kind.Env),
		Several: several(p.targets(".", script, 0))}
	own := t.port()
	if own != 0 {
		plan.Port = own
	}
	var args []string
	if t.reached {
		for _, arg := range kind.Args {
			option, _, _ := strings.Cut(strings.TrimSuffix(arg, `="$PORT"`), " ")
			if !kind.LastWins && (t.has(option) || own != 0 && strings.Contains(arg, "$PORT")) {
				continue
			}
			args = append(args, arg)
		}
		if kind.LastWins && len(kind.Args) > 0 {
			plan.Port = kind.Port
		}
	}
	plan.Start = kind.Before + p.manager.run(script, t.dashes, args...)
	beside := ""
	if t.together {
		beside = "beside others"
		if plan.Several && p.view.Port == 0 {
			plan.Start = "unset PORT && " + plan.Start // which of them would take it?
		}
	}
	if t.turbo {
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		maps.Copy(plan.Env, turboEnv)
	}
	in := ""
	if t.folder != "." && t.folder != "" {
		in = "in " + t.folder + "/"
	}
	by := script + " script"
	if own != 0 && plan.Port == own {
		by += " with a port of its own"
	}
	plan.Why = because(p.title(kind, t.folder), in, p.manager.why, by, beside)
	return plan
}

// several reports whether more than one of a script's programs may listen.
func several(targets []target) bool {
	servers := 0
	for _, t := range targets {
		if t.together && t.mayListen() {
			servers++
		}
	}
	return servers > 1
}

// has reports whether a call has an option in any form.
func (c call) has(option string) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return name == option
	})
}

// bare is the plan of a tool that no script runs.
func (p project) bare(kind nodeKind) job.Plan {
	words := append([]string{"exec", kind.Bare}, kind.Args...)
	return job.Plan{
		Framework: kind.Name, Install: p.manager.install(), Start: kind.Before + strings.Join(words, " "), Port: kind.Port, Reloads: kind.Reloads, Env: maps.Clone(kind.Env),
		Why: because(p.title(kind, "."), p.manager.why, "no script"),
	}
}

// title is a kind's with the version that the project asks for.
func (p project) title(kind nodeKind, folder string) string {
	for _, m := range []manifest{p.below[folder], p.manifest} {
		for _, name := range kind.Packages {
			if version := m.version(name); version != "" {
				return kind.Title + " " + version
			}
		}
	}
	return kind.Title
}

// install is the root's, and that of each other package that a script goes to.
func (p project) install(script string) string {
	install := p.manager.install()
	var done []string
	for _, t := range p.targets(".", script, 0) {
		if _, ok := p.below[t.folder]; !ok || t.folder == "." || slices.Contains(p.packages, t.folder) || slices.Contains(done, t.folder) {
			continue
		}
		done = append(done, t.folder)
		view := p.view.in(t.folder)
		install += " && (cd " + quote(t.folder) + " && " + managerOf(view, p.below[t.folder]).install() + ")"
	}
	return install
}

// targets are the programs that a script of a folder's package runs in the end.
func (p project) targets(folder, script string, depth int) []target {
	const tooDeep = 5
	if depth > tooDeep {
		return nil
	}
	return p.programs(folder, p.below[folder].script(script), depth)
}

func (p project) programs(folder, text string, depth int) (all []target) {
	found, together := calls(text)
	for i, c := range found {
		at := path.Join(folder, c.folder)
		last := i == len(found)-1
		script, below, workspace, several := c.alias()
		switch {
		case slices.Contains(runners, c.program):
			for _, t := range p.started(at, c, depth) {
				t.reached, t.together = false, true
				t.turbo = t.turbo || c.program == "turbo"
				all = append(all, t)
			}
			continue
		case script == "":
			all = append(all, target{call: c, folder: at, reached: last, together: together})
			continue
		case several:
			for _, name := range p.packages {
				for _, t := range p.targets(name, script, depth+1) {
					t.reached, t.together = false, true
					all = append(all, t)
				}
			}
			continue
		case workspace != "":
			at = p.workspace(workspace)
		case below != "":
			at = path.Join(at, below)
		}
		inner := p.targets(at, script, depth+1)
		if len(inner) == 0 && p.below[at].script(script) == "" { // yarn vite, bun server.ts
			i := slices.Index(c.args, script)
			before, after := c.args[:i], c.args[i+1:]
			c.program, c.args = script, after
			if p.isFile(at, script) {
				c.program, c.args = "node", append(slices.Clone(before), script)
			}
			inner = []target{{call: c, folder: at, reached: true}}
		} else if c.program == "npm" {
			for i := range inner {
				inner[i].dashes++
			}
		}
		for _, t := range inner {
			t.reached = t.reached && last
			t.together = t.together || together
			all = append(all, t)
		}
	}
	return all
}

// workspace is the folder of a package that a script names by name or path.
func (p project) workspace(name string) string {
	name = strings.TrimSuffix(strings.Trim(name, `"'`), "...")
	for folder, m := range p.below {
		if m.Name.is == name || folder == path.Clean(name) {
			return folder
		}
	}
	for _, folder := range p.packages {
		if path.Base(folder) == path.Base(name) {
			return folder
		}
	}
	return path.Clean(name)
}

// started are the programs that a runner starts.
func (p project) started(folder string, c call, depth int) (all []target) {
	ofPackages := slices.Contains([]string{"turbo", "nx", "lerna", "moon"}, c.program)
	for _, arg := range c.args {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		if ofPackages {
			for _, name := range p.packages {
				if p.filtered(c.args, name) {
					all = append(all, p.targets(name, arg, depth+1)...)
				}
			}
			continue
		}
		name, named := strings.CutPrefix(arg, "npm:")
		m := p.below[folder]
		for _, script := range slices.Sorted(maps.Keys(m.Scripts.is)) {
			if matched, _ := path.Match(strings.ReplaceAll(name, ":", "/"), strings.ReplaceAll(script, ":", "/")); matched { // * is no colon
				all = append(all, p.targets(folder, script, depth+1)...)
				named = true
			}
		}
		if !named {
			all = append(all, p.programs(folder, arg, depth+1)...)
		}
	}
	return all
}

// filtered reports whether a runner's filter, if it has one, lets a package pass.
func (p project) filtered(args []string, folder string) bool {
	for i, arg := range args {
		option, value, joined := strings.Cut(arg, "=")
		if option != "--filter" && option != "-F" && option != "--scope" {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		return p.workspace(value) == folder
	}
	return true
}

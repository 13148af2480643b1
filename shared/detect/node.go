package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"siesta/shared/job"
)

// project is an app with a package.json.
type project struct {
	view     View
	manifest manifest
	manager  manager
	packages []string            // the folders of its workspaces, the likeliest page first
	below    map[string]manifest // of all folders that have one, "." the root's
}

// target is a program that a script runs in the end.
type target struct {
	call
	folder   string
	reached  bool // by what is appended to the script
	dashes   int  // npm's, between the script and the program
	together bool // it runs beside others
	turbo    bool
}

// node is the plan of an app with a package.json. ErrNothing: that starts
// nothing, and something beside it may.
func node(v View) (job.Plan, error) {
	if !v.Names["package.json"] {
		return job.Plan{}, ErrNothing
	}
	p, err := readProject(v)
	if err != nil {
		return job.Plan{}, err
	}
	finders := []func() (job.Plan, bool){p.byTool, p.byServer, p.byWorkspace, p.byEntry}
	if p.lacksManager() {
		finders = append([]func() (job.Plan, bool){p.byWorkspace}, finders...)
	}
	for _, find := range finders {
		if plan, ok := find(); ok {
			return plan, nil
		}
	}
	return job.Plan{}, ErrNothing
}

// lacksManager reports a root that starts by turbo, which finds no workspaces
// without a packageManager.
func (p project) lacksManager() bool {
	return p.manifest.PackageManager.is == "" && slices.ContainsFunc(p.targets(".", p.script(true), 0), func(t target) bool { return t.turbo })
}

func readProject(v View) (project, error) {
	m, err := readManifest(v)
	if err != nil {
		return project{}, err
	}
	p := project{view: v, manifest: m, manager: managerOf(v, m), below: map[string]manifest{".": m}}
	for _, file := range v.ending("/package.json") {
		folder := path.Dir(file)
		p.below[folder], _ = readManifest(v.in(folder)) // one that cannot be read may be a test's
	}
	p.packages = workspaces(v, m)
	return p, nil
}

// serverScripts are looked at after dev and start, if these run no server.
var serverScripts = []string{"serve", "develop", "start:dev", "dev:start", "server", "docs:dev", "docs:start"}

// byTool is for a script that runs a tool of the table.
func (p project) byTool() (job.Plan, bool) {
	for _, script := range append([]string{"dev", "start"}, serverScripts...) {
		targets := p.targets(".", script, 0)
		for _, t := range targets {
			for _, kind := range toolKinds {
				if kind.Tool == t.program && kind.serves(t.args) && (p.below[t.folder].uses(kind.Packages...) || p.manifest.uses(kind.Packages...)) {
					return p.planFor(kind, script, t), true
				}
			}
		}
		if slices.ContainsFunc(targets, func(t target) bool { return slices.Contains(interpreters, t.program) }) {
			break // it has a server of its own, which is what to start
		}
	}
	for _, kind := range toolKinds {
		if !p.manifest.uses(kind.Packages...) {
			continue
		}
		if script := p.script(true); kind.Custom && script != "" {
			return p.planFor(kind, script, target{folder: "."}), true
		}
		if kind.Bare != "" && p.manifest.script("dev") == "" && !p.usesServer() {
			return p.bare(kind), true
		}
	}
	return job.Plan{}, false
}

func (k nodeKind) serves(args []string) bool {
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	return (len(k.Verbs) == 0 || slices.Contains(k.Verbs, first)) && !slices.Contains(k.Not, first) && (k.Flag == "" || slices.Contains(args, k.Flag))
}

func (p project) usesServer() bool {
	return slices.ContainsFunc(serverKinds, func(k nodeKind) bool { return p.manifest.uses(k.Packages...) })
}

// byServer is for a server of the project's own.
func (p project) byServer() (job.Plan, bool) {
	for _, kind := range serverKinds {
		if len(kind.Packages) > 0 && !p.manifest.uses(kind.Packages...) {
			continue
		}
		script := p.script(kind.DevFirst)
		if script == "" {
			return job.Plan{}, false
		}
		plan := p.planFor(kind, script, p.server(script))
		if script != "dev" && !p.exists(script) && p.manifest.script("build") != "" && p.runsFile(script) {
			plan.Start, plan.Reloads = p.manager.command()+" run build && "+plan.Start, false
		}
		return plan, true
	}
	return job.Plan{}, false
}

// byWorkspace is for a root that starts nothing itself.
func (p project) byWorkspace() (job.Plan, bool) {
	for _, find := range []func(project) (job.Plan, bool){project.byTool, project.byServer} {
		for _, folder := range p.packages {
			view := p.view.in(folder)
			inner := project{view: view, manifest: p.below[folder], manager: p.manager, below: map[string]manifest{".": p.below[folder]}}
			if plan, ok := find(inner); ok {
				plan = within(folder, plan)
				plan.Install = p.manager.install()
				return plan, true
			}
		}
	}
	return job.Plan{}, false
}

// entries are what Node starts without a script.
var entries = []string{"server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "server.cjs", "index.cjs", "src/index.js", "src/server.js", "src/main.js",
	"server.ts", "index.ts", "app.ts", "main.ts", "src/index.ts", "src/server.ts", "src/main.ts"}

var listens = regexp.MustCompile(`\blisten\s*\(|\bserve\s*\(|createServer`)

// byEntry is for a package.json without scripts. A page's own script is no server.
func (p project) byEntry() (job.Plan, bool) {
	main := strings.TrimPrefix(p.manifest.Main.is, "./")
	for _, file := range append([]string{main}, entries...) {
		if !p.view.Names[file] || file == "" || p.view.Names["index.html"] && !p.usesServer() && !listens.MatchString(p.view.text(file)) {
			continue
		}
		kind := p.serverKind()
		plan := job.Plan{Framework: kind.Name, Port: kind.Port, Start: "exec " + interpreter(file) + " " + quote(file), Why: because(kind.Title, file)}
		if len(p.manifest.Dependencies.is)+len(p.manifest.DevDependencies.is) > 0 {
			plan.Install, plan.Why = p.manager.install(), because(p.title(kind, "."), p.manager.why, file)
		}
		return plan, true
	}
	return job.Plan{}, false
}

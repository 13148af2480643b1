package detect

import (
	"maps"
	"path"
	"slices"
	"strings"

	"siesta/shared/job"
)

// Open makes start, a command that is not of a plan, one of the plan: with what
// opens the apps of the view to their preview's address, whichever of them it
// starts. What a kind does by arguments only, it has to do itself. Nobody knows
// whether it reloads.
func Open(v View, plan job.Plan, start string) job.Plan {
	p, err := readProject(v)
	if err != nil {
		p = project{view: v} // whose start may be more than one program all the same
	}
	plan.Start, plan.Reloads, plan.Several = start, false, several(p.programs(".", start, 0))
	before, env := v.opening()
	if before != "" {
		line, _, _ := strings.Cut(start, "\n")
		plan.Start = "# " + line + ", with the preview's address allowed\n" + before + start
	}
	plan.Env = maps.Clone(plan.Env)
	if plan.Env == nil {
		plan.Env = env
	}
	maps.Copy(plan.Env, env)
	return plan
}

// opening is a command for bash and an environment, for all kinds in the view.
func (v View) opening() (before string, env map[string]string) {
	env = map[string]string{}
	for _, kind := range slices.Concat(toolKinds, serverKinds) {
		if (kind.Before != "" || len(kind.Env) > 0) && v.DependsOn(kind.Packages...) {
			before += kind.Before
			maps.Copy(env, kind.Env)
		}
	}
	if len(v.ending(".py")) > 0 {
		maps.Copy(env, unbuffered)
	}
	if file := v.named("manage.py"); file != "" {
		before += strings.ReplaceAll(djangoSettings, "{settings}", djangoModule(v.in(path.Dir(file))))
	}
	for _, kind := range monolithKinds {
		for _, file := range kind.Files {
			if v.named(file) != "" {
				before += kind.Before
			}
		}
	}
	return before, env
}

// named is the path of the shallowest file of that name, in any folder; else "".
func (v View) named(name string) string {
	if v.Names[name] {
		return name
	}
	if below := v.ending("/" + name); len(below) > 0 {
		return below[0]
	}
	return ""
}

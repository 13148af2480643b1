// Package detect owns how a project's files become a plan: what kind of app
// they are, and so how it is installed and started, and where it listens. It
// knows a project by a View alone, and no network, sandbox or job: the same view
// always makes the same plan.
//
// The kinds are tables: kinds_node.go, kinds_python.go and kinds_other.go, each
// shown in docs/builds.md. Whoever adds one adds its row and a file of testdata.
package detect

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"siesta/shared/job"
)

// ErrNothing: no file of the project says how it is started.
var ErrNothing = errors.New("no file says how to start the app")

// Plan is how the app of a view is installed and started. The plan has a
// Framework, which is the kind's name, and a Why, one line for people: what was
// recognized, by what, what was assumed, and the port.
//
// ErrNothing: the files do not say; the plan has what they list to install. A *job.InvalidError: they say something that
// cannot be, in words for whoever sent them.
func Plan(v View) (job.Plan, error) {
	plan, besides, err := find(v)
	if err != nil {
		return plan, err
	}
	asked := ""
	if v.Port != 0 {
		plan.Port, asked = v.Port, " as requested"
	}
	plan.Why += fmt.Sprintf(", port %d%s%s", plan.Port, asked, besides)
	return plan, nil
}

// ShowsPage reports whether an app of a kind, by its name, is a page with near
// certainty, and not an API.
func ShowsPage(framework string) bool {
	return framework == "static" || slices.ContainsFunc(toolKinds, func(k nodeKind) bool { return k.Name == framework })
}

// find is Plan without the port, and what is to be said of a server beside the app.
func find(v View) (plan job.Plan, besides string, err error) {
	plan, err = planOf(v)
	if err == nil {
		plan, besides = beside(v, ".", plan)
		return plan, besides, nil
	}
	if !errors.Is(err, ErrNothing) {
		return plan, "", err
	}
	for _, folder := range folders(v) {
		plan, err := planOf(v.in(folder))
		if err == nil {
			plan, besides = beside(v, folder, plan)
			return plan, besides, nil
		}
		if !errors.Is(err, ErrNothing) {
			return job.Plan{}, "", inFolder(folder, err)
		}
	}
	plan, err = last(v)
	return plan, "", err
}

// planOf is the plan of an app whose files are at the view's root.
func planOf(v View) (job.Plan, error) {
	for _, find := range []func(View) (job.Plan, error){monolith, node, python, others, page} {
		if plan, err := find(v); !errors.Is(err, ErrNothing) {
			return plan, err
		}
	}
	return job.Plan{}, ErrNothing
}

// last are the guesses for which any app in a folder is the better one.
func last(v View) (job.Plan, error) {
	if plan, ok := procfile(v); ok {
		return plan, nil
	}
	for _, find := range []func(View) (job.Plan, error){builtPage, dockerfile} {
		if plan, err := find(v); !errors.Is(err, ErrNothing) {
			return plan, err
		}
	}
	return installOnly(v), ErrNothing
}

// installOnly is for an app whose start its owner knows.
func installOnly(v View) job.Plan {
	if m, err := readManifest(v); err == nil && v.Names["package.json"] {
		return job.Plan{Install: managerOf(v, m).install()}
	}
	return job.Plan{Install: pythonInstall(v, "", plainPython).install}
}

// frontFolders are looked at first, backFolders last: the preview is the page.
var (
	frontFolders = []string{"frontend", "client", "web", "app", "ui", "www", "site"}
	backFolders  = []string{"backend", "server", "api"}
)

// folders are those one down that may hold the app, the likeliest first.
func folders(v View) (all []string) {
	rank := func(name string) int {
		for i, front := range frontFolders {
			if name == front {
				return i
			}
		}
		for _, back := range backFolders {
			if name == back {
				return len(frontFolders) + 1
			}
		}
		return len(frontFolders)
	}
	var byRank = map[int][]string{}
	for _, name := range v.folders() {
		if !isPart(name) {
			byRank[rank(name)] = append(byRank[rank(name)], name)
		}
	}
	for i := range len(frontFolders) + 2 {
		all = append(all, byRank[i]...)
	}
	return all
}

// within makes the plan of a folder one of the workspace.
func within(folder string, p job.Plan) job.Plan {
	enter := "cd " + quote(folder) + " && "
	if p.Install != "" {
		p.Install = enter + p.Install
	}
	p.Start = enter + p.Start
	p.Why += ", in " + folder + "/"
	return p
}

func inFolder(folder string, err error) error {
	var invalid *job.InvalidError
	if errors.As(err, &invalid) {
		return &job.InvalidError{Field: path.Join(folder, invalid.Field), Reason: invalid.Reason}
	}
	return err
}

func invalid(file, format string, args ...any) error {
	return &job.InvalidError{Field: file, Reason: fmt.Sprintf(format, args...)}
}

// because joins what made a plan.
func because(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

// quote makes one word for a shell.
func quote(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./@=:", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

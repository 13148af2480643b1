package detect

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"siesta/shared/job"
)

// python is the plan of a Python app. ErrNothing: there is no file to run.
func python(v View) (job.Plan, error) {
	e, kind, ok := pythonEntry(v)
	if (!ok || e.late) && len(v.ending(".py")) > 0 {
		if plan, ok := procfile(v); ok {
			return plan, nil
		}
	}
	if !ok {
		return job.Plan{}, ErrNothing
	}
	env := pythonInstall(v, e.text, kind)
	start := strings.NewReplacer("{python}", env.python, "{file}", quote(e.file), "{module}", e.module,
		"{object}", cmp.Or(e.object, "app"), "{factory}", e.factory).Replace(kind.Start)
	if folder := path.Dir(e.file); folder != "." && kind.Makes != "" && path.Base(e.file) != "__init__.py" {
		start = "PYTHONPATH=" + quote(".:"+folder) + " " + start // its imports may begin at either
	}
	return job.Plan{
		Framework: kind.Name, Install: env.install, Start: start, Port: kind.Port, Reloads: kind.Reloads, Env: unbuffered,
		Why: because(titled(v, kind), e.file, env.why),
	}, nil
}

// titled is a kind's title with the version that the project lists.
func titled(v View, kind pythonKind) string {
	if len(kind.Uses) == 0 {
		return kind.Title
	}
	listed := regexp.MustCompile(`(?mi)(?:^|["'\s])` + kind.Uses[0] + `(?:\[[^\]]*\])?["']?[ =~^>"']*(?:\{ *version *= *["'=~^>]+)?\b(0\.\d+|\d+)`)
	for _, file := range []string{"requirements.txt", "pyproject.toml", "Pipfile"} {
		if found := listed.FindStringSubmatch(v.text(file)); found != nil {
			return kind.Title + " " + found[1]
		}
	}
	return kind.Title
}

// unbuffered lets a log show at once what a server prints.
var unbuffered = map[string]string{"PYTHONUNBUFFERED": "1"}

// entry is a file that Python runs.
type entry struct {
	file    string
	text    string
	module  string // dotted
	object  string // the app's, "" if the text does not tell
	factory string // uvicorn's option for an object that makes it
	late    bool   // a guess: what a Procfile says is better
}

// surely are the entries that have their place in any project; maybe the others.
var (
	surely = []string{"main.py", "app.py", "server.py"}
	maybe  = []string{"streamlit_app.py", "run.py", "wsgi.py", "asgi.py", "application.py", "index.py", "api.py", "web.py", "demo.py",
		"app/main.py", "src/main.py", "app/app.py", "src/app.py", "app/server.py", "src/server.py", "api/main.py", "api/index.py", "api/app.py", "src/app/main.py",
		"app/asgi.py", "app/wsgi.py", "src/streamlit_app.py", "app/__init__.py", "src/__init__.py"}
)

// pythonEntry finds the file to run: the first that makes an app, else the first
// that is there.
func pythonEntry(v View) (e entry, kind pythonKind, ok bool) {
	all := slices.Concat(surely, maybe)
	if !hasOwnNeeds(v) {
		all = slices.DeleteFunc(all, func(file string) bool { return besidePage(v, file) })
	}
	for _, file := range v.ending(".py") { // a lone script, a package with a factory
		if !strings.Contains(file, "/") && file != "setup.py" || path.Base(file) == "__init__.py" && strings.Count(file, "/") == 1 {
			all = append(all, file)
		}
	}
	for _, file := range all {
		if e, kind, ok := appIn(v, file); ok {
			return e, kind, true
		}
	}
	for i, file := range all {
		e := newEntry(v, file)
		known := i < len(surely)+len(maybe) && path.Base(file) != "__init__.py"
		if v.Names[file] && (known || listens.MatchString(e.text)) {
			return e, listedKind(v), true
		}
	}
	return entry{}, pythonKind{}, false
}

// hasOwnNeeds reports whether the root lists what its Python needs.
func hasOwnNeeds(v View) bool { return v.has("requirements.txt", "pyproject.toml", "Pipfile") != "" }

// besidePage reports a file of a server's folder that has a front end beside it,
// which is the app's page.
func besidePage(v View, file string) bool {
	folder, _, ok := strings.Cut(file, "/")
	return ok && slices.Contains(backFolders, folder) && slices.ContainsFunc(frontFolders, func(front string) bool {
		return v.has(front+"/package.json", front+"/index.html") != ""
	})
}

// listedKind is told by what is to be installed.
func listedKind(v View) pythonKind {
	needs := strings.ToLower(v.text("requirements.txt") + "\n" + v.text("pyproject.toml") + "\n" + v.text("Pipfile"))
	for _, kind := range pythonKinds {
		if slices.ContainsFunc(kind.Uses, func(name string) bool { return strings.Contains(needs, name) }) {
			return kind
		}
	}
	return plainPython
}

func newEntry(v View, file string) entry {
	module := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__"), "/", ".")
	return entry{file: file, text: v.text(file), module: module, late: !slices.Contains(surely, file)}
}

var factories = regexp.MustCompile(`(?m)^(?:async )?def (create_app|make_app|create_application|get_app|app_factory)\(`)

// appIn tells by a file's text which app it makes, if any.
func appIn(v View, file string) (entry, pythonKind, bool) {
	e := newEntry(v, file)
	for _, kind := range pythonKinds {
		imports := `(?m)^\s*(?:from|import) +(?:` + strings.Join(kind.Uses, "|") + `)\b`
		if !regexp.MustCompile(imports).MatchString(e.text) {
			continue
		}
		if kind.Makes == "" {
			return e, kind, true
		}
		made := regexp.MustCompile(`(?m)^(\w+)(?: *:[^=\n]+)? *= *(?:\w+\.)?(?:` + kind.Makes + `|create_app|make_app)\(`)
		if found := made.FindStringSubmatch(e.text); found != nil {
			e.object = found[1]
			return e, kind, true
		}
		if found := factories.FindStringSubmatch(e.text); found != nil {
			e.object, e.factory = found[1], "--factory "
			return e, kind, true
		}
	}
	return entry{}, pythonKind{}, false
}

var settingsModule = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\]? *[,=] *["']([\w.]+)["']`)

// django is the plan of a manage.py. A database that is a file of the project is
// made ready; any other is its owner's.
func django(v View) job.Plan {
	settings := djangoModule(v)
	env := pythonInstall(v, "import django", djangoKind)
	migrate := ""
	if strings.Contains(v.text(strings.ReplaceAll(settings, ".", "/")+".py"), "backends.sqlite3") {
		migrate = env.python + " manage.py migrate --noinput\n"
	}
	start := strings.NewReplacer("{python}", env.python, "{settings}", settings, "{migrate}", migrate).Replace(djangoKind.Start)
	return job.Plan{
		Framework: djangoKind.Name, Install: env.install, Start: start, Port: djangoKind.Port, Reloads: djangoKind.Reloads, Env: unbuffered,
		Why: because(titled(v, djangoKind), "manage.py", env.why),
	}
}

// djangoModule is the module of a manage.py's settings.
func djangoModule(v View) string {
	if found := settingsModule.FindStringSubmatch(v.text("manage.py")); found != nil {
		return found[1]
	}
	return "settings"
}

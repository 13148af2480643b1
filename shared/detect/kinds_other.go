package detect

import (
	"strings"

	"siesta/shared/job"
)

// otherKind is a kind of app that one file tells, and that one tool of the
// sandbox runs.
type otherKind struct {
	Name    string   // as a plan's Framework
	Title   string   // as people write it
	Files   []string // one of these is there
	Tool    string   // what the sandbox must have; "": nothing that it may lack
	Lists   string   // the file of what is installed, if it has one
	Install string   // "": nothing
	Before  string   // a command for bash, in the shell of the start
	Start   string   // {file} is the one of Files
	Port    int
	Opens   string // for people: what opens it to its preview's address, beside Start
	Reloads bool   // what Start runs shows changed files by itself
	// is reports whether it is one, where a file's name does not tell. Nil: it does.
	is func(v View, file string) bool
}

// monolithKinds serve pages with an engine of their own: a package.json beside
// them makes their styles and scripts only.
var monolithKinds = []otherKind{
	{Name: "laravel", Title: "Laravel", Files: []string{"artisan"}, Tool: "php", Lists: "composer.json", Port: 8000, Reloads: true,
		Install: composer + " && { [ -f .env ] || cp .env.example .env; } && php artisan key:generate", Start: `exec php artisan serve --host 0.0.0.0 --port "$PORT"`},
	{Name: "rails", Title: "Rails", Files: []string{"bin/rails"}, Tool: "ruby", Lists: "Gemfile", Port: 3000, Reloads: true,
		Install: "bundle install", Before: "# bin/rails server, with the preview's address allowed\nexport RAILS_DEVELOPMENT_HOSTS=\"$__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS\"\n", Opens: "RAILS_DEVELOPMENT_HOSTS",
		Start: `exec bin/rails server -b 0.0.0.0 -p "$PORT"`},
}

// otherKinds are tried after Node and Python.
var otherKinds = []otherKind{
	{Name: "deno", Title: "Deno", Files: []string{"deno.json", "deno.jsonc"}, Install: denoInstall, Start: "exec " + deno + " task dev", Port: 8000, Opens: "PORT", is: says(`"dev"`)},
	{Name: "deno", Title: "Deno", Files: []string{"deno.json", "deno.jsonc"}, Install: denoInstall, Start: "exec " + deno + " task start", Port: 8000, Opens: "PORT", is: says(`"start"`)},
	{Name: "deno", Title: "Deno", Files: []string{"main.ts", "server.ts", "index.ts", "mod.ts"}, Install: denoInstall, Start: "exec " + deno + " run --allow-all {file}", Port: 8000, Opens: "PORT", is: says("Deno.")},
	{Name: "bun", Title: "Bun", Files: []string{"index.ts", "server.ts", "index.js", "server.js"}, Start: "exec npx --yes bun run {file}", Port: 3000, Opens: "PORT", is: says("Bun.")},
	{Name: "node", Title: "Node", Files: []string{"server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs"}, Start: "exec node {file}", Port: 3000, Opens: "PORT", is: isServer},
	{Name: "node", Title: "Node", Files: []string{"server.ts", "index.ts"}, Start: "exec npx --yes tsx {file}", Port: 3000, Opens: "PORT", is: isServer},
	{Name: "go", Title: "Go", Files: []string{"main.go"}, Tool: "go", Lists: "go.mod", Install: goInstall, Start: "exec go run .", Port: 8080, Opens: "PORT"},
	{Name: "go", Title: "Go", Files: []string{"cmd/server/main.go", "cmd/web/main.go", "cmd/app/main.go", "cmd/api/main.go", "cmd/main.go"}, Tool: "go", Lists: "go.mod", Install: goInstall, Start: "exec go run ./$(dirname {file})", Port: 8080, Opens: "PORT"},
	{Name: "php", Title: "PHP", Files: []string{"public/index.php"}, Tool: "php", Lists: "composer.json", Install: composerIf, Start: `exec php -S "0.0.0.0:$PORT" -t public`, Port: 8000, Reloads: true},
	{Name: "php", Title: "PHP", Files: []string{"index.php"}, Tool: "php", Lists: "composer.json", Install: composerIf, Start: `exec php -S "0.0.0.0:$PORT"`, Port: 8000, Reloads: true},
	{Name: "rack", Title: "Rack", Files: []string{"config.ru"}, Tool: "ruby", Lists: "Gemfile", Install: "bundle install", Start: `exec bundle exec rackup -o 0.0.0.0 -p "$PORT"`, Port: 9292},
	{Name: "ruby", Title: "Ruby", Files: []string{"app.rb", "main.rb", "server.rb"}, Tool: "ruby", Lists: "Gemfile", Install: "if [ -f Gemfile ]; then bundle install; fi", Start: "exec ruby {file}", Port: 4567, Opens: "PORT"},
}

const (
	// npm's package brings it to a sandbox that has none.
	deno        = `$(command -v deno || echo npx --yes deno)`
	denoInstall = deno + " --version"
	composer    = "composer install --no-interaction"
	composerIf  = "if [ -f composer.json ]; then " + composer + "; fi"
	// What go run would compile of the library, while the app is waited for.
	goInstall = "if [ -f go.mod ]; then go mod download; else go mod init app && go mod tidy; fi && { go build -o /dev/null ./... || true; }"
)

func says(word string) func(View, string) bool {
	return func(v View, file string) bool { return strings.Contains(v.text(file), word) }
}

// isServer tells a server from a page's own script.
func isServer(v View, file string) bool {
	return !v.Names["index.html"] || listens.MatchString(v.text(file))
}

// monolith is for an engine that a package.json must not hide.
func monolith(v View) (job.Plan, error) {
	if v.Names["manage.py"] && !(v.Names["package.json"] && v.Names["index.html"]) {
		return django(v), nil
	}
	return byFile(v, monolithKinds)
}

func others(v View) (job.Plan, error) { return byFile(v, otherKinds) }

func byFile(v View, kinds []otherKind) (job.Plan, error) {
	for _, kind := range kinds {
		for _, file := range kind.Files {
			if !v.Names[file] || kind.is != nil && !kind.is(v, file) {
				continue
			}
			return job.Plan{
				Framework: kind.Name, Install: kind.install(), Port: kind.Port, Reloads: kind.Reloads,
				Start: kind.Before + strings.ReplaceAll(kind.Start, "{file}", quote(file)), Why: because(kind.Title, file, v.has(kind.Lists)),
			}, nil
		}
	}
	return job.Plan{}, ErrNothing
}

// install says at once that a tool is missing.
func (k otherKind) install() string {
	if k.Tool == "" {
		return k.Install
	}
	there := "command -v " + k.Tool + ` >/dev/null || { echo "This app needs ` + k.Tool + `, which its sandbox does not have." >&2; exit 127; }`
	return strings.TrimSuffix(there+"\n"+k.Install, "\n")
}

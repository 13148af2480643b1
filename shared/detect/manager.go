package detect

import (
	"regexp"
	"slices"
	"strings"
)

// manager is a package manager in the version that goes with a project.
type manager struct {
	name   string   // npm, pnpm, yarn or bun
	from   string   // the package of npm that brings it; "" for npm itself
	extras []string // the packages of others that the scripts call
	why    string
	berry  bool     // Yarn 2 or later
	flags  []string // of npm's install
	locked bool     // npm has a lock file
}

var (
	pinned      = regexp.MustCompile(`^(npm|pnpm|yarn|bun)@(\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.]+)?)(?:\+|$)`)
	pnpmLock    = regexp.MustCompile(`(?m)^lockfileVersion: *'?(\d+)`)
	berryLock   = regexp.MustCompile(`(?m)^__metadata:\s*\n\s+version: *(\d+)`)
	callsOther  = regexp.MustCompile(`(?:^|[\s;&|"'])(pnpm|yarn|bun|bunx|pnpx)(?:\s|$)`)
	resolvedURL = regexp.MustCompile(`"resolved": *"https?://([^/"]+)`)
)

// npmFlags install the dev dependencies whatever NODE_ENV says, and run the
// packages' own install scripts, which npm from 12 on keeps from them.
var npmFlags = []string{"--include=dev", "--no-audit", "--no-fund", "--dangerously-allow-all-scripts"}

// managerOf tells by the manifest's own word, else the lock file, the workspace
// file, or what the scripts call.
func managerOf(v View, m manifest) manager {
	called := m.calledManagers()
	pm := manager{name: "npm", flags: slices.Clone(npmFlags)}
	word := pinned.FindStringSubmatch(m.PackageManager.is)
	lock := v.has("pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "package-lock.json", "npm-shrinkwrap.json")
	switch {
	case word != nil:
		pm.name, pm.why = word[1], word[1]+" "+word[2]+" by packageManager"
		pm.from = packageOf(word[1], word[2])
		pm.berry = pm.name == "yarn" && !strings.HasPrefix(word[2], "1.") && word[2] != "1"
	case lock == "pnpm-lock.yaml" || lock == "" && v.Names["pnpm-workspace.yaml"]:
		version := pnpmVersion(v)
		pm.name, pm.from, pm.why = "pnpm", "pnpm@"+version, "pnpm "+version
	case lock == "yarn.lock":
		version := "1"
		if found := berryLock.FindStringSubmatch(v.text(lock)); found != nil {
			version, pm.berry = berryVersion(number(found[1])), true
		}
		pm.name, pm.from, pm.why = "yarn", packageOf("yarn", version), "yarn "+version
	case strings.HasPrefix(lock, "bun."):
		pm.name, pm.from, pm.why = "bun", "bun", "bun"
	case lock == "" && len(called) == 1:
		pm.name, pm.from, pm.why = called[0], defaultPackage[called[0]], called[0]+" by its scripts"
	default:
		pm.why = "npm"
	}
	switch {
	case word != nil:
	case lock != "":
		pm.why += " by " + lock
	case pm.name == "pnpm" && v.Names["pnpm-workspace.yaml"]:
		pm.why += " by pnpm-workspace.yaml"
	case pm.name == "npm":
		pm.why += " by default"
	}
	if pm.name == "npm" {
		pm.from = "" // the sandbox's own will do
		pm.locked = v.has("package-lock.json", "npm-shrinkwrap.json") != ""
		if strange(v) {
			pm.flags = append(pm.flags, "--replace-registry-host=always")
		}
	}
	for _, other := range called {
		if other != pm.name {
			pm.extras = append(pm.extras, defaultPackage[other])
		}
	}
	return pm
}

// defaultPackage are the managers of which nothing tells the version. Up to 9,
// pnpm runs the packages' build scripts unasked.
var defaultPackage = map[string]string{"pnpm": "pnpm@9", "yarn": "yarn@1", "bun": "bun"}

func packageOf(name, version string) string {
	if name == "yarn" && !strings.HasPrefix(version, "1.") && version != "1" {
		return "@yarnpkg/cli-dist@" + version
	}
	return name + "@" + version
}

func pnpmVersion(v View) string {
	if found := pnpmLock.FindStringSubmatch(v.text("pnpm-lock.yaml")); found != nil {
		switch number(found[1]) {
		case 5:
			return "7"
		case 6:
			return "8"
		}
	}
	if file := "pnpm-workspace.yaml"; v.Names[file] && !strings.Contains(v.text(file), "packages:") {
		return "10" // 9 takes the file for workspaces alone
	}
	return "9"
}

// berryVersion is the Yarn that wrote a lock file of a version.
func berryVersion(metadata int) string {
	switch {
	case metadata <= 5:
		return "2"
	case metadata <= 7:
		return "3"
	default:
		return "4"
	}
}

// strange reports a lock file that has the addresses of a registry that neither
// npm nor the project's .npmrc uses.
func strange(v View) bool {
	found := resolvedURL.FindStringSubmatch(v.text("package-lock.json"))
	return found != nil && !slices.Contains([]string{"registry.npmjs.org", "registry.yarnpkg.com", "github.com", "codeload.github.com"}, found[1]) &&
		!strings.Contains(v.text(".npmrc"), found[1])
}

// calledManagers are those that the scripts call, npm not counted.
func (m manifest) calledManagers() (names []string) {
	for _, text := range m.Scripts.is {
		for _, found := range callsOther.FindAllStringSubmatch(text.is, -1) {
			name := map[string]string{"bunx": "bun", "pnpx": "pnpm"}[found[1]]
			if name == "" {
				name = found[1]
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// command is how the manager is called. npx brings those that a sandbox may not
// have, and shows them to the scripts too.
func (pm manager) command() string {
	if pm.from == "" && len(pm.extras) == 0 {
		return "npm"
	}
	if len(pm.extras) == 0 && !pm.berry {
		return "npx --yes " + pm.from
	}
	words := []string{"npx", "--yes"}
	for _, from := range append([]string{pm.from}, pm.extras...) {
		if from != "" {
			words = append(words, "-p", from)
		}
	}
	return strings.Join(append(words, pm.name), " ")
}

// install is a command for bash. NODE_ENV is the app's, and must not keep from it
// what it is built with. The packages' install scripts run, as they always did:
// the sandbox is there to run what is not trusted.
func (pm manager) install() string {
	command := pm.command()
	switch {
	case pm.name == "pnpm":
		return "NODE_ENV=development " + command + " install --no-frozen-lockfile --config.dangerously-allow-all-builds=true"
	case pm.berry:
		return "NODE_ENV=development YARN_ENABLE_SCRIPTS=true YARN_ENABLE_IMMUTABLE_INSTALLS=false " + command + " install"
	case pm.name != "npm":
		return "NODE_ENV=development " + command + " install"
	}
	flags := strings.Join(pm.flags, " ")
	install := command + " install " + flags
	first := "{ " + install
	if pm.locked {
		// npm ci throws away what a template has installed already, and refuses a
		// lock file that is behind its package.json; npm install mends the pair.
		first = "{ { [ ! -d node_modules ] && " + command + " ci " + flags + "; } || " + install
	}
	return first + `; } 2>&1 | tee "$HOME/.npm-install.log"; code=${PIPESTATUS[0]}; [ "$code" = 0 ] || {
	[ "$code" != 137 ] || echo "npm was killed, as the sandbox has too little memory for what it installs. A template can have more."
	grep -q 'code ERESOLVE' "$HOME/.npm-install.log" || exit "$code"
	echo "The packages contradict each other about what they need: a second try with --legacy-peer-deps."
	` + install + ` --legacy-peer-deps
}`
}

// run is a command for bash that becomes a script. dashes is how many more
// packages managers stand between the script and the arguments.
func (pm manager) run(script string, dashes int, args ...string) string {
	words := []string{"exec", pm.command(), "run", script}
	if len(args) > 0 {
		if pm.name == "npm" {
			dashes++
		}
		for range dashes {
			words = append(words, "--")
		}
	}
	return strings.Join(append(words, args...), " ")
}

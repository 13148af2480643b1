package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// call is one command of a script: a program and its arguments, without what
// only goes before it, such as cross-env or npx.
type call struct {
	program string
	args    []string
	folder  string // where a cd before it went, "" if nowhere
	portEnv int    // of a PORT= before it
}

// calls are a script's commands in their order. together: some of them run at
// the same time.
func calls(script string) (all []call, together bool) {
	folder := ""
	var words []string
	end := func() {
		if c, ok := callOf(words); ok {
			if c.program == "cd" && len(c.args) > 0 {
				folder = path.Join(folder, c.args[0])
			} else {
				c.folder = folder
				all = append(all, c)
			}
		}
		words = nil
	}
	for _, word := range shellWords(script) {
		switch word {
		case "&&", ";", "||", "|":
			end()
		case "&":
			end()
			together = true
		default:
			words = append(words, word)
		}
	}
	end()
	return all, together && len(all) > 1
}

// shellWords splits as a shell does, as far as scripts go: quotes, and operators
// as words of their own.
func shellWords(script string) (words []string) {
	var word strings.Builder
	begun, in := false, rune(0)
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for i, c := range script {
		switch {
		case in != 0 && c == in:
			in = 0
		case in == 0 && (c == '"' || c == '\''):
			in, begun = c, true
		case in != 0 && c == '\\' && in == '"': // an escaped quote stands for itself
		case in == 0 && (c == ' ' || c == '\t' || c == '\n'):
			end()
		case in == 0 && strings.ContainsRune("&|;", c) && (i == 0 || script[i-1] != '>'): // not 2>&1
			if i > 0 && rune(script[i-1]) == c && len(words) > 0 && words[len(words)-1] == string(c) && !begun {
				words[len(words)-1] += string(c)
				continue
			}
			end()
			words = append(words, string(c))
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	end()
	return words
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	// leading programs run the one that their first argument names.
	leading = []string{"cross-env", "cross-env-shell", "env", "npx", "bunx", "pnpx", "exec", "dotenv", "dotenvx", "time", "sudo", "--"}
)

func callOf(words []string) (c call, ok bool) {
	for len(words) > 0 {
		program := words[0]
		switch {
		case strings.HasPrefix(program, "PORT="):
			c.portEnv = number(program[len("PORT="):])
			words = words[1:]
		case assignment.MatchString(program), slices.Contains(leading, program):
			words = words[1:]
			for len(words) > 0 && strings.HasPrefix(words[0], "-") { // npx --yes
				words = words[1:]
			}
		case slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, program) && len(words) > 2 && slices.Contains([]string{"exec", "dlx", "x", "--bun"}, words[1]):
			words = words[2:]
		case strings.Contains(program, "node_modules/.bin/"):
			c.program, c.args = path.Base(program), words[1:]
			return c, true
		case program == "node" && len(words) > 1 && strings.Contains(words[1], "node_modules/"):
			_, inside, _ := strings.Cut(words[1], "node_modules/")
			name, _, _ := strings.Cut(inside, "/")
			if name == ".bin" {
				name = path.Base(inside)
			}
			c.program, c.args = name, words[2:]
			return c, true
		default:
			c.program, c.args = program, words[1:]
			if strings.HasPrefix(program, "@") { // npx @11ty/eleventy
				c.program = path.Base(program)
			}
			return c, true
		}
	}
	return call{}, false
}

// runners start several scripts at a time, or those of other packages: what is
// appended to them reaches none.
var runners = []string{"concurrently", "conc", "run-p", "npm-run-all", "run-s", "npm-run-all2", "turbo", "nx", "lerna", "wireit", "moon", "nf", "foreman", "pm2"}

// makers run beside a server and listen on nothing.
var makers = []string{"tsc", "tsc-watch", "vue-tsc", "tailwindcss", "postcss", "sass", "eslint", "vitest"}

// mayListen reports whether a call may be a server, as far as its program is known.
func (c call) mayListen() bool {
	runs := func(k nodeKind) bool { return k.Tool == c.program }
	serves := func(k nodeKind) bool { return runs(k) && k.serves(c.args) }
	return !slices.Contains(makers, c.program) && (slices.ContainsFunc(toolKinds, serves) || !slices.ContainsFunc(toolKinds, runs))
}

// managers run a script of a package.json.
var managers = []string{"npm", "pnpm", "yarn", "bun"}

// alias is the script that a call of a package manager runs, and where: a folder,
// or the name of a workspace's package. several: scripts of more than one package.
func (c call) alias() (script, folder, workspace string, several bool) {
	if !slices.Contains(managers, c.program) {
		return "", "", "", false
	}
	args := c.args
	for len(args) > 0 {
		name, value, joined := strings.Cut(args[0], "=")
		takes := func() string { // the value of an option
			if joined {
				return value
			}
			if len(args) > 1 {
				args = args[1:]
				return args[0]
			}
			return ""
		}
		switch {
		case name == "--":
			return script, folder, workspace, several
		case slices.Contains([]string{"--prefix", "--cwd", "-C", "--dir"}, name):
			folder = path.Clean(takes())
		case slices.Contains([]string{"-w", "--workspace", "--filter", "-F", "workspace"}, name):
			if c.program == "pnpm" && (name == "-w" || name == "--workspace") { // its root
				break
			}
			workspace = takes()
		case slices.Contains([]string{"-r", "--recursive", "--parallel", "--workspaces", "-ws", "workspaces"}, name):
			several = true
		case strings.HasPrefix(name, "-"), name == "run", name == "run-script", name == "foreach":
		case script == "":
			script = args[0]
		default: // its arguments
			return script, folder, workspace, several
		}
		args = args[1:]
	}
	if strings.ContainsAny(workspace, "*!{") || strings.HasSuffix(workspace, "...") {
		several = true
	}
	return script, folder, workspace, several
}

var portOption = regexp.MustCompile(`^(?:--port|-p|--PORT)(?:=(\d+))?$`)

// port is the one that a call names, else 0.
func (c call) port() int {
	for i, arg := range c.args {
		m := portOption.FindStringSubmatch(arg)
		if m == nil {
			continue
		}
		if m[1] != "" {
			return number(m[1])
		}
		if i+1 < len(c.args) {
			return number(c.args[i+1])
		}
	}
	return c.portEnv
}

func number(s string) (n int) {
	for _, c := range s {
		if c < '0' || c > '9' || n > 65535 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	if n > 65535 {
		return 0
	}
	return n
}

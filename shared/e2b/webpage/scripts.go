package webpage

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// markup finds what hides scripts, and what begins one. What is between two tags is
// not told from a text that speaks of tags: a script that is none has no answer
// that says anything.
var markup = regexp.MustCompile(`(?is)<!--.*?-->|<script\b((?:"[^"]*"|'[^']*'|[^>"'])*)>`)

var attribute = regexp.MustCompile(`(?is)(?:^|\s)(src|type|nomodule)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?`)

// importing finds the modules that one names, as dev servers write them: a
// statement begins its line.
var importing = regexp.MustCompile(`(?m)^\s*(?:import|export)\b[^"'\n;(){}]*(?:\{[^{}"';]*\}[^"'\n;(){}]*)?["']((?:/|\./|\.\./)[^"'\n]+)["']`)

// Scripts returns the addresses of the page's own scripts, in its order. Those of
// other hosts are nobody's mistake here, and those of tools no user's.
func Scripts(page *url.URL, html []byte) (scripts []*url.URL) {
	for _, tag := range markup.FindAllSubmatch(html, -1) {
		kind, src, old := "", "", false
		for _, a := range attribute.FindAllSubmatch(tag[1], -1) {
			value := strings.ReplaceAll(strings.Trim(string(a[2]), `"'`), "&amp;", "&")
			switch strings.ToLower(string(a[1])) {
			case "src":
				src = value
			case "type":
				kind = strings.ToLower(value)
			default:
				old = true
			}
		}
		runs := kind == "" || kind == "module" || strings.HasSuffix(kind, "/javascript")
		if src != "" && runs && !old {
			scripts = add(scripts, page, src)
		}
	}
	return scripts
}

// Imports returns the addresses of the modules that a module names, but for those
// that it loads when it needs them.
func Imports(module *url.URL, text []byte) (modules []*url.URL) {
	for _, found := range importing.FindAllSubmatch(text, -1) {
		modules = add(modules, module, string(found[1]))
	}
	return modules
}

func add(known []*url.URL, from *url.URL, reference string) []*url.URL {
	u, err := from.Parse(reference)
	if err != nil || u.Host != from.Host || tools(u.Path) {
		return known
	}
	u.Scheme, u.Fragment = from.Scheme, ""
	if slices.ContainsFunc(known, func(k *url.URL) bool { return *k == *u }) {
		return known
	}
	return append(known, u)
}

// tools reports whether a script is a tool's own: Vite's client, a package, or one
// of Next's, which answers 500 to the page itself where a script of its is broken.
func tools(path string) bool {
	for _, part := range []string{"/@", "/node_modules/", "/_next/"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxManifest is the size in bytes up to which a package.json is read.
const maxManifest = 1_000_000

// manifest is the part of a package.json that detection looks at. Every field
// may be missing, null or of another type.
type manifest struct {
	Name            loose[string]                     `json:"name"`
	Main            loose[string]                     `json:"main"`
	PackageManager  loose[string]                     `json:"packageManager"`
	Scripts         loose[map[string]loose[string]]   `json:"scripts"`
	Dependencies    loose[map[string]json.RawMessage] `json:"dependencies"`
	DevDependencies loose[map[string]json.RawMessage] `json:"devDependencies"`
	Workspaces      json.RawMessage                   `json:"workspaces"`
}

// loose is a value whose odd forms count as none.
type loose[T any] struct{ is T }

func (l *loose[T]) UnmarshalJSON(data []byte) error {
	var value T
	if json.Unmarshal(data, &value) == nil {
		l.is = value
	}
	return nil
}

// readManifest reads the package.json of a view, as npm does: with or without a
// byte order mark. The error is a *job.InvalidError.
func readManifest(v View) (m manifest, err error) {
	const file = "package.json"
	f := v.Files[file]
	if f.Size > maxManifest {
		return m, invalid(file, "has %d MB: it is read up to 1 MB", f.Size/1_000_000)
	}
	data := bytes.TrimPrefix([]byte(f.Text), []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return m, nil // a template's own, or one that is not written yet
	}
	err = json.Unmarshal(data, &m)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return m, nil
	case !errors.As(err, &syntax):
		return m, invalid(file, "is no object of JSON")
	}
	line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
	if json.Valid(withoutExtras(data)) {
		return m, invalid(file, "has a comment or a trailing comma near line %d, which JSON does not allow", line)
	}
	return m, invalid(file, "is not valid JSON near line %d", line)
}

var (
	comments = regexp.MustCompile(`("(?:[^"\\]|\\.)*")|//[^\n]*|/\*(?s:.*?)\*/`)
	trailing = regexp.MustCompile(`("(?:[^"\\]|\\.)*")|,(\s*[}\]])`)
)

// withoutExtras is JSON without comments and trailing commas.
func withoutExtras(data []byte) []byte {
	return trailing.ReplaceAll(comments.ReplaceAll(data, []byte("$1")), []byte("$1$2"))
}

// script is the text of a script, "" if there is none.
func (m manifest) script(name string) string { return m.Scripts.is[name].is }

func (m manifest) uses(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, one := m.Dependencies.is[name]
		_, other := m.DevDependencies.is[name]
		return one || other
	})
}

// versionOf finds the major version of what a dependency asks for, and the minor
// one, which is all that tells those before 1 apart.
var versionOf = regexp.MustCompile(`^[\^~>=v]*\s*(0\.\d+|\d+)`)

// version is the version that a dependency asks for, in short; "" if it is not
// told.
func (m manifest) version(name string) string {
	var text string
	raw, ok := m.Dependencies.is[name]
	if !ok {
		raw = m.DevDependencies.is[name]
	}
	_ = json.Unmarshal(raw, &text) // anything but a string tells nothing
	if found := versionOf.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// workspaces are the folders of the project's packages beside the root's own,
// those that may hold the page first.
func workspaces(v View, m manifest) (all []string) {
	if len(m.Workspaces) == 0 && !v.Names["pnpm-workspace.yaml"] && !v.Names["lerna.json"] {
		return nil
	}
	for _, file := range v.ending("/package.json") {
		all = append(all, path.Dir(file))
	}
	rank := func(folder string) int {
		if i := slices.Index(frontFolders, path.Base(folder)); i >= 0 {
			return i
		}
		if strings.HasPrefix(folder, "packages/") || slices.Contains([]string{"docs", "storybook", "e2e"}, path.Base(folder)) {
			return len(frontFolders) + 1
		}
		return len(frontFolders)
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

// DependsOn reports whether a package.json of the project lists one of the
// packages.
func (v View) DependsOn(names ...string) bool {
	for file := range v.Files {
		folder, ok := strings.CutSuffix(file, "package.json")
		if !ok || folder != "" && !strings.HasSuffix(folder, "/") {
			continue
		}
		part := v
		if folder != "" {
			part = v.in(strings.TrimSuffix(folder, "/"))
		}
		m, err := readManifest(part)
		if err == nil && m.uses(names...) {
			return true
		}
	}
	return false
}

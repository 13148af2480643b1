package contract

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/shared/env"
	"siesta/shared/job"
)

var (
	table     = regexp.MustCompile(`(?m)^\[(\w+)\.(\w+)\.parameters\]$`)
	override  = regexp.MustCompile(`(?m)^  "(\w+)=(.*)",`)
	configEnv = regexp.MustCompile(`--config-env[ =]<?(\w+)`)
)

// TestEveryStageCanBeDeployed: samconfig.toml has the tables of each stage that
// a document names, and of the one that "sam deploy" takes by itself; each gives
// the parameters that have no default, and no other than there are.
func TestEveryStageCanBeDeployed(t *testing.T) {
	named := map[string]string{"default": "sam itself"}
	for _, pattern := range []string{"*.md", "docs/*.*", "docs/examples/*", "template.yaml", "samconfig.toml", "infra/*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name, _ := filepath.Rel(root, path)
			for _, m := range configEnv.FindAllStringSubmatch(read(t, name), -1) {
				named[m[1]] = name
			}
		}
	}
	tables := samconfig(t)
	parameters := loadTemplate(t).At("Parameters")
	for stage, where := range named {
		for _, command := range []string{"global", "build", "deploy"} {
			if _, ok := tables[stage+"."+command]; !ok {
				t.Errorf("samconfig.toml has no table %s.%s.parameters, and %s names that stage", stage, command, where)
			}
		}
		var given []string
		for _, m := range override.FindAllStringSubmatch(tables[stage+".deploy"], -1) {
			given = append(given, m[1])
		}
		for _, p := range parameters.Keys() {
			if _, ok := parameters.At(p).Value.(map[string]any)["Default"]; !ok && !slices.Contains(given, p) {
				t.Errorf("samconfig.toml, stage %s: the parameter %s has no value", stage, p)
			}
		}
		for _, p := range given {
			if !slices.Contains(parameters.Keys(), p) {
				t.Errorf("samconfig.toml, stage %s: the template has no parameter %s", stage, p)
			}
		}
	}
	for name := range tables {
		if stage, _, _ := strings.Cut(name, "."); named[stage] == "" {
			t.Errorf("samconfig.toml has the stage %s, and no document names it", stage)
		}
	}
}

// samconfig is the text of each table of samconfig.toml, by stage.command.
func samconfig(t *testing.T) map[string]string {
	t.Helper()
	text := read(t, "samconfig.toml")
	tables := map[string]string{}
	found := table.FindAllStringSubmatchIndex(text, -1)
	for i, m := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		tables[text[m[2]:m[3]]+"."+text[m[4]:m[5]]] = text[m[1]:end]
	}
	return tables
}

// overrides are the parameters that a stage of samconfig.toml gives.
func overrides(t *testing.T, stage string) map[string]string {
	t.Helper()
	given := map[string]string{}
	for _, m := range override.FindAllStringSubmatch(samconfig(t)[stage+".deploy"], -1) {
		given[m[1]] = m[2]
	}
	return given
}

var (
	// item is a parameter as samconfig.toml and docs/config.md write one, in a comment too.
	item = regexp.MustCompile(`(?m)^[# ]*(?:"([A-Z]\w+=[^"]*)"|'([A-Z]\w+=[^']*)'),`)
	// whole is what SAM's parser takes whole: anything else it cuts at the first
	// quote or blank, or refuses.
	whole = regexp.MustCompile(`^\w+=("(\\.|[^"\\])*"|(\\.|[^\s"\\])+)$`)
)

// TestParametersAreWrittenAsSamReadsThem: no example and no stage gives a value of
// which SAM takes a part; the limits among them are limits.
func TestParametersAreWrittenAsSamReadsThem(t *testing.T) {
	limits := 0
	for _, file := range []string{"samconfig.toml", "docs/config.md"} {
		for _, m := range item.FindAllStringSubmatch(read(t, file), -1) {
			text := m[1] + m[2]
			if !whole.MatchString(text) {
				t.Errorf("%s: SAM would not take %s whole", file, text)
			}
			value, ok := strings.CutPrefix(text, "Limits=")
			if !ok {
				continue
			}
			limits++
			unquoted := strings.ReplaceAll(strings.Trim(value, `"`), `\"`, `"`)
			r := env.New(func(string) string { return unquoted })
			var read map[job.Tier]job.Limits
			if r.JSON("LIMITS", &read); r.Err() != nil {
				t.Errorf("%s: %s: %v", file, text, r.Err())
			}
		}
	}
	if limits != 4 {
		t.Errorf("%d examples of limits, want a full and an empty one in each file", limits)
	}
}

package contract

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siesta/shared/job"
)

func loadOpenAPI(t *testing.T) node {
	t.Helper()
	return parseYAML(t, read(t, "docs/openapi.yaml"))
}

func TestRoutesAreDocumented(t *testing.T) {
	tmpl, doc := loadTemplate(t), loadOpenAPI(t)
	var routes []string
	for _, f := range tmpl.functions() {
		if e, ok := tmpl.event(f, "HttpApi"); ok {
			routes = append(routes, e.At("Method").Text()+" "+e.At("Path").Text())
		}
	}
	var documented []string
	for _, path := range doc.At("paths").Keys() {
		for _, method := range doc.At("paths", path).Keys() {
			if method == "parameters" {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			documented = append(documented, route)
			for _, status := range []string{"401", "500", "503"} {
				if doc.At("paths", path, method, "responses", status).Value == nil {
					t.Errorf("%s: the answer %s is not described", route, status)
				}
			}
		}
	}
	agree(t, "routes of docs/openapi.yaml", documented, routes)
}

// answers are the structs that become JSON, by package and name, and the schemas
// that describe them.
var answers = map[string]string{
	"functions/start response":        "Started",
	"functions/snapshot response":     "Snapshot",
	"functions/cancel response":       "Cancelled",
	"functions/resume resumed":        "Resumed",
	"functions/resume pending":        "Resuming",
	"shared/api statusResponse":       "Status",
	"shared/api errorBody":            "Error",
	"shared/api errorBody of sandbox": "SandboxError",
	"shared/api errorDetail":          "SandboxError.detail",
}

// TestAnswersAreDocumented: every key of an answer is described, and promised to
// be there unless it may be left out; no other key is.
func TestAnswersAreDocumented(t *testing.T) {
	schemas := loadOpenAPI(t).At("components", "schemas")
	var packages []string
	for name, f := range loadTemplate(t).functions() {
		if _, ok := loadTemplate(t).event(f, "HttpApi"); ok {
			packages = append(packages, "functions/"+name)
		}
	}
	seen := map[string]bool{}
	for _, dir := range append(packages, "shared/api") {
		for name, keys := range jsonStructs(t, dir) {
			for _, which := range []string{dir + " " + name, dir + " " + name + " of sandbox"} {
				path, ok := answers[which]
				if !ok {
					continue
				}
				seen[which] = true
				schemaName, property, _ := strings.Cut(path, ".")
				schema := schemas.At(schemaName)
				if property != "" {
					schema = schema.At("properties", property)
				}
				var all, always, required []string
				for key, optional := range keys {
					all = append(all, key)
					if !optional {
						always = append(always, key)
					}
				}
				for _, r := range schema.At("required").List() {
					required = append(required, r.Text())
				}
				agree(t, "docs/openapi.yaml, properties of "+path, schema.At("properties").Keys(), all)
				agree(t, "docs/openapi.yaml, required properties of "+path, required, always)
			}
			if _, ok := answers[dir+" "+name]; !ok {
				t.Errorf("%s: struct %s has json tags, and no schema of docs/openapi.yaml is said to describe it", dir, name)
			}
		}
	}
	for which := range answers {
		if !seen[which] {
			t.Errorf("there is no struct %s", which)
		}
	}
}

// TestSandboxErrorsAreDocumented: the detail of such an error is an object, where
// a client that was promised a text would break.
func TestSandboxErrorsAreDocumented(t *testing.T) {
	tmpl, doc := loadTemplate(t), loadOpenAPI(t)
	var answering, documented []string
	for name, f := range tmpl.functions() {
		e, ok := tmpl.event(f, "HttpApi")
		if !ok {
			continue
		}
		if regexp.MustCompile(`\bjob\.ErrSandbox(Expired|Unreachable)\b`).MatchString(source(t, "functions/"+name)) {
			answering = append(answering, name)
		}
		answer := doc.At("paths", e.At("Path").Text(), strings.ToLower(e.At("Method").Text()), "responses", "503")
		if strings.Contains(fmt.Sprint(answer.Value), "schemas/SandboxError") {
			documented = append(documented, name)
		}
	}
	agree(t, "docs/openapi.yaml, functions whose 503 may be a SandboxError", documented, answering)
}

// source is the code of a package, without its tests.
func source(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			all.WriteString(read(t, strings.TrimPrefix(path, root+"/")))
		}
	}
	return all.String()
}

// TestStatesAreDocumented: a client that knows the enumerations meets no other
// value.
func TestStatesAreDocumented(t *testing.T) {
	properties := loadOpenAPI(t).At("components", "schemas", "Status", "properties")
	for key, states := range map[string]string{"status": fmt.Sprint(job.Statuses()), "sandbox_state": fmt.Sprint(job.SandboxStates())} {
		var documented []string
		for _, n := range properties.At(key, "enum").List() {
			documented = append(documented, n.Text())
		}
		agree(t, "values of "+key, documented, strings.Fields(strings.Trim(states, "[]")))
	}
}

// TestBoundsAreDocumented: what the contract allows is not refused as too long.
func TestBoundsAreDocumented(t *testing.T) {
	schemas := loadOpenAPI(t).At("components", "schemas")
	request := schemas.At("Request", "properties")
	for name, c := range map[string]struct {
		documented node
		bound      int
	}{
		"goal":      {request.At("goal", "maxLength"), job.MaxGoal},
		"command":   {schemas.At("Command", "maxLength"), job.MaxCommand},
		"files":     {request.At("source", "properties", "files", "maxProperties"), job.MaxFiles},
		"variables": {request.At("env", "maxProperties"), job.MaxEnv},
		"value":     {request.At("env", "additionalProperties", "maxLength"), job.MaxEnvValue},
	} {
		if got := c.documented.Number(); got != c.bound {
			t.Errorf("%s: docs/openapi.yaml allows %d, the code %d", name, got, c.bound)
		}
	}
}

// jsonStructs returns, of each struct of a package that has json tags, the keys,
// and whether each may be left out.
func jsonStructs(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				if keys := jsonKeys(s); len(keys) > 0 {
					found[spec.Name.Name] = keys
				}
			}
			return true
		})
	}
	return found
}

func jsonKeys(s *ast.StructType) map[string]bool {
	keys := map[string]bool{}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		if name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ","); name != "" && name != "-" {
			keys[name] = options == "omitempty"
		}
	}
	return keys
}

func TestReferencesLeadSomewhere(t *testing.T) {
	doc := loadOpenAPI(t)
	refs := regexp.MustCompile(`\$ref: ["']?#/([\w/]+)`).FindAllStringSubmatch(read(t, "docs/openapi.yaml"), -1)
	if len(refs) == 0 {
		t.Fatal("no reference found")
	}
	var used []string
	for _, r := range refs {
		if doc.At(strings.Split(r[1], "/")...).Value == nil {
			t.Errorf("reference to %s, which is not there", r[1])
		}
		used = append(used, r[1])
	}
	for _, kind := range []string{"schemas", "responses", "parameters"} {
		for _, name := range doc.At("components", kind).Keys() {
			if !slices.Contains(used, "components/"+kind+"/"+name) {
				t.Errorf("%s/%s is used nowhere", kind, name)
			}
		}
	}
}

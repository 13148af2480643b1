package contract

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/shared/api"
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
			routes = append(routes, e.at("Method").text()+" "+e.at("Path").text())
		}
	}
	var documented []string
	for _, path := range doc.at("paths").keys() {
		for _, method := range doc.at("paths", path).keys() {
			if method == "parameters" {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			documented = append(documented, route)
			for _, status := range []string{"401", "500", "503"} {
				if doc.at("paths", path, method, "responses", status).v == nil {
					t.Errorf("%s: the answer %s is not described", route, status)
				}
			}
		}
	}
	agree(t, "routes of docs/openapi.yaml", documented, routes)
}

// TestStatusAnswerIsDocumented: every key of the answer is described, and
// promised to be there.
func TestStatusAnswerIsDocumented(t *testing.T) {
	schema := loadOpenAPI(t).at("components", "schemas", "Status")
	var want, required []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[api.StatusResponse]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, name)
	}
	for _, r := range schema.at("required").list() {
		required = append(required, r.text())
	}
	agree(t, "properties of Status", schema.at("properties").keys(), want)
	agree(t, "required properties of Status", required, want)
}

func TestReferencesLeadSomewhere(t *testing.T) {
	doc := loadOpenAPI(t)
	refs := regexp.MustCompile(`\$ref: ["']?#/([\w/]+)`).FindAllStringSubmatch(read(t, "docs/openapi.yaml"), -1)
	if len(refs) == 0 {
		t.Fatal("no reference found")
	}
	var used []string
	for _, r := range refs {
		if doc.at(strings.Split(r[1], "/")...).v == nil {
			t.Errorf("reference to %s, which is not there", r[1])
		}
		used = append(used, r[1])
	}
	for _, kind := range []string{"schemas", "responses", "parameters"} {
		for _, name := range doc.at("components", kind).keys() {
			if !slices.Contains(used, "components/"+kind+"/"+name) {
				t.Errorf("%s/%s is used nowhere", kind, name)
			}
		}
	}
}

package contract

import (
	"fmt"
	"regexp"
	"slices"
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
	var routes, open []string
	for _, f := range tmpl.functions() {
		for _, e := range tmpl.events(f, "HttpApi") {
			route := e.At("Method").Text() + " " + e.At("Path").Text()
			routes = append(routes, route)
			if e.At("Auth").Value != nil { // NONE is all that there is beside the default
				open = append(open, route)
			}
		}
	}
	var documented, documentedOpen []string
	for _, path := range doc.At("paths").Keys() {
		for _, method := range doc.At("paths", path).Keys() {
			if method == "parameters" {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			documented = append(documented, route)
			statuses := []string{"401", "500", "503"}
			if security, ok := doc.At("paths", path, method, "security").Value.([]any); ok && len(security) == 0 {
				documentedOpen = append(documentedOpen, route)
				statuses = statuses[1:] // asks for no token
			}
			for _, status := range statuses {
				if doc.At("paths", path, method, "responses", status).Value == nil {
					t.Errorf("%s: the answer %s is not described", route, status)
				}
			}
		}
	}
	agree(t, "routes of docs/openapi.yaml", documented, routes)
	agree(t, "routes that ask for no token", open, documentedOpen)
}

// TestEveryKeyIsPromised: an answer has each key that is described, always. With
// that, the real answers decide about both what is missing there and what is
// missing here: proof/openapi lets them have these keys and no other.
func TestEveryKeyIsPromised(t *testing.T) {
	schemas := loadOpenAPI(t).At("components", "schemas")
	for _, name := range schemas.Keys() {
		if !strings.HasSuffix(name, "Request") {
			promised(t, name, schemas.At(name))
		}
	}
}

func promised(t *testing.T, name string, schema node) {
	t.Helper()
	var required []string
	for _, r := range schema.At("required").List() {
		required = append(required, r.Text())
	}
	properties := schema.At("properties").Keys()
	agree(t, "docs/openapi.yaml, required properties of "+name, required, properties)
	for _, key := range properties {
		promised(t, name+"."+key, schema.At("properties", key))
	}
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

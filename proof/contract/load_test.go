package contract

import (
	"slices"
	"strings"
	"testing"
)

// template is template.yaml.
type template struct{ node }

func loadTemplate(t *testing.T) template {
	t.Helper()
	return template{parseYAML(t, read(t, "template.yaml"))}
}

func (t template) ofType(kind string) map[string]node {
	found := map[string]node{}
	for _, id := range t.at("Resources").keys() {
		if r := t.at("Resources", id); r.at("Type").text() == kind {
			found[id] = r
		}
	}
	return found
}

// functions returns the functions by the name of their folder.
func (t template) functions() map[string]node {
	found := map[string]node{}
	for id, r := range t.ofType("AWS::Serverless::Function") {
		found[strings.ToLower(strings.TrimSuffix(id, "Function"))] = r
	}
	return found
}

func (t template) role(function node) node {
	return t.at("Resources", function.at("Properties", "Role").resource())
}

// statements are those of a role's own policies.
func statements(role node) []node {
	var found []node
	for _, p := range role.at("Properties", "Policies").list() {
		found = append(found, p.at("PolicyDocument", "Statement").list()...)
	}
	return found
}

// may reports whether a role allows action on the resource.
func may(role node, action, id string) bool {
	return slices.ContainsFunc(statements(role), func(s node) bool {
		has := slices.ContainsFunc(s.at("Action").list(), func(a node) bool { return a.text() == action })
		on := slices.ContainsFunc(append(s.at("Resource").list(), s.at("Resource")), func(r node) bool { return r.resource() == id })
		return has && on
	})
}

func (t template) event(function node, kind string) (node, bool) {
	for _, name := range function.at("Properties", "Events").keys() {
		if e := function.at("Properties", "Events", name); e.at("Type").text() == kind {
			return e.at("Properties"), true
		}
	}
	return node{}, false
}

package contract

import (
	"slices"
	"strings"
	"testing"

	"siesta/local/template"
)

// node is a value of template.yaml or of another document.
type node = template.Node

func parseYAML(t *testing.T, text string) node {
	t.Helper()
	document, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// templateFile is template.yaml.
type templateFile struct{ node }

func loadTemplate(t *testing.T) templateFile {
	t.Helper()
	return templateFile{parseYAML(t, read(t, "template.yaml"))}
}

func (t templateFile) ofType(kind string) map[string]node {
	found := map[string]node{}
	for _, id := range t.At("Resources").Keys() {
		if r := t.At("Resources", id); r.At("Type").Text() == kind {
			found[id] = r
		}
	}
	return found
}

// functions returns the functions by the name of their folder.
func (t templateFile) functions() map[string]node {
	found := map[string]node{}
	for id, r := range t.ofType("AWS::Serverless::Function") {
		found[strings.ToLower(strings.TrimSuffix(id, "Function"))] = r
	}
	return found
}

func (t templateFile) role(function node) node {
	return t.At("Resources", function.At("Properties", "Role").Resource())
}

// statements are those of a role's own policies.
func statements(role node) []node {
	var found []node
	for _, p := range role.At("Properties", "Policies").List() {
		found = append(found, p.At("PolicyDocument", "Statement").List()...)
	}
	return found
}

// may reports whether a role allows action on the resource.
func may(role node, action, id string) bool {
	return slices.ContainsFunc(statements(role), func(s node) bool {
		has := slices.ContainsFunc(s.At("Action").List(), func(a node) bool { return a.Text() == action })
		on := slices.ContainsFunc(append(s.At("Resource").List(), s.At("Resource")), func(r node) bool { return r.Resource() == id })
		return has && on
	})
}

// events are a function's events of a kind.
func (t templateFile) events(function node, kind string) (found []node) {
	for _, name := range function.At("Properties", "Events").Keys() {
		if e := function.At("Properties", "Events", name); e.At("Type").Text() == kind {
			found = append(found, e.At("Properties"))
		}
	}
	return found
}

// event is the first of them.
func (t templateFile) event(function node, kind string) (node, bool) {
	if found := t.events(function, kind); len(found) > 0 {
		return found[0], true
	}
	return node{}, false
}

// texts are what a value may be, whatever the conditions say: the parameters that
// it refers to, and the texts that are filled in. Conditions' own names, and what
// is filled in, are none of them.
func texts(n node) (found []string) {
	if n.Absent() {
		return nil
	}
	if ref := n.At("Ref").Text(); ref != "" {
		return []string{ref}
	}
	if parts := n.At("Fn::If").List(); len(parts) == 3 {
		return append(texts(parts[1]), texts(parts[2])...)
	}
	if sub := n.At("Fn::Sub"); sub.Value != nil {
		if parts := sub.List(); len(parts) > 0 {
			sub = parts[0]
		}
		return []string{sub.Text()}
	}
	if text := n.Text(); text != "" {
		return []string{text}
	}
	return nil
}

// named is the resource or parameter that a value is, or begins with.
func named(n node) string {
	if id := n.Resource(); id != "" {
		return id
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(n.At("Fn::Sub").Text(), "${"), "}")
	return id
}

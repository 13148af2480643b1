package contract

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// node is a value of template.yaml or another document: a map, a list or a
// scalar. CloudFormation's short forms are written out: !Ref X is {"Ref": X}.
type node struct{ v any }

func parseYAML(t *testing.T, text string) node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return node{plain(t, doc.Content[0])}
}

func plain(t *testing.T, n *yaml.Node) any {
	tag := n.Tag
	if function, short := strings.CutPrefix(tag, "!"); short && !strings.HasPrefix(function, "!") {
		if function != "Ref" && function != "Condition" {
			function = "Fn::" + function
		}
		bare := *n
		bare.Tag = ""
		if n.Kind == yaml.ScalarNode {
			bare.Tag = "!!str"
		}
		return map[string]any{function: plain(t, &bare)}
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, plain(t, c))
		}
		return l
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// at walks down by keys; what is not there is the empty node.
func (n node) at(keys ...string) node {
	for _, k := range keys {
		m, _ := n.v.(map[string]any)
		n = node{m[k]}
	}
	return n
}

func (n node) keys() []string {
	m, _ := n.v.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

func (n node) list() []node {
	l, _ := n.v.([]any)
	var nodes []node
	for _, v := range l {
		nodes = append(nodes, node{v})
	}
	return nodes
}

// text is a string; of a list, its only element.
func (n node) text() string {
	if l := n.list(); len(l) == 1 {
		return l[0].text()
	}
	s, _ := n.v.(string)
	return s
}

func (n node) number() int { i, _ := n.v.(int); return i }

// resource is the logical id that !Ref or !GetAtt names.
func (n node) resource() string {
	if id := n.at("Ref").text(); id != "" {
		return id
	}
	id, _, _ := strings.Cut(n.at("Fn::GetAtt").text(), ".")
	return id
}

func (n node) absent() bool { return n.at("Ref").text() == "AWS::NoValue" }

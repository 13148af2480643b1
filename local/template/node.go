package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Node is a value of a YAML document: a map, a list or a scalar. CloudFormation's
// short forms are written out: !Ref X is {"Ref": X}, !GetAtt X.Arn is
// {"Fn::GetAtt": "X.Arn"}. The zero Node is what is not there.
type Node struct {
	// Value is a map[string]any, an []any, a scalar of Go, or nil.
	Value any
}

// Parse reads a YAML document.
func Parse(text []byte) (Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return Node{}, fmt.Errorf("parse YAML: %w", err)
	}
	if len(document.Content) == 0 {
		return Node{}, errors.New("parse YAML: the document is empty")
	}
	value, err := plain(document.Content[0])
	if err != nil {
		return Node{}, fmt.Errorf("parse YAML: %w", err)
	}
	return Node{value}, nil
}

// plain is a value without YAML's tags.
func plain(n *yaml.Node) (any, error) {
	if function, short := strings.CutPrefix(n.Tag, "!"); short && !strings.HasPrefix(function, "!") {
		if function != "Ref" && function != "Condition" {
			function = "Fn::" + function
		}
		bare := *n
		bare.Tag = ""
		if n.Kind == yaml.ScalarNode {
			bare.Tag = "!!str"
		}
		argument, err := plain(&bare)
		return map[string]any{function: argument}, err
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			value, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = value
		}
		return m, nil
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			value, err := plain(c)
			if err != nil {
				return nil, err
			}
			l = append(l, value)
		}
		return l, nil
	default:
		var v any
		err := n.Decode(&v)
		return v, err
	}
}

// At walks down by keys; what is not there is the zero Node.
func (n Node) At(keys ...string) Node {
	for _, k := range keys {
		m, _ := n.Value.(map[string]any)
		n = Node{m[k]}
	}
	return n
}

// Keys are those of a map, in order.
func (n Node) Keys() []string {
	m, _ := n.Value.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

// List are the elements of a list.
func (n Node) List() []Node {
	l, _ := n.Value.([]any)
	var nodes []Node
	for _, v := range l {
		nodes = append(nodes, Node{v})
	}
	return nodes
}

// Text is a string; of a list, its only element.
func (n Node) Text() string {
	if l := n.List(); len(l) == 1 {
		return l[0].Text()
	}
	s, _ := n.Value.(string)
	return s
}

// Number is a whole number.
func (n Node) Number() int { i, _ := n.Value.(int); return i }

// Flag is true or false.
func (n Node) Flag() bool { b, _ := n.Value.(bool); return b }

// Resource is the logical id that !Ref or !GetAtt names.
func (n Node) Resource() string {
	if id := n.At("Ref").Text(); id != "" {
		return id
	}
	id, _, _ := strings.Cut(n.At("Fn::GetAtt").Text(), ".")
	return id
}

// Absent reports whether it is !Ref AWS::NoValue.
func (n Node) Absent() bool { return n.At("Ref").Text() == "AWS::NoValue" }

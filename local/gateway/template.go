package gateway

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// API is the front door as a SAM template describes it.
type API struct {
	Routes []Route
	CORS   *CORS // nil: none
}

// Route sends a method and a path to a function.
type Route struct {
	Function string
	Method   string // ANY for all
	Path     string // with {name} for a segment and {name+} for the rest
	Open     bool   // no token needed
	Scopes   []string
}

// CORS is an HTTP API's CorsConfiguration.
type CORS struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	AllowCredentials bool
	MaxAge           int // seconds
}

// The parts of a SAM template that matter here. A yaml.Node may be a plain value
// or an intrinsic function such as !Ref.
type template struct {
	Parameters map[string]struct {
		Default string `yaml:"Default"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

type functionProperties struct {
	Events map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Method string `yaml:"Method"`
			Path   string `yaml:"Path"`
			Auth   struct {
				Authorizer string   `yaml:"Authorizer"`
				Scopes     []string `yaml:"AuthorizationScopes"`
			} `yaml:"Auth"`
		} `yaml:"Properties"`
	} `yaml:"Events"`
}

type apiProperties struct {
	Auth struct {
		DefaultAuthorizer string `yaml:"DefaultAuthorizer"`
	} `yaml:"Auth"`
	CORS *struct {
		AllowOrigins     yaml.Node `yaml:"AllowOrigins"`
		AllowMethods     yaml.Node `yaml:"AllowMethods"`
		AllowHeaders     yaml.Node `yaml:"AllowHeaders"`
		ExposeHeaders    yaml.Node `yaml:"ExposeHeaders"`
		AllowCredentials bool      `yaml:"AllowCredentials"`
		MaxAge           int       `yaml:"MaxAge"`
	} `yaml:"CorsConfiguration"`
}

// ReadTemplate reads the routes of a SAM template: the HttpApi events of its
// functions, the API's default authorizer and its CORS. FooFunction becomes the
// function foo. Of intrinsic functions it resolves !Ref to a parameter with a
// default; issuer and audience are the deployment's and are not read.
func ReadTemplate(r io.Reader) (API, error) {
	var t template
	if err := yaml.NewDecoder(r).Decode(&t); err != nil {
		return API{}, fmt.Errorf("read template: %w", err)
	}
	var api API
	secured := false
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[name].Type != "AWS::Serverless::HttpApi" {
			continue
		}
		properties := t.Resources[name].Properties
		var p apiProperties
		if err := properties.Decode(&p); err != nil {
			return API{}, fmt.Errorf("read template, resource %s: %w", name, err)
		}
		secured = secured || p.Auth.DefaultAuthorizer != ""
		if c := p.CORS; c != nil {
			api.CORS = &CORS{
				AllowOrigins: t.list(c.AllowOrigins), AllowMethods: t.list(c.AllowMethods),
				AllowHeaders: t.list(c.AllowHeaders), ExposeHeaders: t.list(c.ExposeHeaders),
				AllowCredentials: c.AllowCredentials, MaxAge: c.MaxAge,
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[name].Type != "AWS::Serverless::Function" {
			continue
		}
		properties := t.Resources[name].Properties
		var p functionProperties
		if err := properties.Decode(&p); err != nil {
			return API{}, fmt.Errorf("read template, resource %s: %w", name, err)
		}
		for _, event := range slices.Sorted(maps.Keys(p.Events)) {
			e := p.Events[event]
			if e.Type != "HttpApi" {
				continue
			}
			if !strings.HasPrefix(e.Properties.Path, "/") || e.Properties.Method == "" {
				return API{}, fmt.Errorf("read template, event %s of %s: Path and Method are needed", event, name)
			}
			api.Routes = append(api.Routes, Route{
				Function: strings.ToLower(strings.TrimSuffix(name, "Function")),
				Method:   strings.ToUpper(e.Properties.Method), Path: e.Properties.Path,
				Open:   e.Properties.Auth.Authorizer == "NONE" || !secured && e.Properties.Auth.Authorizer == "",
				Scopes: e.Properties.Auth.Scopes,
			})
		}
	}
	return api, nil
}

// list reads a list of texts, written out or as a reference to a parameter.
func (t template) list(n yaml.Node) []string {
	switch {
	case n.Kind == yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			out = append(out, t.list(*item)...)
		}
		return out
	case n.Kind != yaml.ScalarNode:
		return nil
	case n.Tag == "!Ref":
		return strings.FieldsFunc(t.Parameters[n.Value].Default, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return []string{n.Value}
}

package template

import (
	"errors"
	"strings"
)

// Route sends a method and a path of the HTTP API to a function.
type Route struct {
	Function string
	Method   string // ANY for all
	Path     string // with {name} for a segment and {name+} for the rest
	Open     bool   // no token needed
	Scopes   []string
}

// CORS is the HTTP API's CorsConfiguration.
type CORS struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	AllowCredentials bool
	MaxAge           int // seconds
}

// addAPI reads CORS and reports whether a route needs a token unless it says
// otherwise.
func (t *Template) addAPI(root Node) (secured bool) {
	for _, id := range root.At("Resources").Keys() {
		if root.At("Resources", id, "Type").Text() != "AWS::Serverless::HttpApi" {
			continue
		}
		p := root.At("Resources", id, "Properties")
		secured = secured || p.At("Auth", "DefaultAuthorizer").Text() != ""
		if c := p.At("CorsConfiguration"); c.Value != nil {
			t.CORS = &CORS{
				AllowOrigins: texts(root, c.At("AllowOrigins")), AllowMethods: texts(root, c.At("AllowMethods")),
				AllowHeaders: texts(root, c.At("AllowHeaders")), ExposeHeaders: texts(root, c.At("ExposeHeaders")),
				AllowCredentials: c.At("AllowCredentials").Flag(), MaxAge: c.At("MaxAge").Number(),
			}
		}
	}
	return secured
}

func readRoute(function string, event Node, secured bool) (Route, error) {
	path, method, authorizer := event.At("Path").Text(), event.At("Method").Text(), event.At("Auth", "Authorizer").Text()
	if !strings.HasPrefix(path, "/") || method == "" {
		return Route{}, errors.New("a Path and a Method are needed")
	}
	route := Route{Function: function, Method: strings.ToUpper(method), Path: path}
	route.Open = authorizer == "NONE" || !secured && authorizer == ""
	for _, scope := range event.At("Auth", "AuthorizationScopes").List() {
		route.Scopes = append(route.Scopes, scope.Text())
	}
	return route, nil
}

// texts reads a list of texts, written out or as a reference to a parameter,
// whose default may be a list with commas.
func texts(root, n Node) (found []string) {
	if parameter := n.At("Ref").Text(); parameter != "" {
		text := root.At("Parameters", parameter, "Default").Text()
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if text, ok := n.Value.(string); ok {
		return []string{text}
	}
	for _, item := range n.List() {
		found = append(found, texts(root, item)...)
	}
	return found
}

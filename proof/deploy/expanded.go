package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"siesta/local/template"
)

// mostResources is what CloudFormation takes in one stack.
const mostResources = 500

// checkExpanded looks at what SAM's transform has made of the template, for what
// moto does not make: whoever calls a function calls its alias, which moves to a
// new version through CodeDeploy; each route asks for a token unless it is open.
// What transform leaves as the template says it is for proof/contract.
func checkExpanded(path string, wanted template.Template) (err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the expanded template: %w", err)
	}
	document, err := template.Parse(text) // JSON is YAML
	if err != nil {
		return err
	}
	differs := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			err = errors.Join(err, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	resources := document.At("Resources")
	if n := len(resources.Keys()); n > mostResources {
		differs("the number of resources", n, mostResources)
	}
	for _, f := range wanted.Functions {
		id := logical(f.Name)
		alias := resources.At(id + "Alias" + f.Alias)
		differs(f.Name+"'s alias", alias.At("Properties", "Name").Text(), f.Alias)
		version := alias.At("Properties", "FunctionVersion", "Fn::GetAtt").List()
		if len(version) != 2 || resources.At(version[0].Text(), "Properties", "FunctionName", "Ref").Text() != id {
			err = errors.Join(err, fmt.Errorf("%s's alias is of the version %v", f.Name, version))
		}
		group := id + "DeploymentGroup"
		if f.Name == "migrate" { // it has run before anybody shifts
			group = ""
		}
		differs(f.Name+"'s shift", alias.At("UpdatePolicy", "CodeDeployLambdaAliasUpdate", "DeploymentGroupName", "Ref").Text(), group)
		if f.Queue != "" {
			differs("who the queue of "+f.Name+" calls", resources.At(id+"Queue", "Properties", "FunctionName", "Ref").Text(), id+"Alias"+f.Alias)
		}
		if f.Scheduled {
			differs("who the schedule calls", resources.At(id+"Minute", "Properties", "Target", "Arn", "Ref").Text(), id+"Alias"+f.Alias)
		}
	}
	for _, r := range wanted.Routes {
		method := strings.ToLower(r.Method)
		route := resources.At("Api", "Properties", "Body", "paths", r.Path, method)
		called := route.At("x-amazon-apigateway-integration", "uri", "Fn::Sub").Text()
		if !strings.Contains(called, "${"+logical(r.Function)+"Aliaslive}") {
			err = errors.Join(err, fmt.Errorf("%s %s calls %q", r.Method, r.Path, called))
		}
		asks := slices.ContainsFunc(route.At("security").List(), func(n template.Node) bool { return slices.Contains(n.Keys(), "Jwt") })
		if asks == r.Open {
			err = errors.Join(err, fmt.Errorf("%s %s asks for a token: %v", r.Method, r.Path, asks))
		}
	}
	return err
}

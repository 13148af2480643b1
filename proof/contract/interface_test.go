package contract

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// noProxy is the one lookahead, which Go's patterns lack; TestNoProxyIsMigratedThrough reads it.
const noProxy = `(?!.*\.proxy-)`

// allowed is what a parameter's values may be; those of a list each.
func allowed(t *testing.T, p node) *regexp.Regexp {
	t.Helper()
	pattern, err := regexp.Compile(strings.Replace(p.At("AllowedPattern").Text(), noProxy, "", 1))
	if err != nil {
		t.Fatal(err)
	}
	return pattern
}

// TestStagesGiveWhatParametersTake: the default of each parameter and what each stage of
// samconfig.toml gives it are what its pattern and its values allow, which CloudFormation
// finds out as late as when it deploys; and each says what it is.
func TestStagesGiveWhatParametersTake(t *testing.T) {
	parameters := loadTemplate(t).At("Parameters")
	for _, id := range parameters.Keys() {
		p := parameters.At(id)
		if p.At("Description").Text() == "" {
			t.Errorf("nobody who deploys is told what %s is", id)
		}
		given := map[string]string{"staging": overrides(t, "staging")[id], "prod": overrides(t, "prod")[id], "dev": overrides(t, "default")[id]}
		if _, ok := p.Value.(map[string]any)["Default"]; ok {
			given["itself"] = p.At("Default").Text()
		}
		for by, value := range given {
			values := []string{value}
			if p.At("Type").Text() == "CommaDelimitedList" {
				values = strings.Split(value, ",")
			}
			for _, v := range values {
				of := p.At("AllowedValues").List()
				in := len(of) == 0 || slices.ContainsFunc(of, func(n node) bool { return n.Text() == v })
				if (by == "itself" || v != "") && !(in && allowed(t, p).MatchString(v)) {
					t.Errorf("%s is %q by %s, and may not be", id, v, by)
				}
			}
		}
	}
}

// TestListsRefuseWhatIsNone: a mistake in one part of a list is refused before anything is made
// of it, where it would be in vain: an origin that no browser names, a subnet that is a group.
func TestListsRefuseWhatIsNone(t *testing.T) {
	parameters := loadTemplate(t).At("Parameters")
	for id, parts := range map[string]struct{ right, wrong []string }{
		"SubnetIds":        {[]string{"", "subnet-0123abcd", "subnet-0123456789abcdef0"}, []string{"sg-0123abcd", "subnet-", "vpc-1", "none", "[]"}},
		"SecurityGroupIds": {[]string{"", "sg-0123456789abcdef0"}, []string{"subnet-0123abcd", "default"}},
		"JwtAudience":      {[]string{"siesta", "https://api.example.com/"}, []string{"", "a b"}},
		"Templates":        {[]string{"base", "team/web:v2"}, []string{"", "a b"}},
		"CorsAllowOrigins": {
			[]string{"https://app.example.com", " http://localhost:3000", "*", "https://*", "capacitor://localhost", ""},
			[]string{"https://app.example.com/", "app.example.com", "https://"},
		},
		"FrameAncestors": {[]string{"", "https://app.example.com"}, []string{"https://app.example.com/", "'self'", "app.example.com"}},
	} {
		pattern := allowed(t, parameters.At(id))
		if parameters.At(id, "Type").Text() != "CommaDelimitedList" {
			t.Errorf("%s is no list", id)
		}
		for _, v := range parts.right {
			if !pattern.MatchString(v) {
				t.Errorf("%s refuses %q", id, v)
			}
		}
		for _, v := range parts.wrong {
			if pattern.MatchString(v) {
				t.Errorf("%s takes %q", id, v)
			}
		}
	}
	for _, id := range parameters.Keys() {
		if p := parameters.At(id); p.At("Type").Text() == "CommaDelimitedList" && p.At("AllowedPattern").Text() == "" {
			t.Errorf("%s takes anything", id)
		}
	}
}

// TestExportsStayWhatTheyAre: what another stack imports cannot change while it does, so it is
// what outlives this stack; and another stage's has another name.
func TestExportsStayWhatTheyAre(t *testing.T) {
	tmpl := loadTemplate(t)
	var exported []string
	for _, id := range tmpl.At("Outputs").Keys() {
		output := tmpl.At("Outputs", id)
		if output.At("Export").Value == nil {
			continue
		}
		exported = append(exported, id)
		if name := output.At("Export", "Name", "Fn::Sub").Text(); name != "${AWS::StackName}-"+id {
			t.Errorf("%s is exported as %q", id, name)
		}
		if of := tmpl.At("Resources", output.At("Value").Resource()); of.At("UpdateReplacePolicy").Text() != "Retain" {
			t.Errorf("%s is exported, and of what does not stay", id)
		}
	}
	agree(t, "outputs for other stacks", exported, []string{"BuildQueueUrl", "BuildQueueArn"})
}

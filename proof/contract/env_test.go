package contract

import (
	"fmt"
	"strings"
	"testing"

	"siesta/proof/settingstest"
	"siesta/shared/env"
	"siesta/shared/job"
)

// TestEveryFunctionHoldsItsSettings: what a function reads is compared with the
// documents and the template by a test of its own, since nobody imports one.
func TestEveryFunctionHoldsItsSettings(t *testing.T) {
	for _, function := range folders(t) {
		held := fmt.Sprintf("settingstest.Hold(t, %q, readSettings)", function)
		if !strings.Contains(read(t, "functions/"+function+"/settings_test.go"), held) {
			t.Errorf("functions/%s/settings_test.go does not call %s", function, held)
		}
	}
}

// TestVariablesSetByHandAreDeclared: the template declares them, with no value,
// for sam local.
func TestVariablesSetByHandAreDeclared(t *testing.T) {
	global := loadTemplate(t).At("Globals", "Function", "Environment", "Variables")
	var declared, byHand []string
	for _, name := range global.Keys() {
		if global.At(name).Absent() {
			declared = append(declared, name)
		}
	}
	for name, variable := range settingstest.Table(t) {
		switch variable.SetBy {
		case "hand":
			byHand = append(byHand, name)
		case "template", "Lambda":
		default:
			t.Errorf("docs/config.md: %s is set by %q", name, variable.SetBy)
		}
	}
	agree(t, "template.yaml, variables set by hand", declared, byHand)
}

// TestDefaultLimits: the functions read the template's limits, and every one of
// them is a limit.
func TestDefaultLimits(t *testing.T) {
	text := loadTemplate(t).At("Parameters", "Limits", "Default").Text()
	r := env.New(func(string) string { return text })
	var limits map[job.Tier]job.Limits
	if r.JSON("LIMITS", &limits); r.Err() != nil {
		t.Error(r.Err())
	}
	for tier, l := range limits {
		if l.PerUser < 1 || l.PerProject < 1 || l.PerDay < 1 {
			t.Errorf("%s has the limits %+v", tier, l)
		}
	}
	if _, ok := limits[job.Bootstrapper]; !ok {
		t.Errorf("no limits for %s", job.Bootstrapper)
	}
}

package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestANewVersionTakesOverBySteps: each function has the alias that its callers
// name, and shifts as its stage says, watched by alarms. The function that
// migrates has run by then. What SAM makes of it is for proof/deploy.
func TestANewVersionTakesOverBySteps(t *testing.T) {
	tmpl := loadTemplate(t)
	global := tmpl.At("Globals", "Function")
	if alias, kind := global.At("AutoPublishAlias").Text(), global.At("DeploymentPreference", "Type", "Ref").Text(); alias != "live" || kind != "Shift" {
		t.Errorf("functions have the alias %q and shift by %q", alias, kind)
	}
	for name, f := range tmpl.functions() {
		own := f.At("Properties", "DeploymentPreference")
		if off := own.At("Enabled").Value == false; off != (name == "migrate") {
			t.Errorf("%s has the deployment preference %v", name, own.Value)
		}
		if name != "migrate" {
			checkWatched(t, tmpl, name, own)
		}
		if own := f.At("Properties", "AutoPublishAlias"); own.Value != nil {
			t.Errorf("%s has an alias of its own, %v", name, own.Value)
		}
	}
}

// checkWatched: a shift goes back when the function itself fails, or one that works on
// what it leaves.
func checkWatched(t *testing.T, tmpl templateFile, name string, preference node) {
	t.Helper()
	arms := preference.At("Alarms", "Fn::If").List()
	if len(arms) != 3 || arms[0].Text() != "ShiftsGradually" || !arms[2].List()[0].Absent() {
		t.Errorf("the alarms of a shift of %s are %v", name, arms)
		return
	}
	var watching []string
	for _, a := range arms[1].List() {
		id := a.Resource()
		watching = append(watching, id)
		// The API is made after the aliases, which are made after these.
		if alarm := tmpl.At("Resources", id); alarm.At("Type").Text() != "AWS::CloudWatch::Alarm" || strings.Contains(fmt.Sprint(alarm.Value), "Ref:Api]") {
			t.Errorf("a shift of %s cannot be watched by %s", name, id)
		}
	}
	own := strings.ToUpper(name[:1]) + name[1:] + "ErrorsAlarm"
	for _, id := range []string{own, "BuildErrorsAlarm", "PauseErrorsAlarm", "ReconcileErrorsAlarm", "BuildDeadLettersAlarm", "PauseDeadLettersAlarm"} {
		if !slices.Contains(watching, id) {
			t.Errorf("no shift of %s ends when %s rings", name, id)
		}
	}
	if len(watching) > 10 {
		t.Errorf("%s is watched by %d alarms: CodeDeploy takes ten", name, len(watching))
	}
}

// TestShiftsLastLongerThanAlarmsTake: stages with users shift for longer than the
// alarms of errors need, two periods of five minutes; dev does not wait.
func TestShiftsLastLongerThanAlarmsTake(t *testing.T) {
	slow := []string{"Canary10Percent15Minutes", "Linear10PercentEvery3Minutes"}
	for stage, gradual := range map[string]bool{"default": false, "staging": true, "prod": true} {
		got := overrides(t, stage)["Shift"]
		if gradual && !slices.Contains(slow, got) || !gradual && got != "" && got != "AllAtOnce" {
			t.Errorf("samconfig.toml: stage %s shifts by %q", stage, got)
		}
	}
	shift := loadTemplate(t).At("Parameters", "Shift")
	if got := shift.At("Default").Text(); got != "AllAtOnce" {
		t.Errorf("Shift is %q by itself", got)
	}
	for _, s := range slow {
		if !strings.Contains(fmt.Sprint(shift.At("AllowedValues").Value), s) {
			t.Errorf("Shift may not be %s", s)
		}
	}
}

// TestAParameterGoesLive: SAM publishes a version when the built files change.
// A parameter that changes alone reaches the live version by samconfig.toml,
// which is one of them, and a time-out by template.yaml.
func TestAParameterGoesLive(t *testing.T) {
	recipe := read(t, "Makefile")
	_, recipe, _ = strings.Cut(recipe, "build-%Function:")
	recipe, _, _ = strings.Cut(recipe, "\n\n")
	for _, file := range []string{"template.yaml", "samconfig.toml"} {
		if !strings.Contains(recipe, " "+file) {
			t.Errorf("the built functions do not hold %s: what changes there would not go live", file)
		}
	}
}

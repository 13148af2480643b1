package cost

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siesta/local/e2bsim"
)

var update = flag.Bool("update", false, "write the tables of docs/cost.md")

// parts are what stands between the marks of the page, by their names.
func (in inputs) parts() map[string]string {
	second := in.sandbox()
	build, awake := in.Takes["build"], float64(in.stack.At("Parameters", "WakeSeconds", "Default").Number())
	var idle, sources, how strings.Builder
	fmt.Fprintf(&idle, "| a sandbox of %d vCPU and %d MiB | asleep | awake for nothing |\n| --- | --- | --- |\n", vcpus, int(gib*1024))
	for _, r := range []struct {
		what    string
		seconds float64
	}{{"an hour", 3600}, {"a day", 24 * 3600}, {"a month", hours * 3600}} {
		fmt.Fprintf(&idle, "| %s | 0 USD | %s USD |\n", r.what, money(r.seconds*second))
	}
	fmt.Fprintf(&idle, "| a million builds, an hour each after READY | 0 USD | %s USD |\n", money(million*3600*second))
	aws := (sum(in.builds()) + sum(in.wakes())) / million
	fmt.Fprintf(&idle, "\nAll of Siesta on AWS for one build and one wake costs what the sandbox costs in %.0f seconds, %.6f USD.\n", aws/second, aws)
	sources.WriteString("| what | USD | source |\n| --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(in.Prices)) {
		p := in.Prices[name]
		fmt.Fprintf(&sources, "| %s | %s | %s |\n", p.Per, strconv.FormatFloat(p.USD, 'f', -1, 64), p.Source)
	}
	fmt.Fprintf(&how, "Measured by `%s` on %s: %s. A page asks how its build is every %.0f s, and the build has %.0f calls to E2B and into its sandbox.\n", in.Command, in.Date, in.Machine, in.Poll, build.E2BCalls)
	return map[string]string{
		"how": how.String(), "idle": idle.String(), "rest": in.restTable(), "prices": "Of " + in.Region + ", " + in.Month + ".\n\n" + sources.String(),
		"builds": table(in.builds(), cost{"E2B, sandboxes", fmt.Sprintf("%.0f s", build.Sandbox), million * build.Sandbox * second}) +
			fmt.Sprintf("\nEach 100 ms that a call to E2B takes longer than here adds %s USD to a million builds.\n", money(in.slower())),
		"wakes": table(in.wakes(), cost{"E2B, sandboxes", fmt.Sprintf("%.0f s awake (WakeSeconds)", awake), million * awake * second}),
	}
}

// TestThePageIsWhatTheFilesSay keeps docs/cost.md, measured.json, prices.json and the
// templates the same.
func TestThePageIsWhatTheFilesSay(t *testing.T) {
	const file = "../../docs/cost.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	for name, text := range read(t).parts() {
		begin, end := "<!-- "+name+": go test ./proof/cost -update -->", "<!-- end -->"
		before, rest, ok := strings.Cut(document, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			t.Fatalf("%s has no place for %s", file, name)
		}
		document = before + begin + "\n" + text + "\n" + end + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if document != string(data) {
		t.Errorf("%s is not what the files say: run go test ./proof/cost -update", file)
	}
}

// TestEveryPriceHasItsSource: a reader can look each up; and the simulator bills by the same ones.
func TestEveryPriceHasItsSource(t *testing.T) {
	in := read(t)
	for name, p := range in.Prices {
		if p.USD <= 0 || p.Per == "" || !strings.HasPrefix(p.Source, "https://") {
			t.Errorf("%s is %+v: it needs a price, its unit and its source", name, p)
		}
	}
	if e2b := (e2bsim.Prices{PerCPUSecond: in.usd("e2b_vcpu_second"), PerGiBSecond: in.usd("e2b_gib_second")}); e2b != e2bsim.PublicPrices {
		t.Errorf("the simulator bills by %+v, the page by %+v", e2bsim.PublicPrices, e2b)
	}
}

// TestWhatIsMeasuredIsThere: without one of them a table would be right, and empty.
func TestWhatIsMeasuredIsThere(t *testing.T) {
	in := read(t)
	for part, functions := range map[string][]string{"build": {"start", "build", "pause", "status"}, "wake": {"resume", "pause"}, "reconcile": {"reconcile"}} {
		for _, f := range functions {
			if u := in.Takes[part].Functions[f]; u.Calls <= 0 || u.MS <= 0 {
				t.Errorf("measured.json has no %s of a %s: make cost", f, part)
			}
		}
	}
}

// TestTheDeploymentPageLeadsHere: docs/deploy.md has the few prices that a step asks for, as
// they are here, and no account of its own of what costs at rest.
func TestTheDeploymentPageLeadsHere(t *testing.T) {
	data, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	in := read(t)
	_, stores, _ := strings.Cut(string(data), "\n## 3. Stores\n")
	stores, _, _ = strings.Cut(stores, "\n## ")
	if !strings.Contains(stores, `[cost.md](cost.md), "At rest"`) {
		t.Error("docs/deploy.md does not say where the cost of the stores is")
	}
	for _, s := range []string{
		fmt.Sprintf("E2bApiKeySecretArn` in step 4. %.2f USD a month", in.usd("secret_month")),
		fmt.Sprintf("reconcile's %d,%03d runs", minuteRuns/1000, minuteRuns%1000),
	} {
		if !strings.Contains(string(data), s) {
			t.Errorf("docs/deploy.md does not say %q", s)
		}
	}
	for _, row := range append(in.stores(true), in.resting()...) {
		if strings.Contains(string(data), "| "+row.what+" |") {
			t.Errorf("docs/deploy.md has an account of its own of %q", row.what)
		}
	}
}

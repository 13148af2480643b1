package env

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func reader(vars map[string]string) *Reader {
	return New(func(name string) string { return vars[name] })
}

func TestValuesAreRead(t *testing.T) {
	r := reader(map[string]string{
		"S": " text\n", "I": "42", "D": "90", "B": "true", "L": "a, b,,c", "C": "WARN",
		"U": "https://x.example/p", "J": `{"pro":{"n":3}}`, "ONE": "v", "BLANK": "  ",
	})
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	check("String", r.String("S", "def"), "text")
	check("Required", r.Required("S"), "text")
	check("Int", r.Int("I", 1, 0, 100), 42)
	check("Seconds", r.Seconds("D", time.Hour, 0, time.Hour), 90*time.Second)
	check("Bool", r.Bool("B", false), true)
	check("Choice", r.Choice("C", "info", "info", "warn"), "warn")
	check("URL", r.URL("U", "", "http", "https"), "https://x.example/p")
	check("RequiredURL", r.RequiredURL("U", "https"), "https://x.example/p")
	if got := r.List("L"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("List = %q", got)
	}
	var limits map[string]struct{ N int }
	r.JSON("J", &limits)
	check("JSON", limits["pro"].N, 3)
	value, other := r.OneOf("ONE", "TWO")
	check("OneOf", value+"|"+other, "v|")

	check("String unset", r.String("BLANK", "def"), "def")
	check("Int unset", r.Int("X", 7, 0, 9), 7)
	check("Seconds unset", r.Seconds("X", time.Minute, 0, time.Hour), time.Minute)
	check("Bool unset", r.Bool("X", true), true)
	check("Choice unset", r.Choice("X", "info", "info", "warn"), "info")
	check("URL unset", r.URL("X", "http://d", "http"), "http://d")
	if got := r.List("X", "base"); !slices.Equal(got, []string{"base"}) {
		t.Errorf("List unset = %q", got)
	}
	if err := r.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

func TestEveryProblemIsReportedWithoutValues(t *testing.T) {
	const secret = "hunter2"
	r := reader(map[string]string{
		"I": secret, "RANGE": "901", "D": "-1", "B": secret, "C": secret, "U": "ftp://u:" + secret + "@h",
		"U2": "http://u:" + secret + "@h:bad port", "J": `{"` + secret + `":1}`, "K1": secret, "K2": secret,
	})
	r.Required("MISSING")
	r.Int("I", 0, 0, 900)
	r.Int("RANGE", 0, 0, 900)
	r.Seconds("D", 0, 0, time.Minute)
	r.Bool("B", false)
	r.Choice("C", "info", "info")
	r.URL("U", "", "http", "https")
	r.URL("U2", "", "http")
	r.JSON("J", &struct{ N int }{})
	r.OneOf("K1", "K2")
	r.OneOf("N1", "N2")
	r.RequiredURL("NOURL", "https")
	r.Check("CHECKED", errors.New("is odd"))

	err := r.Err()
	if err == nil {
		t.Fatal("Err = nil")
	}
	text := err.Error()
	for _, want := range []string{
		"MISSING is not set", "I must be a whole number from 0 to 900", "RANGE must be", "D must be a whole number from 0 to 60",
		"B must be true or false", "C must be one of: info", "U must be a URL that begins with http:// or https://",
		"U2 must be a URL", "J must be JSON", "K1 or K2", "N1 or N2", "NOURL is not set", "CHECKED: is odd",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if strings.Contains(text, secret) {
		t.Errorf("a value is in:\n%s", text)
	}
}

func TestACheckThatPassesIsNoProblem(t *testing.T) {
	r := reader(nil)
	r.Check("X", nil)
	if err := r.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

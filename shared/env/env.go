// Package env reads settings out of environment variables, typed and bounded,
// and reports everything that is wrong with them at once. It does not read the
// environment itself, and no problem it reports holds a variable's value, which
// may be a secret. Which variables a function has is told by its settings.go, and
// by the functions that it gives its Reader to, such as postgres.ReadConfig.
package env

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader reads variables and collects problems. A variable that is empty or
// blank counts as not set.
type Reader struct {
	getenv   func(string) string
	problems []error
}

// New returns a Reader over getenv, which is os.Getenv outside of tests.
func New(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Getenv is the variable's value as it is, for a caller that parses it itself.
func (r *Reader) Getenv(name string) string { return r.getenv(name) }

// Err is nil when all was well; else it has one line for each problem.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return fmt.Errorf("read settings:\n%w", errors.Join(r.problems...))
}

// Check adds the problem that somebody else has found with a setting, if err is
// one. The error must not hold a secret.
func (r *Reader) Check(name string, err error) {
	if err != nil {
		r.problem(name+":", err.Error())
	}
}

func (r *Reader) problem(name, what string) {
	r.problems = append(r.problems, errors.New(name+" "+what))
}

// String is the variable's value, or def.
func (r *Reader) String(name, def string) string {
	if v := strings.TrimSpace(r.getenv(name)); v != "" {
		return v
	}
	return def
}

// Required is the value of a variable that must be set.
func (r *Reader) Required(name string) string {
	v := r.String(name, "")
	if v == "" {
		r.problem(name, "is not set: set it, see docs/config.md")
	}
	return v
}

// OneOf is the values of two variables of which exactly one must be set.
func (r *Reader) OneOf(name, other string) (value, otherValue string) {
	value, otherValue = r.String(name, ""), r.String(other, "")
	if (value == "") == (otherValue == "") {
		r.problem(name, "or "+other+": set exactly one of the two, see docs/config.md")
	}
	return value, otherValue
}

// Choice is one of the allowed values, in the case that allowed has; unset it
// is def.
func (r *Reader) Choice(name, def string, allowed ...string) string {
	v := r.String(name, def)
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) })
	if i < 0 {
		r.problem(name, "must be one of: "+strings.Join(allowed, ", "))
		return def
	}
	return allowed[i]
}

// Int is a whole number from least to most.
func (r *Reader) Int(name string, def, least, most int) int {
	v := r.String(name, "")
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.problem(name, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		return def
	}
	return n
}

// Seconds is a duration given as a whole number of seconds.
func (r *Reader) Seconds(name string, def, least, most time.Duration) time.Duration {
	seconds := func(d time.Duration) int { return int(d / time.Second) }
	return time.Duration(r.Int(name, seconds(def), seconds(least), seconds(most))) * time.Second
}

// Bool is true or false.
func (r *Reader) Bool(name string, def bool) bool {
	v := r.String(name, "")
	if v == "" {
		return def
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.problem(name, "must be true or false")
		return def
	}
	return b
}

// List is the parts between commas, without blanks and empty parts.
func (r *Reader) List(name string, def ...string) []string {
	var list []string
	for part := range strings.SplitSeq(r.String(name, ""), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	if len(list) == 0 {
		return def
	}
	return list
}

// URL is an absolute URL with one of the schemes, or def when unset.
func (r *Reader) URL(name, def string, schemes ...string) string {
	v := r.String(name, "")
	if v == "" {
		return def
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		r.problem(name, "must be a URL that begins with "+strings.Join(schemes, ":// or ")+"://")
		return def
	}
	return v
}

// RequiredURL is the URL of a variable that must be set.
func (r *Reader) RequiredURL(name string, schemes ...string) string {
	if r.Required(name) == "" {
		return ""
	}
	return r.URL(name, "", schemes...)
}

// JSON decodes the variable into the value that into points to; unset leaves it
// as it is.
func (r *Reader) JSON(name string, into any) {
	v := r.String(name, "")
	if v == "" {
		return
	}
	d := json.NewDecoder(strings.NewReader(v))
	d.DisallowUnknownFields() // a misspelt limit must not mean "no limit"
	if err := d.Decode(into); err != nil || d.More() {
		r.problem(name, "must be JSON of the form that docs/config.md shows")
	}
}

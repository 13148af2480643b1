// Package secrets owns secret values: where the functions' own keys come from
// (Secrets Manager, or a setting on one machine), how a request's env values
// are sealed before they are stored, how share links are signed, and a text that
// does not show itself. It does not know what a key opens.
package secrets

import (
	"fmt"
	"io"
	"log/slog"
)

const stars = "***"

// Text is a secret. However it is printed, logged or encoded, it shows as
// stars; only Reveal tells it. The zero Text is empty.
type Text struct {
	// A pointer, because fmt prints the unexported fields of other structs
	// without asking their methods, and would print a string.
	value *string
}

// NewText makes a secret of s.
func NewText(s string) Text { return Text{&s} }

// Reveal is the secret itself.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty reports whether there is nothing to hide.
func (t Text) Empty() bool { return t.Reveal() == "" }

func (Text) String() string { return stars }

// Format writes stars for every verb.
func (Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, stars) }

// LogValue logs stars.
func (Text) LogValue() slog.Value { return slog.StringValue(stars) }

// MarshalText encodes stars, in JSON too.
func (Text) MarshalText() ([]byte, error) { return []byte(stars), nil }

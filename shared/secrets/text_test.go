package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTextNeverShowsItself(t *testing.T) {
	const secret = "hunter2"
	text := NewText(secret)
	type config struct {
		Key    Text
		hidden Text // fmt prints it without asking its methods
	}
	c := config{Key: text, hidden: text}

	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, v := range []any{text, &text, c, &c, []Text{text}, map[string]Text{"k": text}} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	shown = append(shown, text.String(), fmt.Errorf("call with %v: %w", text, errors.ErrUnsupported).Error())

	var logged bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&logged, nil), slog.NewTextHandler(&logged, nil)} {
		slog.New(h).Info("m", "key", text, "config", c, "list", []Text{text}, "pointer", &c)
	}
	encoded, err := json.Marshal(map[string]any{"text": text, "config": c, "pointer": &text})
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, logged.String(), string(encoded))

	for _, s := range shown {
		if strings.Contains(s, secret) || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", secret)) {
			t.Errorf("shown: %s", s)
		}
	}
	if got := fmt.Sprint(text); got != "***" {
		t.Errorf("printed = %q, want stars", got)
	}
	if got := text.Reveal(); got != secret {
		t.Errorf("Reveal = %q", got)
	}
}

func TestZeroTextIsEmpty(t *testing.T) {
	var zero Text
	if zero.Reveal() != "" || !zero.Empty() || NewText("x").Empty() {
		t.Errorf("zero = %q, Empty = %v", zero.Reveal(), zero.Empty())
	}
	if got := fmt.Sprint(zero); got != "***" {
		t.Errorf("printed = %q, want stars: its length is a secret too", got)
	}
}

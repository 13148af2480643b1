package browser

import (
	"context"
	"encoding/base64"
)

// This file is the visitor's machine: a screen, a keyboard, and what its owner prefers.

// WithoutScripts lets no script of a page run from the next one on.
func (p *Page) WithoutScripts(ctx context.Context) error {
	return p.call(ctx, "Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
}

// Look makes the tab as wide and as high as that, in light or dark.
func (p *Page) Look(ctx context.Context, width, height int, dark bool) error {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	if err := p.Prefers(ctx, "color-scheme", scheme); err != nil {
		return err
	}
	return p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
}

// Screenshot is what the tab shows, as a PNG.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var shot struct{ Data string }
	if err := p.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

// Prefers makes a visitor of the tab one who prefers that, such as reduced-motion:
// reduce, and nothing else.
func (p *Page) Prefers(ctx context.Context, what, value string) error {
	return p.call(ctx, "Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-" + what, "value": value}}}, nil)
}

// keys are those that Press knows, with their codes and what they type.
var keys = map[string]struct {
	code int
	text string
}{"Tab": {9, ""}, "Enter": {13, "\r"}, "Space": {32, " "}}

// Press presses a key of the tab's keyboard: Tab, Enter or Space.
func (p *Page) Press(ctx context.Context, key string) error {
	k := keys[key]
	name := map[bool]string{true: " ", false: key}[key == "Space"]
	for _, kind := range []string{"keyDown", "keyUp"} {
		press := map[string]any{"type": kind, "key": name, "code": key, "windowsVirtualKeyCode": k.code}
		if kind == "keyDown" && k.text != "" {
			press["text"] = k.text
		}
		if err := p.call(ctx, "Input.dispatchKeyEvent", press, nil); err != nil {
			return err
		}
	}
	return nil
}

// Tap presses the left button of the tab's mouse there.
func (p *Page) Tap(ctx context.Context, x, y int) error {
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		if err := p.call(ctx, "Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil); err != nil {
			return err
		}
	}
	return nil
}

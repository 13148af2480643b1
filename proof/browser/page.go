package browser

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lookEvery is the time between two looks at a page that is not as wanted yet.
const lookEvery = 50 * time.Millisecond

// Page is one tab. Its methods may be called at the same time.
type Page struct {
	b       *Browser
	target  string
	session string

	mu      sync.Mutex
	said    []string
	sockets int
}

// Open opens an address in a tab of its own, and returns before it is loaded. An
// address that cannot be reached is an error. Each script of before runs in every
// document of the tab, before its own.
func (b *Browser) Open(ctx context.Context, address string, before ...string) (*Page, error) {
	var target struct{ TargetID string }
	if err := b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return nil, err
	}
	p, err := b.attach(ctx, target.TargetID)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 {
		if err := p.call(ctx, "Page.enable", nil, nil); err != nil {
			return nil, err
		}
	}
	for _, script := range before {
		if err := p.call(ctx, "Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": script}, nil); err != nil {
			return nil, err
		}
	}
	return p, p.Visit(ctx, address)
}

// Frame waits for a frame whose address begins so, in any tab, of a site that is not
// the tab's own.
func (b *Browser) Frame(ctx context.Context, prefix string) (*Page, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var all struct {
			TargetInfos []struct{ TargetID, Type, URL string }
		}
		if err := b.call(ctx, "", "Target.getTargets", nil, &all); err != nil {
			return nil, err
		}
		for _, t := range all.TargetInfos {
			if t.Type == "iframe" && strings.HasPrefix(t.URL, prefix) {
				return b.attach(ctx, t.TargetID)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("no frame shows %s: %+v", prefix, all.TargetInfos)
		}
	}
}

func (b *Browser) attach(ctx context.Context, target string) (*Page, error) {
	var attached struct{ SessionID string }
	if err := b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": target, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	p := &Page{b: b, target: target, session: attached.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Runtime", "Log", "Network"} {
		if err := p.call(ctx, domain+".enable", nil, nil); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Close closes the tab.
func (p *Page) Close(ctx context.Context) error {
	p.b.mu.Lock()
	delete(p.b.pages, p.session)
	p.b.mu.Unlock()
	return p.b.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
}

// Show makes the tab the visible one of all.
func (p *Page) Show(ctx context.Context) error { return p.call(ctx, "Page.bringToFront", nil, nil) }

// Visit leads the tab to another address.
func (p *Page) Visit(ctx context.Context, address string) error {
	var went struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": address}, &went); err != nil {
		return err
	}
	if went.ErrorText != "" {
		return fmt.Errorf("open %s: %s", address, went.ErrorText)
	}
	return nil
}

// Eval is the value of an expression in the page, as text; a promise is waited for.
func (p *Page) Eval(ctx context.Context, expression string) (string, error) {
	return p.eval(ctx, expression, false)
}

// eval is Eval, as what a user did if gesture is set.
func (p *Page) eval(ctx context.Context, expression string, gesture bool) (string, error) {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call(ctx, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": gesture}, &answer)
	if err != nil {
		return "", err
	}
	if e := answer.ExceptionDetails; e != nil {
		return "", fmt.Errorf("%s: %s %s", expression, e.Text, e.Exception.Description)
	}
	var text string
	if json.Unmarshal(answer.Result.Value, &text) != nil {
		text = string(answer.Result.Value)
	}
	return text, nil
}

// Until returns once an expression is true in the page, whatever it loads in
// between, or says what the page shows when ctx ends.
func (p *Page) Until(ctx context.Context, expression string) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		// Two exclamation marks, since an element is no value.
		value, err := p.Eval(ctx, "!!("+expression+")")
		if value == "true" {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.b.ended:
			return err
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the page never had %s", expression), err, p.state())
		}
	}
}

// state is what the page shows and said, as an error.
func (p *Page) state() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	text, err := p.Eval(ctx, "location.href + ' shows: ' + (document.body ? document.body.innerText : '')")
	return errors.Join(err, fmt.Errorf("%s\nand its console said:\n%s", text, strings.Join(p.Said(), "\n")))
}

// Click clicks the first element of a selector once it is there.
func (p *Page) Click(ctx context.Context, selector string) error {
	element := "document.querySelector(" + strconv.Quote(selector) + ")"
	if err := p.Until(ctx, element); err != nil {
		return err
	}
	_, err := p.eval(ctx, element+".click()", true)
	return err
}

// Said are the lines of the page's console, and what failed to load, since it was opened.
func (p *Page) Said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// Sockets is how many web sockets the page has opened so far: a development
// server tells a page of edits by one, and forgets those that came before.
func (p *Page) Sockets() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sockets
}

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
	err := p.call(ctx, "Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	if err != nil {
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

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	return p.b.call(ctx, p.session, method, params, result)
}

// event keeps what a developer would see in the console.
func (p *Page) event(m message) {
	var e struct {
		Type string
		Args []struct {
			Value       any
			Description string
		}
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct{ Exception struct{ Description string } }
		ErrorMessage     string
	}
	if json.Unmarshal(m.Params, &e) != nil {
		return
	}
	line := ""
	switch m.Method {
	case "Runtime.consoleAPICalled":
		line = e.Type + ":"
		for _, a := range e.Args {
			if a.Value != nil {
				line += fmt.Sprint(" ", a.Value)
			} else {
				line += " " + a.Description
			}
		}
	case "Runtime.exceptionThrown":
		line = "exception: " + e.ExceptionDetails.Exception.Description
	case "Log.entryAdded":
		line = e.Entry.Level + ": " + e.Entry.Text + " " + e.Entry.URL
	case "Network.webSocketHandshakeResponseReceived":
		p.mu.Lock()
		p.sockets++
		p.mu.Unlock()
		return
	case "Network.webSocketFrameError":
		line = "websocket: " + e.ErrorMessage
	default:
		return
	}
	p.mu.Lock()
	p.said = append(p.said, line)
	p.mu.Unlock()
}

package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	return b.open(ctx, map[string]any{"url": "about:blank"}, address, before)
}

// Visitor opens an address as somebody else does: in a window of its own, which no
// other tab hides, with cookies of its own.
func (b *Browser) Visitor(ctx context.Context, address string, before ...string) (*Page, error) {
	var visitor struct{ BrowserContextID string }
	if err := b.call(ctx, "", "Target.createBrowserContext", nil, &visitor); err != nil {
		return nil, err
	}
	return b.open(ctx, map[string]any{"url": "about:blank", "browserContextId": visitor.BrowserContextID}, address, before)
}

func (b *Browser) open(ctx context.Context, tab map[string]any, address string, before []string) (*Page, error) {
	var target struct{ TargetID string }
	if err := b.call(ctx, "", "Target.createTarget", tab, &target); err != nil {
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
	return b.find(ctx, "iframe", prefix)
}

// Tab waits for a tab that a page has opened, whose address begins so.
func (b *Browser) Tab(ctx context.Context, prefix string) (*Page, error) {
	return b.find(ctx, "page", prefix)
}

func (b *Browser) find(ctx context.Context, kind, prefix string) (*Page, error) {
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
			if t.Type == kind && strings.HasPrefix(t.URL, prefix) {
				return b.attach(ctx, t.TargetID)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("no %s shows %s: %+v", kind, prefix, all.TargetInfos)
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

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	return p.b.call(ctx, p.session, method, params, result)
}

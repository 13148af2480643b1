package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"siesta/proof/browser"
	"siesta/shared/job"
)

// clickEvery is how long a click has to do something, before it is repeated: a
// page that a server rendered shows its button before that is alive.
const clickEvery = 2 * time.Second

// socketTime is how long a page may take to listen for edits; one that is told of
// them in another way is given all of it.
const socketTime = 5 * time.Second

// try builds a project and looks at its preview.
func (s *system) try(ctx context.Context, a app) result {
	began := time.Now()
	r := result{Name: a.name}
	err := s.look(ctx, a, &r)
	r.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	if err != nil {
		r.Wrong = err.Error()
	}
	return r
}

func (s *system) look(ctx context.Context, a app, r *result) error {
	files, err := a.files(ctx, s.root, filepath.Join(s.kept, "cache"))
	if err != nil {
		return err
	}
	j, err := s.build(ctx, a, files)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	defer s.forget(j)
	r.As, r.Why = j.Plan.Framework, j.Plan.Why
	if j.Status != job.Ready {
		if a.fails != "" && matches(a.fails, j.ErrorMessage) {
			r.Seen = "failure in words"
			return nil
		}
		return fmt.Errorf("not built: %s", j.ErrorMessage)
	}
	r.Ready = j.CompletedAt.Sub(j.CreatedAt).Round(100 * time.Millisecond).Seconds()
	if a.shows == "" {
		return errors.New("built, though it cannot be")
	}
	r.Versions = s.versions(ctx, j.SandboxID)
	err = s.visit(ctx, a, j, r)
	if r.As != a.is {
		err = errors.Join(fmt.Errorf("recognized as %q, not as %q", r.As, a.is), err)
	}
	return err
}

// visit does what a visitor does, and an agent beside them.
func (s *system) visit(ctx context.Context, a app, j job.Job, r *result) (err error) {
	p, err := s.browser.Open(ctx, j.PreviewURL)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.keep(a, p)
		}
		_ = p.Close(context.WithoutCancel(ctx))
	}()
	if err := until(ctx, p, a.shows, soon); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	r.Seen = "text"
	if a.click.selector != "" {
		if err := press(ctx, p, a.click); err != nil {
			return fmt.Errorf("click: %w", err)
		}
		r.Seen += ", click"
	}
	if a.edit.file != "" {
		for deadline := time.Now().Add(socketTime); p.Sockets() == 0 && time.Now().Before(deadline); {
			if err := wait(ctx, lookEvery); err != nil {
				return err
			}
		}
		if err := s.change(ctx, j.SandboxID, a.edit); err != nil {
			return fmt.Errorf("edit: %w", err)
		}
		if err := until(ctx, p, regexp.QuoteMeta(a.edit.to), soon); err != nil {
			return fmt.Errorf("edit: %w", err)
		}
		r.Seen += ", edit"
	}
	return nil
}

// shown is the text that a page shows, and found its first element of a selector;
// both look into shadow roots.
const (
	shown = `(function text(n) { let s = n.innerText || ""; for (const e of n.querySelectorAll("*")) if (e.shadowRoot) for (const c of e.shadowRoot.children) s += "\n" + text(c); return s })(document.body)`
	found = `(function find(n, s) { let f = n.querySelector(s); for (const e of n.querySelectorAll("*")) f ||= e.shadowRoot && find(e.shadowRoot, s); return f })(document, %s)`
)

// until waits until a page shows a text.
func until(ctx context.Context, p *browser.Page, text string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return p.Until(ctx, fmt.Sprintf("document.body && new RegExp(%s, 'i').test(%s)", strconv.Quote(text), shown))
}

// press clicks until that changes the page as it should.
func press(ctx context.Context, p *browser.Page, c click) error {
	element := fmt.Sprintf(found, strconv.Quote(c.selector))
	for deadline := time.Now().Add(soon); ; {
		_, err := p.Eval(ctx, "(e => e && e.click())("+element+")")
		if err == nil {
			err = until(ctx, p, c.then, clickEvery)
		}
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

func matches(pattern, text string) bool {
	return regexp.MustCompile("(?is)" + pattern).MatchString(text)
}

// keep leaves a picture of a page that is not as it must be.
func (s *system) keep(a app, p *browser.Page) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if shot, err := p.Screenshot(ctx); err == nil {
		_ = os.WriteFile(filepath.Join(s.kept, a.name+".png"), shot, 0o644)
	}
}

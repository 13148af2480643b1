// Package page owns what the visitor of a share link is shown of a preview: in data, and
// as a page, which is also what tells of errors. It knows neither how a link leads to a
// preview nor what wakes one.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
)

// The page is one document: its style and its script are in it, and allowed by their
// hashes.
var (
	//go:embed files/words.html
	wordsHTML string
	//go:embed files/awake.html
	awakeHTML string
	//go:embed files/style.css
	style string
	//go:embed files/page.js
	script string
)

const maxPath = 2000

// Pages is what all pages have in common.
type Pages struct {
	words, awake document
	header       map[string]string
	view         time.Duration // until one that nobody touches asks whether anybody looks
}

// New returns the pages of a stack.
func New(c Config) Pages {
	ancestors := c.Ancestors
	if len(ancestors) == 0 {
		ancestors = []string{"'none'"}
	}
	policy := strings.Join([]string{
		"default-src 'none'", "script-src " + hashOf(script), "style-src " + hashOf(style), "img-src data:", "connect-src 'self'",
		"form-action 'self'", "base-uri 'none'", "frame-src " + c.Previews.Previews(), "frame-ancestors " + strings.Join(ancestors, " "),
	}, "; ")
	return Pages{words: parse(wordsHTML), awake: parse(awakeHTML), view: c.View, header: map[string]string{
		"Content-Security-Policy": policy,
		"Referrer-Policy":         "no-referrer", // else the app in the frame learns the token
		"X-Robots-Tag":            "noindex, nofollow",
	}}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Show is the answer that shows v.
func (p Pages) Show(r api.Request, status int, v View) api.Answer {
	shown, refresh := p.words, ""
	address := ""
	if v.State == Awake {
		shown, address = p.awake, appAddress(*v.PreviewURL, r.QueryStringParameters["path"])
	}
	if v.State == Building || v.State == Waking || v.State == Moved {
		refresh = `<noscript><meta http-equiv="refresh" content="` + strconv.Itoa(int(v.Again().Seconds())) + `"></noscript>`
	}
	until := ""
	if v.AwakeUntil != nil {
		until = *v.AwakeUntil
	}
	path := PathOf(r)
	base, query, _ := strings.Cut(path, "?")
	action := base + "/wake"
	if query != "" {
		action += "?" + query
	}
	escape := html.EscapeString
	return api.Answer{Status: status, Header: p.header, Page: shown.fill(map[string]string{
		"title": escape(v.Title), "text": escape(v.Text), "state": escape(string(v.State)), "version": escape(v.Version), "button": escape(v.Button),
		"base": escape(base), "action": escape(action), "address": escape(address), "until": escape(until), "view": strconv.Itoa(int(p.view.Seconds())),
		"refresh": refresh, "style": style, "script": script, "stages": stages(v), "log": lastLines(v), "hidden": hidden(v.Button == ""),
	})}
}

// document is what a page has between its values, and their names, in turns.
type document []string

func parse(text string) (d document) {
	for {
		before, rest, more := strings.Cut(text, "{{")
		if d = append(d, before); !more {
			return d
		}
		name, after, _ := strings.Cut(rest, "}}")
		d, text = append(d, name), after
	}
}

func (d document) fill(values map[string]string) string {
	filled := slices.Clone(d)
	for i := 1; i < len(d); i += 2 {
		value, known := values[d[i]]
		if !known {
			panic("a page names " + d[i])
		}
		filled[i] = value
	}
	return strings.Join(filled, "")
}

func hidden(yes bool) string {
	if yes {
		return "hidden"
	}
	return ""
}

// stages are those of a build, as a list.
func stages(v View) string {
	if v.State != Building {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<ol id="stages">`)
	for _, s := range []job.Status{job.Queued, job.Starting, job.Scaffold, job.Code, job.Deps, job.Checks} {
		current := ""
		if s == v.Stage {
			current = ` aria-current="step"`
		}
		b.WriteString(`<li data-stage="` + string(s) + `"` + current + `>` + html.EscapeString(strings.TrimSuffix(s.Label(), "...")) + "</li>")
	}
	b.WriteString("</ol>")
	return b.String()
}

// lastLines are those of a build's log, where the link shows it.
func lastLines(v View) string {
	if v.Log == nil {
		return ""
	}
	return `<pre id="log" role="region" tabindex="0" aria-label="Last lines of the log">` + html.EscapeString(strings.Join(v.Log, "\n")) + "</pre>"
}

// PathOf is the page's own path, with the app's in it.
func PathOf(r api.Request) string {
	path := "/p/" + url.PathEscape(r.PathParameters["token"])
	if wish := r.QueryStringParameters["path"]; wish != "" {
		path += "?" + url.Values{"path": {wish}}.Encode()
	}
	return path
}

// appAddress is where the app in the frame begins: at the preview's own address, or
// at another path of the same host.
func appAddress(preview, path string) string {
	u, err := url.Parse(preview)
	if err != nil || !strings.HasPrefix(path, "/") || len(path) > maxPath {
		return preview
	}
	return u.Scheme + "://" + u.Host + path
}

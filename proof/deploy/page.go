package main

import (
	"regexp"
	"strings"
)

const pagePath = "docs/deploy.md"

// command is one that a page tells its reader to type.
type command struct {
	section string // the heading that it is below, as "4. The stack"
	text    string
	prints  string // what the page says that it prints; "" where it does not say
}

var (
	comment = regexp.MustCompile(`\s+#\s.*$`)
	prints  = regexp.MustCompile(`prints: (?:… )?([^;]*)`)
)

// commands are all that a page tells to type, in its order.
func commands(page string) (all []command) {
	section, shell, begun := "", false, ""
	for line := range strings.SplitSeq(page, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence:
			shell = !shell && line == "```sh"
		case strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(line, "## ")
		case shell && strings.HasSuffix(line, "\\"):
			begun += strings.TrimSuffix(line, "\\")
		case shell:
			c := command{section: section, text: begun + line}
			if said := comment.FindString(c.text); said != "" {
				c.text = strings.TrimSuffix(c.text, said)
				if p := prints.FindStringSubmatch(said); p != nil {
					c.prints = strings.TrimSpace(p[1])
				}
			}
			all, begun = append(all, c), ""
		}
	}
	return all
}

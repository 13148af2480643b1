package main

import (
	"regexp"
	"slices"
	"strings"
)

// secretPatterns are secrets that programs print, by their known forms.
var secretPatterns = regexp.MustCompile(strings.Join([]string{
	`(?i)\b(?:[a-z0-9_]*(?:api[_-]?key|secret|token|passwd|password))["']?\s*[=:]\s*["']?[^\s"',;]{4,}`,
	`(?i)\bauthorization["']?\s*[=:]\s*["']?[^\r\n"']+`,
	`(?i)\bbearer\s+[a-z0-9._~+/=-]{8,}`,
	`\bsk-[A-Za-z0-9_-]{16,}`,
	`\b[spr]k_(?:live|test)_[A-Za-z0-9]{8,}`,
	`\bgh[pousr]_[A-Za-z0-9]{20,}`,
	`\be2b_[0-9a-f]{16,}`,
	`\bAKIA[0-9A-Z]{16}\b`,
	`\b(?:postgres(?:ql)?|rediss?|mongodb(?:\+srv)?|mysql|amqps?)://[^\s"']+`,
	`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`,
}, "|"))

// control are ANSI sequences and control characters that have no business in
// a stored line.
var control = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]`)

// redactor makes a program's output fit to be shown: without control
// characters, known secrets, or the values of the job's own environment.
type redactor struct{ values values }

func newRedactor(env map[string]string) redactor { return redactor{newValues(env)} }

func (r redactor) clean(s string) string {
	s = r.values.hide(control.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), ""))
	return secretPatterns.ReplaceAllString(s, "***")
}

// lineEnds part the lines of a program's output.
const lineEnds = "\r\n"

func endsLine(c rune) bool { return strings.ContainsRune(lineEnds, c) }

// lines splits output into shown lines: cleaned, none empty, none over most
// bytes.
func (r redactor) lines(output string, most int) []string {
	var lines []string
	for _, line := range strings.FieldsFunc(output, endsLine) {
		line = strings.TrimRight(r.clean(line), " \t")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(line) > most {
			line = strings.ToValidUTF8(line[:most], "") + " [truncated]"
		}
		lines = append(lines, line)
	}
	return lines
}

// chatter are lines that tell nothing of a failure, and push what does out of the
// last few: what servers note of each visit, and npm's news, funding and advice.
var chatter = regexp.MustCompile(`^(\s*(GET|HEAD|POST) /\S* \d{3}\b` + // Next
	`|.*"(GET|HEAD|POST) /\S* HTTP/[0-9.]+"` + // most others
	`|npm notice\b.*|npm fund\b.*|npm (warn|WARN) (deprecated|allow-scripts|EBADENGINE)\b.*` +
	`|\s*WARN\s+Unsupported engine: .*` + // pnpm
	`|.*A complete log of this run can be found in:.*` +
	`|\d+ packages are looking for funding|\s*run .npm fund. for details` +
	`|found 0 vulnerabilities|To address .*|\s*npm audit fix.*|Run .npm audit. for details\.)`)

// tail joins the last few lines of output that tell something, for an error
// message.
func (r redactor) tail(output string) string {
	const maxLines, maxLine = 15, 500
	lines := r.lines(output, maxLine)
	if telling := slices.DeleteFunc(slices.Clone(lines), chatter.MatchString); len(telling) > 0 {
		lines = telling
	}
	if len(lines) > maxLines {
		lines = lines[len(lines)-maxLines:]
	}
	return strings.Join(lines, "\n")
}

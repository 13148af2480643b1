package webpage

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// mostSaid is the most that is kept of a server's words, in bytes.
const mostSaid = 600

// objects are what comes before the JSON object of an error that is in a page, or in
// what was to be a script.
var objects = []string{
	"const error = {", // Vite's overlay
	`"err":{`,         // Next's page
}

// Says is what an answer says of its own failure, "" if it does not.
func Says(body []byte) string {
	for _, before := range objects {
		_, rest, found := bytes.Cut(body, []byte(before))
		if !found {
			continue
		}
		var said struct{ Message string }
		object := io.MultiReader(strings.NewReader("{"), bytes.NewReader(rest))
		if json.NewDecoder(object).Decode(&said) == nil && said.Message != "" {
			return cut(said.Message)
		}
	}
	return ""
}

// failures are what pages have in them that only tell of a failure, though their
// status is good: both texts of a pair.
var failures = [][2]string{
	{`"page":"/_error"`, `"err":{`}, // Next
	{"<br />\n<b>Fatal error</b>:  ", "on line <b>"},
	{"<br />\n<b>Parse error</b>:  ", "on line <b>"}, // PHP
}

// Fails reports whether a page with a good status only tells of a failure, and what
// it says of it.
func Fails(html []byte) (says string, fails bool) {
	for _, f := range failures {
		_, after, found := bytes.Cut(html, []byte(f[0]))
		if !found || !bytes.Contains(after, []byte(f[1])) {
			continue
		}
		if says = Says(after); says == "" {
			line, _, _ := bytes.Cut(after, []byte("\n"))
			says = cut(strings.NewReplacer("<b>", "", "</b>", "", "<br />", "").Replace(string(line)))
		}
		return says, true
	}
	return "", false
}

func cut(s string) string {
	if len(s) > mostSaid {
		s = strings.ToValidUTF8(s[:mostSaid], "") + " ..."
	}
	return s
}

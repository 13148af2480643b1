package page

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

func cut(s string) string {
	if len(s) > mostSaid {
		s = strings.ToValidUTF8(s[:mostSaid], "") + " ..."
	}
	return s
}

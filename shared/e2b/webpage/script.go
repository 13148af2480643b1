package webpage

import (
	"bytes"
	"io"
	"strings"
)

// Script is what is of interest in the text of a script.
type Script struct {
	Head  []byte // its beginning
	Fails string // what it throws in place of one of its modules; "": nothing
}

// throws are how a bundle has a module that could not be built: as one that throws,
// which is a string itself where the bundle's modules are.
var throws = []struct{ begin, end string }{
	{`throw new Error("Module build failed`, `")`},
	{`throw new Error(\"Module build failed`, `\")`},
}

// overlap is kept of what was read, since those words may lie across two reads.
const overlap = 64

// ReadScript reads a script to its end, its first bytes into Head. Of one that
// broke off, it tells what there was.
func ReadScript(r io.Reader, head int) Script {
	var s Script
	s.Head, _ = io.ReadAll(io.LimitReader(r, int64(head)))
	window, chunk := bytes.Clone(s.Head), make([]byte, 64<<10)
	for {
		if s.Fails = fails(window, r); s.Fails != "" {
			return s
		}
		n, err := r.Read(chunk)
		if n == 0 && err != nil {
			return s
		}
		window = append(window[max(0, len(window)-overlap):], chunk[:n]...)
	}
}

// fails looks for a module that could not be built, and reads on for what it says.
func fails(window []byte, rest io.Reader) string {
	for _, t := range throws {
		_, text, found := bytes.Cut(window, []byte(t.begin))
		if !found {
			continue
		}
		more, _ := io.ReadAll(io.LimitReader(rest, mostSaid))
		said, _, _ := strings.Cut(string(text)+string(more), t.end)
		return cut("Module build failed" + unescaped.Replace(said))
	}
	return ""
}

var unescaped = strings.NewReplacer(`\\n`, "\n", `\n`, "\n", `\\\"`, `"`, `\"`, `"`)

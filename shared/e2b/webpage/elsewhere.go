package webpage

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// hints are the words before a link to where an app is, on pages that tell of
// nothing else.
var hints = []string{
	"did you mean to visit ", // Vite
	"your base path set to ", // Astro
}

// below finds what an app of Next's has before its own files on every page of its,
// also on the one that says that there is none.
var below = regexp.MustCompile(`(?:src|href)="(/[^"]*?)/_next/`)

// Elsewhere returns the path at which an app is that has no page at its root, as
// the page that it shows instead says; "" if that says nothing.
func Elsewhere(html []byte) string {
	for _, hint := range hints {
		_, after, _ := bytes.Cut(html, []byte(hint))
		if link, found := bytes.CutPrefix(after, []byte(`<a href="`)); found {
			path, _, _ := strings.Cut(string(link[:min(len(link), longest)]), `"`)
			return own(path)
		}
	}
	if found := below.FindSubmatch(html); found != nil {
		return own(string(found[1]))
	}
	return ""
}

// local finds the port of an address of its own that a server has printed.
var local = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(?:\x1b\[\d+m)?(\d{1,5})\b`)

// PrintedPorts are the ports of a server's addresses that it has printed, each as
// often as that.
func PrintedPorts(output string) (ports []int) {
	for _, found := range local.FindAllStringSubmatch(output, -1) {
		port, _ := strconv.Atoi(found[1]) // at most five digits
		ports = append(ports, port)
	}
	return ports
}

// Printed returns the path of the address that a server has printed for its port,
// "" if it is the root, or was not printed. Of several the last one counts.
func Printed(output string, port int) (path string) {
	address := regexp.MustCompile(fmt.Sprintf(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):%d(/[^\s"'<>()\x1b]*)`, port))
	for _, found := range address.FindAllStringSubmatch(output, -1) {
		path = own(strings.TrimRight(found[1], ".,;:!"))
	}
	return path
}

// longest is the most that a path may have, in bytes.
const longest = 200

// own is a path that can be put behind a preview's address, else "".
func own(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || u.Path == "/" || len(path) > longest {
		return ""
	}
	return u.EscapedPath()
}

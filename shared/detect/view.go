package detect

import (
	"bytes"
	_ "embed" // the script
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// View is what detection sees of a project.
type View struct {
	Names map[string]bool // paths, up to three parts deep; a folder's ends with /
	Files map[string]File // of those that detection may read
	Port  int             // the one that the request names; 0: none
}

// File is the beginning of a file.
type File struct {
	Size int64 // of the whole file, in bytes
	Text string
}

// Script prints a project's view, for bash with the project's folder as $1. It
// needs bash, find and coreutils, and reads as little of a project of any size.
//
//go:embed view.sh
var Script string

// MaxView bounds in bytes what Script prints.
const MaxView = 4 << 20

var errView = errors.New("malformed view")

// ParseView reads what Script printed. What a project's names may make of it is
// no more than another view.
func ParseView(printed []byte) (View, error) {
	v := View{Names: map[string]bool{}, Files: map[string]File{}}
	for len(printed) > 0 {
		var line []byte
		line, printed, _ = bytes.Cut(printed, []byte("\n"))
		kind, rest, _ := strings.Cut(string(line), " ")
		switch kind {
		case "n":
			v.Names[strings.TrimPrefix(rest, "./")] = true
		case "c":
			size, name, _ := strings.Cut(rest, " ")
			n, err := strconv.ParseInt(size, 10, 64)
			line, printed, _ = bytes.Cut(printed, []byte("\n"))
			text, bad := base64.StdEncoding.DecodeString(string(line))
			if err != nil || bad != nil {
				return View{}, errView
			}
			v.Files[strings.TrimPrefix(name, "./")] = File{Size: n, Text: string(text)}
		}
	}
	return v, nil
}

// has returns the first of the names that is there, else "".
func (v View) has(names ...string) string {
	for _, name := range names {
		if v.Names[name] {
			return name
		}
	}
	return ""
}

func (v View) text(name string) string { return v.Files[name].Text }

// in is the view of a folder.
func (v View) in(folder string) View {
	if folder == "." {
		return v
	}
	sub := View{Names: map[string]bool{}, Files: map[string]File{}, Port: v.Port}
	prefix := folder + "/"
	for name := range v.Names {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			sub.Names[rest] = true
		}
	}
	for name, file := range v.Files {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			sub.Files[rest] = file
		}
	}
	return sub
}

// folders are the names of those at the root, sorted.
func (v View) folders() (names []string) {
	for name := range v.Names {
		if folder, ok := strings.CutSuffix(name, "/"); ok && !strings.Contains(folder, "/") {
			names = append(names, folder)
		}
	}
	slices.Sort(names)
	return names
}

// ending are the paths of files with an ending, the shallow ones first.
func (v View) ending(ext string) (names []string) {
	for name := range v.Names {
		if strings.HasSuffix(name, ext) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if by := strings.Count(a, "/") - strings.Count(b, "/"); by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
	return names
}

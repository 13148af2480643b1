// Package inplace owns the commands by which the code of a workspace is kept aside
// while it is changed where it is, and put back: texts for bash, and how their
// outcome is read. It knows nothing of jobs and rows, and runs nothing.
//
// A keep's folder has the code in files, made whole before it has that name; the
// names of what was installed then in installed; and once it made way, the very same
// files in aside. The commands need bash and GNU's find, tar and coreutils.
package inplace

import (
	"bytes"
	_ "embed" // the scripts
	"fmt"
	"regexp"
	"strings"
)

// How the commands end when they have not done their work. 1 is anything else, such
// as a full disk: to be tried again.
const (
	ExitNoCopy  = 2 // Aside, Back, Compare: there is no whole copy; nothing was touched
	ExitDiffers = 3 // Back: all is put back, and yet not what was kept
	ExitNoTools = 4 // Keep: the sandbox has no GNU tar or coreutils
)

// What is in a keep's folder.
const (
	Files     = "files"     // the folder of the code
	Installed = "installed" // lists the folders of what was installed, each ended by a NUL
)

// Folders are the shell's functions that tell a project's code from what is
// installed and cached: beside, code and installed.
//
//go:embed folders.sh
var Folders string

var (
	//go:embed manifest.sh
	manifestScript string
	//go:embed keep.sh
	keepScript string
	//go:embed aside.sh
	asideScript string
	//go:embed back.sh
	backScript string
	//go:embed compare.sh
	compareScript string
)

// Keep is a command that copies the code of workspace to folder and prints its hash.
// Before that it ends the steps below root of others than own that still run and are
// no servers, and removes their keep folders. May be killed, and run again: a copy
// that is whole stays as it is.
func Keep(workspace, folder, root, own string) string {
	return set("workspace", workspace) + set("folder", folder) + set("root", root) + set("own", own) + Folders + manifestScript + keepScript
}

var hashLine = regexp.MustCompile(`(?m)^[0-9a-f]{64}$`)

// Hash reads the hash from what Keep printed, which ends with it; false: it is not
// there.
func Hash(output []byte) (string, bool) {
	found := hashLine.FindAll(output, -1)
	if len(found) == 0 {
		return "", false
	}
	return string(found[len(found)-1]), true
}

// Aside is a command that moves what was installed in workspace at its Keep to
// folder. May be killed, and run again.
func Aside(workspace, folder string) string {
	return set("workspace", workspace) + set("folder", folder) + Folders + asideScript
}

// Back is a command that makes workspace what it was when Keep printed hash, with
// what Aside moved, and without what was installed since. Caches are left as they
// are where their folder stays, and files that are the same are not touched; what is
// put back has the time of that. May be killed, and run again.
func Back(workspace, folder, hash string) string {
	return set("workspace", workspace) + set("folder", folder) + set("hash", hash) + Folders + manifestScript + backScript
}

// Compare is a command that tells how workspace differs from the copy in folder; see
// Changes. It changes nothing.
func Compare(workspace, folder string) string {
	return set("workspace", workspace) + set("folder", folder) + Folders + compareScript
}

// Changes reads what Compare printed: whether what decides an install differs, and
// whether what a server reads only as it starts does. ok is false if it tells
// neither.
func Changes(output []byte) (deps, config, ok bool) {
	lines := strings.Split(string(bytes.TrimSpace(output)), "\n")
	one, other, _ := strings.Cut(lines[len(lines)-1], " ")
	for _, word := range []string{one, other} {
		if word != "same" && word != "differs" {
			return false, false, false
		}
	}
	return one == "differs", other == "differs", true
}

// set is a shell's assignment.
func set(name, value string) string {
	return fmt.Sprintf("%s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
}

package world

import (
	"fmt"
	"net/http"
	"os"

	"siesta/local/e2bsim/sandbox"
)

// appName is the argument by which this program becomes the app that jobs
// build; the port follows.
const appName = "siesta-app"

// Init does not return if this process was started as a sandbox, or as the app
// in one: it is that, to its end. The first call in the main, or the TestMain, of
// every program that starts a system.
func Init() {
	sandbox.Init()
	if len(os.Args) == 3 && os.Args[1] == appName {
		err := http.ListenAndServe("0.0.0.0:"+os.Args[2], http.FileServer(http.Dir(".")))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// AppCommand starts a program, seen from within a sandbox, as the app that shows
// the files of a job. The program calls Init.
func AppCommand(program string) string { return fmt.Sprintf(`exec %s %s "$PORT"`, program, appName) }

// Folder makes an empty folder for what a system needs. It is open to the users
// that sandboxes run under. Whoever asked for it removes it.
func Folder(name string) (path string, err error) {
	if path, err = os.MkdirTemp("", "siesta-"+name+"-"); err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		return "", fmt.Errorf("open folder to sandboxes: %w", err)
	}
	return path, nil
}

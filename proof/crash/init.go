package crash

import (
	"fmt"
	"net/http"
	"os"

	"siesta/local/e2bsim/sandbox"
)

// appName is the argument by which this program becomes the app that jobs
// build; the port follows.
const appName = "siesta-app"

// Init makes this process what it was started as, if that is a sandbox or the
// app in one. The first call in main, and in the TestMain, of every program that
// starts a System.
func Init() {
	sandbox.Init()
	if len(os.Args) == 3 && os.Args[1] == appName {
		err := http.ListenAndServe("0.0.0.0:"+os.Args[2], http.NotFoundHandler())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

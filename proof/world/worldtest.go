package world

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"siesta/local/stack"
)

// root is the checkout, seen from a package of proof.
const root = "../.."

// bin is where Main has put the functions.
var bin string

// Main is the TestMain of a package of proof whose tests start systems. It builds
// the functions and runs the tests; prepare is given the folder with the functions
// before, and may put more there.
func Main(m interface{ Run() int }, prepare ...func(folder string) error) {
	Init()
	code, err := runTests(m, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m interface{ Run() int }, prepare []func(folder string) error) (code int, err error) {
	if bin, err = Folder("functions"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(bin)
	if err := stack.Build(context.Background(), root, bin); err != nil {
		return 1, err
	}
	for _, f := range prepare {
		if err := f(bin); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// New brings a system up for one test, with settings of the functions. If the test
// fails, it shows what they wrote last. The package's TestMain calls Main.
func New(t *testing.T, env map[string]string) *System {
	t.Helper()
	dir, err := Folder("system")
	if err != nil {
		t.Fatal(err)
	}
	const most = 60
	log := &Lines{Most: most}
	t.Cleanup(func() {
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Log("what was written last:\n" + log.Tail(most))
		}
	})
	s, err := Start(t.Context(), Config{Root: root, BinDir: bin, DataDir: filepath.Join(dir, "data"), Env: env, Log: log.Add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
	})
	return s
}

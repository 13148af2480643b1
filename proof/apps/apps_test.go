package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"siesta/local/checkout"
	"siesta/proof/world"
)

const root = "../.."

var bin string

func TestMain(m *testing.M) {
	world.Main(m, func(folder string) error { bin = folder; return nil })
}

// TestTheQuickOnes builds and opens the projects that need next to nothing from
// the registries; make apps tries all.
func TestTheQuickOnes(t *testing.T) {
	dir, err := world.Folder("apps")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	s, err := open(ctx, checkout.Checkout{Root: root, Getenv: os.Getenv}, bin, filepath.Join(dir, "data"), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Errorf("stop the system: %v", err)
		}
		if log, err := os.ReadFile(filepath.Join(dir, "log")); err == nil && t.Failed() {
			t.Logf("what the functions said last:\n%s", log[max(0, len(log)-8000):])
		}
	})
	t.Run("each", func(t *testing.T) {
		for _, a := range apps {
			if !a.quick {
				continue
			}
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				if r := s.try(ctx, a); r.Wrong != "" {
					t.Errorf("%s: %s", r.Why, r.Wrong)
				}
			})
		}
	})
}

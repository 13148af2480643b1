package job

import (
	"regexp"
	"testing"
)

// E2B takes no other letters, and answers one key with one sandbox.
func TestEachCreateHasAKeyOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, stack := range []string{"siesta-prod", "siesta-prod2"} {
		for _, id := range []string{"7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69", "7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a60"} {
			for _, no := range []int{1, 2, 11} {
				key := CreateKey(stack, id, no)
				if !regexp.MustCompile(`^[a-z0-9]{1,255}$`).MatchString(key) || seen[key] || key != CreateKey(stack, id, no) {
					t.Errorf("create %d of %s in %s has key %q", no, id, stack, key)
				}
				seen[key] = true
			}
		}
	}
}

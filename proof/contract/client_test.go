package contract

import (
	"regexp"
	"slices"
	"testing"
)

var (
	// clientType is an interface of web/types.d.ts, clientKey one of its keys.
	clientType = regexp.MustCompile(`(?ms)^export interface (\w+) \{\n(.*?)^\}`)
	clientKey  = regexp.MustCompile(`(?m)^  (\w+)(\??):`)
)

// TestTheClientsTypesAreTheAPIs: web/types.d.ts has each key of docs/openapi.yaml, and
// leaves open whether it is there where that does.
func TestTheClientsTypesAreTheAPIs(t *testing.T) {
	schemas := loadOpenAPI(t).At("components", "schemas")
	found := clientType.FindAllStringSubmatch(read(t, "web/types.d.ts"), -1)
	if len(found) == 0 {
		t.Fatal("no type found")
	}
	for _, m := range found {
		name := m[1]
		if name == "StartRequest" {
			name = "Request"
		}
		var keys, optional, described, open, required []string
		for _, key := range clientKey.FindAllStringSubmatch(m[2], -1) {
			if keys = append(keys, key[1]); key[2] != "" {
				optional = append(optional, key[1])
			}
		}
		for _, r := range schemas.At(name, "required").List() {
			required = append(required, r.Text())
		}
		for _, key := range schemas.At(name, "properties").Keys() {
			if described = append(described, key); !slices.Contains(required, key) {
				open = append(open, key)
			}
		}
		agree(t, "keys of "+m[1]+" in web/types.d.ts", keys, described)
		agree(t, "optional keys of "+m[1]+" in web/types.d.ts", optional, open)
	}
}

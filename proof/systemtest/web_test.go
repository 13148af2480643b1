package systemtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siesta/proof/openapi"
	"siesta/shared/job"
)

// TestTheClientInNode: what web/siesta.js promises holds on the real system, and it
// has a method for each route that asks for a token.
func TestTheClientInNode(t *testing.T) {
	s := newStack(t, nil) // it wakes what others would have to wait for
	u := s.user()
	gates := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if id := strings.TrimPrefix(r.URL.Path, "/"); job.IsID(id) {
			s.openGate(s.row(id))
		}
	}))
	defer gates.Close()
	routes := filepath.Join(t.TempDir(), "routes")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "web/siesta.test.js")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "API_URL="+s.APIURL, "TOKEN="+u.token, "APP="+app(), "GATE="+gates.URL, "ROUTES="+routes)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	text, err := os.ReadFile(routes)
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(string(text), "{job_id}")
	documented, err := openapi.Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range documented {
		if !slices.Contains(strings.Split(asked, "\n"), route) {
			t.Errorf("web/siesta.js has no method for %s", route)
		}
	}
}

// TestTheClientsTypes: web/siesta.js is as its types say, web/siesta.d.ts is what
// comes of them, and the package has all that it needs, with words that are true.
func TestTheClientsTypes(t *testing.T) {
	t.Parallel()
	copied := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "tsconfig.json", "siesta.js", "siesta.d.ts", "types.d.ts", "README.md"} {
		text, err := os.ReadFile(filepath.Join(root, "web", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = copied
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	before, err := os.ReadFile(filepath.Join(copied, "siesta.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
	run("npm", "run", "types")
	if made, err := os.ReadFile(filepath.Join(copied, "siesta.d.ts")); err != nil || string(made) != string(before) {
		t.Errorf("web/siesta.d.ts is not what web/siesta.js says: npm run types, in web, makes it (%v)", err)
	}

	packed := strings.TrimSpace(run("npm", "pack", "--silent"))
	user := filepath.Join(copied, "user")
	if err := os.Mkdir(user, 0o755); err != nil {
		t.Fatal(err)
	}
	const use = `import { Siesta, SiestaError, type Status } from "siesta-client";
const siesta = new Siesta({ url: "https://api.example.com", token: "x" });
export const preview = async (): Promise<string | null> => ((await siesta.wait("x")) satisfies Status).preview_url;
export const moved = (e: SiestaError): string | null => e.moved_to;
// @ts-expect-error: no such key
export const wrong = async () => (await siesta.status("x")).preview;
// @ts-expect-error: it is a string
void siesta.start({ project_id: 1, goal: "a page" });
`
	if err := os.WriteFile(filepath.Join(user, "use.mts"), []byte(use), 0o644); err != nil {
		t.Fatal(err)
	}
	run("npm", "install", "--silent", "--no-audit", "--no-fund", "--offline", "--prefix", "user", filepath.Join(copied, packed))
	readme, err := os.ReadFile(filepath.Join(user, "node_modules", "siesta-client", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readme), "```js\n")
	example, _, _ = strings.Cut(example, "```")
	if err := os.WriteFile(filepath.Join(user, "readme.mts"), []byte(example), 0o644); err != nil {
		t.Fatal(err)
	}
	run("npx", "tsc", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", "nodenext", "user/use.mts", "user/readme.mts")
	run("node", "--eval", `import("./user/node_modules/siesta-client/siesta.js").then((m) => new m.Siesta({ url: "", token: "" }))`)
}

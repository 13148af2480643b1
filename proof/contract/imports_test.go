package contract

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "siesta/"

// leaves import nothing of ours, and everybody may import them.
var leaves = []string{"shared/env", "shared/logging", "shared/metrics", "shared/awsenv"}

// owners says who may import a third-party package, by the longest prefix of
// its path. A pattern that ends in /... covers the packages below it too.
var owners = map[string][]string{
	"github.com/jackc/pgx/v5":                    {"shared/postgres/...", "local/postgresserver", "proof/postgrestest", "proof/functiontest", "proof/bench"},
	"github.com/redis/go-redis/v9":               {"shared/redis", "local/redisserver", "proof/promises"},
	"github.com/golang-migrate/migrate/v4":       {"functions/migrate", "proof/postgrestest"},
	"github.com/aws/aws-sdk-go-v2":               {"shared/awsenv", "shared/sqs", "shared/s3", "shared/secrets"},
	"github.com/aws/aws-sdk-go-v2/service/sqs":   {"shared/sqs"},
	"github.com/aws/aws-sdk-go-v2/service/s3":    {"shared/s3"},
	"github.com/aws/smithy-go":                   {"shared/sqs", "shared/s3"},
	"github.com/aws/aws-lambda-go/lambda":        {"functions/..."},
	"github.com/aws/aws-lambda-go/cfn":           {"functions/migrate"},
	"github.com/aws/aws-lambda-go/events":        {"functions/...", "shared/api", "shared/sqs", "local/...", "proof/..."},
	"github.com/aws/aws-lambda-go/lambdacontext": {"shared/logging"},
	"connectrpc.com/connect":                     {"shared/e2b/...", "local/e2bsim/..."},
	"google.golang.org/protobuf":                 {"shared/e2b/...", "local/e2bsim/..."},
	"github.com/getkin/kin-openapi":              {"proof/openapi"},
	"github.com/creack/pty":                      {"local/e2bsim/..."},
	"github.com/coder/websocket":                 {"proof/..."},
	"github.com/golang-jwt/jwt/v5":               {"local/gateway"},
	"go.yaml.in/yaml/v3":                         {"local/template"},
	"golang.org/x/sync":                          {"functions/reconcile"},
	"golang.org/x/sys":                           {"local/..."},
}

type listed struct {
	ImportPath                         string
	Dir                                string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func TestDependencyRule(t *testing.T) {
	for name, p := range packages(t) {
		for _, path := range p.Imports {
			ours, isOurs := strings.CutPrefix(path, module)
			switch {
			case isOurs && !mayImport(name, ours):
				t.Errorf("%s imports %s", name, ours)
			case !isOurs && strings.Contains(path, ".") && !owns(name, path):
				t.Errorf("%s imports %s, which is not its own", name, path)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if ours, isOurs := strings.CutPrefix(path, module); isOurs && below(ours, "functions") && !below(ours, name) {
				t.Errorf("a test of %s imports %s: functions are started, not imported", name, path)
			}
		}
	}
}

// mayImport is the rule among our own packages.
func mayImport(from, to string) bool {
	if below(to, "functions") { // a function may have parts of its own
		return below(from, "functions") && below(to, from)
	}
	if below(to, "proof") && !below(from, "proof") {
		return false
	}
	if below(from, "local/e2bsim") { // E2B's other side: it shares the wire format with the client, and no code
		return below(to, "local/e2bsim") || to == "shared/e2b/envd/envdpb"
	}
	switch {
	case below(from, "proof"), below(from, "local"):
		return true
	case below(from, "functions"):
		return below(to, "shared")
	case slices.Contains(leaves, from) || from == "shared/job":
		return false
	case from == "shared/wake", from == "shared/lookup", from == "shared/links": // they join the adapters, as a function does
		return below(to, "shared")
	case from == "shared/page":
		return slices.Contains([]string{"shared/job", "shared/api", "shared/env", "shared/e2b/address"}, to)
	case from == "shared/detect", from == "shared/logs", from == "shared/previous": // no adapters: they reach nobody
		return to == "shared/job"
	default: // an adapter; secrets.Text is the one type that they share beside those of shared/job
		return to == "shared/job" || to == "shared/secrets" || slices.Contains(leaves, to) || adapter(from) == adapter(to)
	}
}

func below(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// adapter is the first two parts of a package's path: shared/e2b of
// shared/e2b/envd.
func adapter(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func owns(name, path string) bool {
	longest := ""
	for prefix := range owners {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return slices.ContainsFunc(owners[longest], func(owner string) bool {
		folder, tree := strings.CutSuffix(owner, "/...")
		return name == folder || tree && below(name, folder)
	})
}

// readers may read the environment outside of a main.go: the simulator's
// sandboxes need the machine's PATH, where they have no file tree of their own;
// a Postgres is looked for on the machine; and a test program has no main.go.
var readers = []string{"local/e2bsim/sandbox", "local/postgresserver", "proof/functiontest"}

// TestEnvironmentIsReadInMainOnly: what a program reads is told by its main.go.
func TestEnvironmentIsReadInMainOnly(t *testing.T) {
	for name, p := range packages(t) {
		if slices.Contains(readers, name) {
			continue
		}
		for _, file := range p.GoFiles {
			if file == "main.go" {
				continue
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Getenv" || s.Sel.Name == "LookupEnv") {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" {
						t.Errorf("%s reads the environment", files.Position(s.Pos()))
					}
				}
				return true
			})
		}
	}
}

// TestThePageOfALinkReachesNoSandbox: what everybody may open carries nothing that wakes,
// and starts without the clients of E2B, SQS and S3.
func TestThePageOfALinkReachesNoSandbox(t *testing.T) {
	all, seen := packages(t), map[string]bool{}
	var walk func(name string)
	walk = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, path := range all[name].Imports {
			if ours, isOurs := strings.CutPrefix(path, module); isOurs {
				walk(ours)
			}
		}
	}
	walk("functions/preview")
	for _, name := range []string{"shared/wake", "shared/e2b", "shared/sqs", "shared/s3"} {
		if seen[name] {
			t.Errorf("functions/preview reaches %s", name)
		}
	}
	if !seen["shared/links"] {
		t.Error("functions/preview opens no links")
	}
}

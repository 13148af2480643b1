package openapi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// load makes the document's router, once.
var load = sync.OnceValues(func() (routers.Router, error) {
	document, err := read()
	if err != nil {
		return nil, err
	}
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	document.Servers = nil // paths are looked up without an address
	for _, path := range document.Paths.Map() {
		for _, operation := range path.Operations() {
			for _, response := range operation.Responses.Map() {
				for _, content := range response.Value.Content {
					if err := content.Schema.WalkSubtree(closed); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return legacy.NewRouter(document)
})

func read() (*openapi3.T, error) {
	root, err := checkout()
	if err != nil {
		return nil, err
	}
	document, err := openapi3.NewLoader().LoadFromFile(filepath.Join(root, "docs/openapi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read docs/openapi.yaml: %w", err)
	}
	return document, nil
}

// Routes are those that ask for a token, as "GET /api/generation/{job_id}/status".
func Routes() (routes []string, err error) {
	document, err := read()
	if err != nil {
		return nil, err
	}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Security == nil || len(*operation.Security) > 0 {
				routes = append(routes, method+" "+path)
			}
		}
	}
	slices.Sort(routes)
	return routes, nil
}

// closed makes every key that an object's schema does not name an error: a
// client may meet such a key, a test may not.
func closed(_ string, s *openapi3.SchemaRef) error {
	if s.Value.Type.Is(openapi3.TypeObject) {
		s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
	}
	return nil
}

// checkout is the folder with go.mod, this one or one above: a test runs in its
// package's folder, a program in the checkout's.
func checkout() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		above := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || above == folder {
			return folder, err
		}
		folder = above
	}
}

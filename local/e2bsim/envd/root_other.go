//go:build !linux

package envd

import "os"

// openAsRoot is never called: only on Linux has a sandbox an AsRoot.
func (Config) openAsRoot(string, bool) (*os.File, error) { return nil, os.ErrPermission }

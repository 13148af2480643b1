//go:build !linux

package envd

import "os"

// Elsewhere than on Linux files have no metadata.
func setMetadata(*os.File, map[string]string) error { return nil }
func readMetadata(string) map[string]string         { return nil }

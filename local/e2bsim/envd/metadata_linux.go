package envd

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// metadataPrefix is where a file's metadata is kept, as extended attributes.
const metadataPrefix = "user.e2b."

func setMetadata(file *os.File, meta map[string]string) error {
	for key, value := range meta {
		if err := unix.Fsetxattr(int(file.Fd()), metadataPrefix+key, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// readMetadata returns a file's metadata; nil where it has none, or where the
// file system keeps none.
func readMetadata(path string) map[string]string {
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if err != nil || n == 0 {
		return nil
	}
	var meta map[string]string
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		key, ok := strings.CutPrefix(name, metadataPrefix)
		if !ok {
			continue
		}
		value := make([]byte, 4096)
		if n, err := unix.Lgetxattr(path, name, value); err == nil {
			if meta == nil {
				meta = map[string]string{}
			}
			meta[key] = string(value[:n])
		}
	}
	return meta
}

package envd

import (
	"context"
	_ "embed" // the script
	"fmt"
	"io"
	"path"
	"strings"

	"siesta/shared/job"
)

// removeList is the file, among our own, that holds the names to remove.
const removeList = "remove"

//go:embed remove.sh
var removeScript string

// Remove removes files, and folders with all that is in them, below folder, an
// absolute path, in two requests however many they are. Missing ones are fine.
// A name that leads out of it is refused (job.ErrInvalid) before anything is
// sent.
func (c *Client) Remove(ctx context.Context, folder string, names []string) error {
	const op = "remove files"
	if !path.IsAbs(folder) || path.Clean(folder) != folder {
		return broken(op, job.ErrInvalid, fmt.Errorf("%q is no absolute path", folder))
	}
	if len(names) == 0 {
		return nil
	}
	for _, name := range names {
		if err := job.ValidatePath(name); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	list := strings.Join(names, "\x00") + "\x00"
	err := c.Upload(ctx, root, func(yield func(File, error) bool) {
		yield(File{Name: removeList, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(list)), nil }}, nil)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	_, err = c.script(ctx, op, removeScript, nil, 0, root+"/"+removeList, folder)
	return err
}

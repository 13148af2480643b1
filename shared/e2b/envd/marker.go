package envd

import (
	"context"
	_ "embed" // the script
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// markerFile holds the newest epoch whose wake reached this sandbox. It is a
// part of the files that a pause keeps: one with a lower epoch than the row
// knows proves that E2B brought back older files.
const markerFile = root + "/epoch"

//go:embed marker.sh
var markerScript string

// WriteMarker raises the marker to epoch, in one step: it is never seen half
// written, and never lowered.
func (c *Client) WriteMarker(ctx context.Context, epoch int) error {
	_, err := c.script(ctx, "write marker", markerScript, nil, 0, markerFile, strconv.Itoa(epoch))
	return err
}

// ReadMarker returns the marker; 0 when there is none, or none that can be
// read.
func (c *Client) ReadMarker(ctx context.Context) (int, error) {
	data, err := c.ReadFile(ctx, markerFile, 0, 64)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	epoch, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || epoch < 0 {
		return 0, nil
	}
	return epoch, nil
}

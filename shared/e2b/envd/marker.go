package envd

import (
	"context"
	_ "embed" // the script
	"errors"
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

// RaiseMarker is ReadMarker and then, unless what is there is none or lower than least,
// WriteMarker, in one call: older files keep their marker. It returns what was there.
func (c *Client) RaiseMarker(ctx context.Context, least, epoch int) (int, error) {
	data, err := c.script(ctx, "raise marker", markerScript, nil, 64, markerFile, strconv.Itoa(epoch), strconv.Itoa(max(least, 1)))
	if err != nil {
		return 0, err
	}
	return parseMarker(data)
}

// readMarkerScript prints the marker, or nothing where there is no such file:
// siesta FILE.
const readMarkerScript = `if [ -f "$1" ]; then head -c 64 -- "$1"; fi`

// ErrNoMarker: there is no marker, or what is in its place is none. The app can
// remove it, so that proves nothing about the files.
var ErrNoMarker = errors.New("sandbox has no marker")

// ReadMarker returns the marker. A preview is given up when its marker is too
// old, so envd itself must tell, by running a command: any proxy or page in its
// place answers a GET.
func (c *Client) ReadMarker(ctx context.Context) (int, error) {
	data, err := c.script(ctx, "read marker", readMarkerScript, nil, 64, markerFile)
	if err != nil {
		return 0, err
	}
	return parseMarker(data)
}

func parseMarker(data []byte) (int, error) {
	epoch, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || epoch < 1 {
		return 0, ErrNoMarker
	}
	return epoch, nil
}

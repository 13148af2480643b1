package envd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"connectrpc.com/connect"

	"siesta/shared/e2b/envd/envdpb"
)

// callTime bounds a call that moves little.
const callTime = 20 * time.Second

// Entry is a file or folder in the sandbox.
type Entry struct {
	Name     string
	Path     string
	Dir      bool
	Size     int64
	Modified time.Time
}

// ReadFile returns up to limit bytes of a file from offset on; fewer mean its
// end. fs.ErrNotExist: there is none.
func (c *Client) ReadFile(ctx context.Context, path string, offset int64, limit int) ([]byte, error) {
	op := "read " + path
	if offset < 0 || limit <= 0 {
		return nil, fmt.Errorf("%s: offset %d or limit %d is out of range", op, offset, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/files?"+url.Values{"path": {path}}.Encode(), nil)
	if err != nil {
		return nil, failure(op, err)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+int64(limit)-1))
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failure(op, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK: // the whole file
		if _, err := io.CopyN(io.Discard, resp.Body, offset); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, failure(op, err)
		}
	case http.StatusRequestedRangeNotSatisfiable: // offset is at or past the end
		return nil, nil
	default:
		return nil, httpFailure(op, resp)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)))
	if err != nil {
		return nil, failure(op, err)
	}
	return data, nil
}

// Stat describes a file or folder. fs.ErrNotExist: there is none.
func (c *Client) Stat(ctx context.Context, path string) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.directory.Stat(ctx, connect.NewRequest(&envdpb.StatRequest{Path: path}))
	if err != nil {
		return Entry{}, failure("stat "+path, err)
	}
	return entry(resp.Msg.GetEntry()), nil
}

// List returns what is in a folder. fs.ErrNotExist: there is none.
func (c *Client) List(ctx context.Context, path string) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.directory.ListDir(ctx, connect.NewRequest(&envdpb.ListDirRequest{Path: path, Depth: 1}))
	if err != nil {
		return nil, failure("list "+path, err)
	}
	var entries []Entry
	for _, e := range resp.Msg.GetEntries() {
		entries = append(entries, entry(e))
	}
	return entries, nil
}

// Remove removes a file, or a folder with all that is in it. A missing one is
// fine.
func (c *Client) Remove(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := c.directory.Remove(ctx, connect.NewRequest(&envdpb.RemoveRequest{Path: path}))
	return failure("remove "+path, err)
}

func entry(e *envdpb.EntryInfo) Entry {
	return Entry{
		Name:     e.GetName(),
		Path:     e.GetPath(),
		Dir:      e.GetType() == envdpb.FileType_FILE_TYPE_DIRECTORY,
		Size:     e.GetSize(),
		Modified: e.GetModifiedTime().AsTime(),
	}
}

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

	"siesta/shared/e2b"
	"siesta/shared/e2b/envd/envdpb"
)

// callTime bounds a call that moves little.
const callTime = 20 * time.Second

// ReadFile returns up to limit bytes of a file from offset on; fewer mean its
// end. fs.ErrNotExist: there is none.
func (c *Client) ReadFile(ctx context.Context, path string, offset int64, limit int) ([]byte, error) {
	op := "read " + path
	if offset < 0 || limit <= 0 {
		return nil, fmt.Errorf("%s: offset %d or limit %d is out of range", op, offset, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.get(ctx, path, fmt.Sprintf("bytes=%d-%d", offset, offset+int64(limit)-1))
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

// get asks for a file, or for a range of it.
func (c *Client) get(ctx context.Context, path, within string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/files?"+url.Values{"path": {path}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if within != "" {
		req.Header.Set("Range", within)
	}
	return c.http.Do(req)
}

// List returns the names in a folder. fs.ErrNotExist: there is none.
// e2b.ErrRefused: there are tens of thousands.
func (c *Client) List(ctx context.Context, path string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.directory.ListDir(ctx, connect.NewRequest(&envdpb.ListDirRequest{Path: path, Depth: 1}))
	if connect.CodeOf(err) == connect.CodeResourceExhausted {
		return nil, broken("list "+path, e2b.ErrRefused, err)
	}
	if err != nil {
		return nil, failure("list "+path, err)
	}
	var names []string
	for _, e := range resp.Msg.GetEntries() {
		names = append(names, e.GetName())
	}
	return names, nil
}

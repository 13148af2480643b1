package envd

import (
	"context"
	"io"
	"net/http"
)

// Download streams a file for as long as ctx allows; the caller closes it.
// fs.ErrNotExist: there is none. Errors while reading are those of a call.
func (c *Client) Download(ctx context.Context, path string) (io.ReadCloser, error) {
	op := "download " + path
	resp, err := c.get(ctx, path, "")
	if err != nil {
		return nil, failure(op, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, httpFailure(op, resp)
	}
	return download{resp.Body, op}, nil
}

// download is a file's content.
type download struct {
	io.ReadCloser
	op string
}

func (d download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = failure(d.op, err)
	}
	return n, err
}

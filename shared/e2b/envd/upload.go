package envd

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"path"
	"time"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

// uploadTime bounds one upload: 100 MB over a slow line.
const uploadTime = 80 * time.Second

// File is one file to upload.
type File struct {
	Name string // relative to the upload's root, checked by job.ValidatePath
	Open func() (io.ReadCloser, error)
}

// Upload writes files below root, an absolute path, in one request; folders
// are made, files that exist are overwritten. It goes through files twice:
// first for the names alone, so that a name that leads out of root is refused
// (job.ErrInvalid) before anything is sent; then it opens one after the other
// and holds none in memory. A failed upload may have written some of them.
// Without files it does nothing.
func (c *Client) Upload(ctx context.Context, root string, files iter.Seq2[File, error]) error {
	const op = "upload files"
	if !path.IsAbs(root) || path.Clean(root) != root {
		return broken(op, job.ErrInvalid, fmt.Errorf("%q is no absolute path", root))
	}
	count := 0
	for file, err := range files {
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if err := job.ValidatePath(file.Name); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		count++
	}
	if count == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()

	reader, writer := io.Pipe()
	boundary := multipart.NewWriter(io.Discard).Boundary()
	written := make(chan error, 1)
	go func() {
		err := writeForm(writer, boundary, root, files)
		writer.CloseWithError(err)
		written <- err
	}()
	err := c.post(ctx, op, reader, "multipart/form-data; boundary="+boundary, count)
	// The writer must be done before the caller's files are released. Unless it
	// stopped because nobody reads any more, its error is the cause of the
	// request's.
	_ = reader.Close()
	if cause := <-written; err != nil && cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return fmt.Errorf("%s: %w", op, cause)
	}
	return err
}

func writeForm(to io.Writer, boundary, root string, files iter.Seq2[File, error]) error {
	// The names and most sources are text: even the fastest level saves more
	// time on the line than it takes.
	zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	parts := multipart.NewWriter(zip)
	if err := parts.SetBoundary(boundary); err != nil {
		return err
	}
	buffer := make([]byte, 32<<10)
	for file, err := range files {
		if err != nil {
			return err
		}
		if err := writePart(parts, path.Join(root, file.Name), file, buffer); err != nil {
			return fmt.Errorf("send %s: %w", file.Name, err)
		}
	}
	if err := parts.Close(); err != nil {
		return err
	}
	return zip.Close()
}

func writePart(parts *multipart.Writer, name string, file File, buffer []byte) error {
	part, err := parts.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{part}, struct{ io.Reader }{content}, buffer)
	return err
}

// post sends the form and counts the files that envd says it wrote.
func (c *Client) post(ctx context.Context, op string, body io.Reader, contentType string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/files", body)
	if err != nil {
		return failure(op, err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := c.http.Do(req)
	if err != nil {
		return failure(op, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return httpFailure(op, resp)
	}
	got, err := countEntries(io.LimitReader(resp.Body, int64(want+1)*maxEntry))
	if err != nil {
		return failure(op, err)
	}
	if got != want {
		return broken(op, e2b.ErrUnknown, fmt.Errorf("%d of %d files were written", got, want))
	}
	return nil
}

// maxEntry is the most bytes that envd's answer has for each file.
const maxEntry = 8 << 10

// countEntries counts the elements of a JSON array without keeping them.
func countEntries(r io.Reader) (int, error) {
	dec := json.NewDecoder(r)
	if token, err := dec.Token(); err != nil || token != json.Delim('[') {
		return 0, errors.New("answer is no list")
	}
	count := 0
	for ; dec.More(); count++ {
		var entry struct{}
		if err := dec.Decode(&entry); err != nil {
			return 0, err
		}
	}
	_, err := dec.Token()
	return count, err
}

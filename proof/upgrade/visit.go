package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"siesta/local/client"
)

// visit wakes every preview that there is, and notes which does not show what its
// user sent: its own page, and a file of the version that it began with.
func (h *history) visit(ctx context.Context) error {
	rows, err := h.rows(ctx)
	if err != nil {
		return err
	}
	seen := 0
	for id, m := range h.users.made {
		if !rows[id].has() || m.deleted {
			continue
		}
		page, root, _ := strings.Cut(h.users.pages[id], "\n")
		h.act(func() {
			address := h.wake(ctx, m)
			for path, want := range map[string]string{"/": page, "/root.txt": root} {
				if got, err := h.read(ctx, address+path); err != nil || got != want {
					h.wrong("job %s shows %q at %s (%v), want %q", id, got, path, err, want)
				}
			}
			seen++
		})
	}
	h.say("%d previews show what was sent", seen)
	return nil
}

// wake returns the address of a preview that is up; "": it does not come up.
func (h *history) wake(ctx context.Context, m *made) string {
	for range 5 {
		a := h.users.do(ctx, m, client.Resume)
		if a.Code == http.StatusOK {
			return client.Text(a.Told.PreviewURL)
		}
		pause(ctx, max(a.RetryAfter, time.Second))
	}
	return ""
}

// read gets a page of a preview, wherever names lead.
func (h *history) read(ctx context.Context, address string) (string, error) {
	if !strings.HasPrefix(address, "http") {
		return "", errors.New("the preview does not come up")
	}
	to := strings.TrimPrefix(h.E2BSandboxURL, "http://localhost")
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1"+to)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", resp.Status)
	}
	return string(body), err
}

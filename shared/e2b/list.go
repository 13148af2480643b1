package e2b

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Filter selects sandboxes. Its zero value selects all of the team's.
type Filter struct {
	Metadata map[string]string // each pair must be equal
	States   []State           // nil: both
}

// Page is a part of a list. Next is empty on the last one. E2B's list lags
// behind by moments and may miss a sandbox that is being checkpointed.
type Page struct {
	Sandboxes []Sandbox
	Odd       []Sandbox // entries that have no id that can be reached: theirs is "", what else could be read is there
	Next      string
}

const (
	pageSize = 100 // E2B's maximum
	maxPages = 1000
)

// List returns every sandbox that the filter selects, as one page, or an error:
// what is not in it is not there.
func (c *Client) List(ctx context.Context, f Filter) (Page, error) {
	var all Page
	for range maxPages {
		page, err := c.ListPage(ctx, f, all.Next)
		if err != nil {
			return Page{}, err
		}
		all.Sandboxes, all.Odd, all.Next = append(all.Sandboxes, page.Sandboxes...), append(all.Odd, page.Odd...), page.Next
		if all.Next == "" {
			return all, nil
		}
	}
	return Page{}, &Error{Op: OpList, Kind: ErrUnknown, Cause: errors.New("list has no end")}
}

// ListPage returns up to 100 sandboxes from where next says; "" is the start.
// The filter must be that of the page before. ErrRefused: from there
// the list does not go on.
func (c *Client) ListPage(ctx context.Context, f Filter, next string) (Page, error) {
	ans, err := c.do(ctx, request{op: OpList, method: http.MethodGet, path: "/v2/sandboxes?" + f.query(next), success: []int{http.StatusOK}})
	if err != nil {
		return Page{}, err
	}
	page, err := parsePage(ans.body, ans.header.Get("X-Next-Token"))
	if err == nil && page.Next == next && next != "" {
		return Page{}, &Error{Op: OpList, Status: ans.status, Kind: ErrRefused, Cause: errors.New("list goes in a circle")}
	}
	if err != nil {
		return Page{}, &Error{Op: OpList, Status: ans.status, Kind: ErrUnknown, Cause: err}
	}
	return page, nil
}

func (f Filter) query(next string) string {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if len(f.Metadata) > 0 {
		q.Set("metadata", metadataFilter(f.Metadata))
	}
	if len(f.States) > 0 {
		states := make([]string, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		q.Set("state", strings.Join(states, ","))
	}
	if next != "" {
		q.Set("nextToken", next)
	}
	return q.Encode()
}

// metadataFilter encodes each part twice, for E2B decodes the filter three
// times: as a part of the query, as a whole, and part by part.
func metadataFilter(metadata map[string]string) string {
	encode := func(s string) string {
		once := strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
		return url.QueryEscape(once)
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		pairs = append(pairs, encode(key)+"="+encode(metadata[key]))
	}
	return strings.Join(pairs, "&")
}

func parsePage(body []byte, next string) (Page, error) {
	var listed []json.RawMessage
	if err := json.Unmarshal(body, &listed); err != nil {
		return Page{}, err
	}
	page := Page{Next: next}
	for _, entry := range listed {
		s, err := parseSandbox(entry)
		if err != nil { // one must not hide the ninety-nine others
			s.ID = ""
			page.Odd = append(page.Odd, s)
			continue
		}
		page.Sandboxes = append(page.Sandboxes, s)
	}
	return page, nil
}

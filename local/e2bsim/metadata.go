package e2bsim

import (
	"errors"
	"net/url"
	"strings"
)

var errMetadata = errors.New("malformed metadata filter")

// parseMetadata reads list's metadata filter as E2B does: after the decoding
// of the query itself, the whole text is decoded once more, split, and each
// key and value decoded again.
func parseMetadata(text string) (map[string]string, error) {
	whole, err := url.QueryUnescape(text)
	if err != nil {
		return nil, errMetadata
	}
	filter := map[string]string{}
	for pair := range strings.SplitSeq(whole, "&") {
		parts := strings.Split(pair, "=")
		if len(parts) != 2 {
			return nil, errMetadata
		}
		key, keyErr := url.QueryUnescape(parts[0])
		value, valueErr := url.QueryUnescape(parts[1])
		if keyErr != nil || valueErr != nil {
			return nil, errMetadata
		}
		filter[key] = value
	}
	return filter, nil
}

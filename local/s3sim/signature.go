package s3sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

// allow refuses who has neither signed nor been given a signed address. A
// program's own signature is taken as it is: nobody but a program of this machine
// can send that header here. An address may be anybody's, so it is checked.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
func (s *Server) allow(r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Authorization"), algorithm+" ") {
		return nil
	}
	query := r.URL.Query()
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if err != nil || query.Get("X-Amz-Algorithm") != algorithm || r.Method != http.MethodGet {
		return errDenied
	}
	life, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || s.Now().After(signed.Add(time.Duration(life)*time.Second)) {
		return errDenied
	}
	if !hmac.Equal([]byte(query.Get("X-Amz-Signature")), []byte(s.sign(r, query))) {
		return errDenied
	}
	return nil
}

// sign is the signature that the address of a request must have.
func (s *Server) sign(r *http.Request, query url.Values) string {
	rest := url.Values{}
	for name, values := range query {
		if name != "X-Amz-Signature" {
			rest[name] = values
		}
	}
	var headers strings.Builder
	names := query.Get("X-Amz-SignedHeaders")
	for name := range strings.SplitSeq(names, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical := strings.Join([]string{
		http.MethodGet, r.URL.EscapedPath(), strings.ReplaceAll(rest.Encode(), "+", "%20"), headers.String(), names, "UNSIGNED-PAYLOAD",
	}, "\n")
	scope := strings.Split(query.Get("X-Amz-Credential"), "/")
	scope = scope[min(1, len(scope)):]
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, query.Get("X-Amz-Date"), strings.Join(scope, "/"), hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + s.secret)
	for _, part := range slices.Concat(scope, []string{text}) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// Package s3 owns how a source archive is read: an object is streamed out of
// its bucket, and a .tar.gz is unpacked entry by entry, without trust in what
// it says. It does not know whose objects they are; shared/job checks that an
// address is within a user's reach.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"siesta/shared/job"
)

// maxObject is the most bytes that an archive may have as it is stored.
const maxObject = 100 << 20

// Client reads objects.
type Client struct{ s3 *s3.Client }

// New returns a Client. The endpoint is nil for AWS's own; another one gets the
// bucket in its path, since it seldom has a host name for each.
func New(cfg aws.Config, endpoint *string) *Client {
	return &Client{s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint = endpoint
		o.UsePathStyle = endpoint != nil
		o.DisableLogOutputChecksumValidationSkipped = true
	})}
}

// Get streams the object at address, which is s3://bucket/key, for as long as
// ctx allows; the caller closes it. An object that is missing, forbidden,
// elsewhere or over maxObject is a *job.InvalidError; all else, also while
// reading, matches job.ErrUnavailable.
func (c *Client) Get(ctx context.Context, address string) (io.ReadCloser, error) {
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, key, cut := strings.Cut(rest, "/")
	if !ok || !cut || bucket == "" || key == "" {
		return nil, invalid("must be s3://bucket/key")
	}
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, getError(err)
	}
	// S3 always tells the length, and net/http lets no body be longer than that.
	if out.ContentLength == nil || *out.ContentLength > maxObject {
		_ = out.Body.Close()
		return nil, invalid(fmt.Sprintf("is over %d MB", maxObject>>20))
	}
	return body{out.Body}, nil
}

// definite are S3's refusals that stay, by its codes, in words.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var definite = map[string]string{
	"NoSuchKey":                    "does not exist, or may not be read",
	"NotFound":                     "does not exist, or may not be read",
	"AccessDenied":                 "does not exist, or may not be read", // without leave to list, a missing one is this
	"InvalidObjectState":           "is in an archive tier, and must be restored first",
	"NoSuchBucket":                 "is in a bucket that does not exist",
	"PermanentRedirect":            "is in a bucket of another region",
	"AuthorizationHeaderMalformed": "is in a bucket of another region",
}

func getError(err error) error {
	if reason, ok := definite[errorCode(err)]; ok {
		return invalid(reason)
	}
	return fmt.Errorf("get object: %w: %w", job.ErrUnavailable, err)
}

// errorCode is S3's own word for what went wrong; "": it gave none.
func errorCode(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}

// body is an object's content.
type body struct{ io.ReadCloser }

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read object: %w: %w", job.ErrUnavailable, err)
	}
	return n, err
}

// invalid is an error in words about a request's archive.
func invalid(reason string) error { return &job.InvalidError{Field: "source.archive", Reason: reason} }

package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"siesta/shared/job"
)

// Store is where archives are kept: a bucket, or a part of one.
type Store struct {
	client         *Client
	bucket, prefix string // prefix is "" or ends in a slash
}

// ErrStore: the store refuses, and will go on to: its bucket is not there, or may
// not be used.
var ErrStore = errors.New("store refuses")

// Store returns the store at an address, which is s3://bucket or
// s3://bucket/prefix; none at "".
func (c *Client) Store(address string) (*Store, error) {
	if address == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, prefix, _ := strings.Cut(rest, "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	if !ok || bucket == "" || strings.ContainsAny(rest, "?# \t\n") {
		return nil, errors.New("must be s3://bucket or s3://bucket/prefix")
	}
	return &Store{c, bucket, prefix}, nil
}

// Put keeps an archive under key, whose SHA-256 is hash. It may be repeated. An
// error matches ErrStore or job.ErrUnavailable.
func (s *Store) Put(ctx context.Context, key string, archive io.ReadSeeker, size int64, hash [32]byte) error {
	name, sum := s.prefix+key, base64.StdEncoding.EncodeToString(hash[:])
	_, err := s.client.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &name, Body: archive, ContentLength: &size, ChecksumSHA256: &sum,
	})
	return storeError("put object", err)
}

// Get streams the archive of a key; the caller closes it. job.ErrNotFound: it is
// no longer kept. Any other error, also while reading, matches ErrStore or
// job.ErrUnavailable.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	name := s.prefix + key
	out, err := s.client.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &name})
	if err != nil {
		return nil, storeError("get object", err)
	}
	return body{out.Body}, nil
}

// Has reports whether the archive of a key is there. Errors are those of Put.
func (s *Store) Has(ctx context.Context, key string) (bool, error) {
	name := s.prefix + key
	_, err := s.client.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &name})
	if err = storeError("look for object", err); errors.Is(err, job.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Delete makes an end of a key's archive; one that is not there is fine. Errors
// are those of Put.
func (s *Store) Delete(ctx context.Context, key string) error {
	name := s.prefix + key
	_, err := s.client.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &name})
	return storeError("delete object", err)
}

// Sign returns an address at which anybody may read the archive of a key for a
// while. It asks nobody: whether there is one, only a reader learns.
func (s *Store) Sign(ctx context.Context, key string, life time.Duration) (string, error) {
	name := s.prefix + key
	signed, err := s3.NewPresignClient(s.client.s3).PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: &s.bucket, Key: &name}, s3.WithPresignExpires(life))
	if err != nil {
		return "", storeError("sign address", err)
	}
	return signed.URL, nil
}

// storeError gives an answer of S3 its meaning. Those that no repetition changes
// are about the bucket, or about who asks.
func storeError(op string, err error) error {
	if err == nil {
		return nil
	}
	kind := job.ErrUnavailable
	switch code := errorCode(err); {
	case code == "NoSuchKey", code == "NotFound":
		kind = job.ErrNotFound
	case definite[code] != "", code == "InvalidAccessKeyId", code == "InvalidBucketName":
		kind = ErrStore
	}
	return fmt.Errorf("%s: %w: %w", op, kind, err)
}

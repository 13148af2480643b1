package secrets

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"siesta/shared/job"
)

// A link's token is, in base64 for addresses: the version of this form, the id of
// the key, what the link follows, its share, its version if it follows one, its
// end, its number, and a code over all of that.
const (
	linkVersion = 1
	uuidSize    = 16
	numberSize  = 4
	codeSize    = 16

	kindAt    = headerSize
	shareAt   = kindAt + 1
	shortLink = shareAt + uuidSize + 2*numberSize + codeSize // that of a project
	longLink  = shortLink + uuidSize                         // that of a job
)

// kinds are those of a token, by what it follows: without the log, and with it.
var kinds = map[job.Follow][2]byte{job.FollowProject: {'p', 'P'}, job.FollowJob: {'j', 'J'}}

// askKeysEvery bounds how often tokens of keys that are not known make one ask for
// the keys anew: anybody may send such tokens.
const askKeysEvery = time.Minute

// Links signs what a share link says, and tells such links from all others. Its
// keys are derived from those of a Sealer, one from each: while one key replaces
// another, the links of both open.
type Links struct {
	keys  *Held[[]key]
	asked atomic.Int64 // when keys were last asked for anew, in Unix nanoseconds
}

// NewLinks returns the links of a stack: a copy of it under another name, with the
// same keys, opens none of them.
func NewLinks(sealer *Sealer, stack string) *Links {
	derive := func(text Text) ([]key, error) { return linkKeys(text, stack) }
	return &Links{keys: Hold(sealer.keys, derive, func([]key) {}, 0)}
}

// linkKeys are the keys of codes, that only this stack has, by the ids of those that they
// are derived from.
func linkKeys(text Text, stack string) ([]key, error) {
	keys, err := parseKeys(text)
	for i, k := range keys {
		if keys[i].raw, err = hkdf.Key(sha256.New, k.raw, nil, "siesta share links of "+stack, sha256.Size); err != nil {
			return nil, fmt.Errorf("derive key of links: %w", err)
		}
	}
	return keys, err
}

// Sign returns the token of l.
func (s *Links) Sign(ctx context.Context, l job.Link) (string, error) {
	keys, err := s.keys.Get(ctx, false)
	if err != nil {
		return "", err
	}
	share, err := parseUUID(l.Share)
	if err != nil {
		return "", err
	}
	end := l.Ends.Unix()
	if l.Number < 0 || l.Number > math.MaxUint32 || end < 0 || end > math.MaxUint32 {
		return "", fmt.Errorf("sign link: number %d or end %d is out of range", l.Number, end)
	}
	token := append(make([]byte, 0, longLink), linkVersion)
	token = append(append(append(token, keys[0].id[:]...), kindOf(l)), share...)
	if l.Follow == job.FollowJob {
		version, err := parseUUID(l.JobID)
		if err != nil {
			return "", err
		}
		token = append(token, version...)
	}
	token = binary.BigEndian.AppendUint32(token, uint32(end))
	token = binary.BigEndian.AppendUint32(token, uint32(l.Number))
	return base64.RawURLEncoding.EncodeToString(append(token, codeOf(keys[0], token)...)), nil
}

// Open returns what was signed. job.ErrNoLink: nothing was, by this stack. Whether
// a link has ended is not asked.
func (s *Links) Open(ctx context.Context, token string) (job.Link, error) {
	if strings.ContainsAny(token, "\r\n") { // which the decoder would skip
		return job.Link{}, job.ErrNoLink
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != shortLink && len(raw) != longLink || raw[0] != linkVersion {
		return job.Link{}, job.ErrNoLink
	}
	signer, err := s.signer(ctx, raw)
	if err != nil {
		return job.Link{}, err
	}
	said, code := raw[:len(raw)-codeSize], raw[len(raw)-codeSize:]
	want := codeOf(signer, said)
	if !hmac.Equal(code, want) {
		return job.Link{}, job.ErrNoLink
	}
	return readLink(said)
}

// signer is the key that a token names. Keys that were rotated since they were
// fetched are fetched once more.
func (s *Links) signer(ctx context.Context, token []byte) (key, error) {
	keys, err := s.keys.Get(ctx, false)
	if err != nil {
		return key{}, err
	}
	k, ok := find(keys, token)
	if asked := s.asked.Load(); !ok && time.Now().UnixNano()-asked > int64(askKeysEvery) && s.asked.CompareAndSwap(asked, time.Now().UnixNano()) {
		if keys, err = s.keys.Get(ctx, true); err != nil {
			return key{}, err
		}
		k, ok = find(keys, token)
	}
	if !ok {
		return key{}, job.ErrNoLink
	}
	return k, nil
}

// codeOf is what only who has k can write below said.
func codeOf(k key, said []byte) []byte {
	mac := hmac.New(sha256.New, k.raw)
	mac.Write(said)
	return mac.Sum(nil)[:codeSize]
}

// readLink reads what was signed.
func readLink(said []byte) (job.Link, error) {
	kind, ids, numbers := said[kindAt], said[shareAt:len(said)-2*numberSize], said[len(said)-2*numberSize:]
	l := job.Link{
		Follow: job.FollowProject, Share: formatUUID(ids[:uuidSize]), Number: int(binary.BigEndian.Uint32(numbers[numberSize:])),
		Ends: time.Unix(int64(binary.BigEndian.Uint32(numbers)), 0).UTC(),
	}
	if len(ids) > uuidSize {
		l.Follow, l.JobID = job.FollowJob, formatUUID(ids[uuidSize:])
	}
	l.Logs = kind == kinds[l.Follow][1]
	if kind != kindOf(l) { // of a later version
		return job.Link{}, job.ErrNoLink
	}
	return l, nil
}

func kindOf(l job.Link) byte {
	if l.Logs {
		return kinds[l.Follow][1]
	}
	return kinds[l.Follow][0]
}

func parseUUID(id string) ([]byte, error) {
	if !job.IsID(id) {
		return nil, fmt.Errorf("sign link: %q is no id", id)
	}
	return hex.DecodeString(strings.ReplaceAll(id, "-", ""))
}

func formatUUID(b []byte) string {
	x := hex.EncodeToString(b)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

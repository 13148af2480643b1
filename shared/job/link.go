package job

import (
	"encoding/json"
	"time"
)

// Follow is what a share link shows.
type Follow string

const (
	FollowProject Follow = "project" // its version that counts, whichever that is by then
	FollowJob     Follow = "job"     // one version
)

// Link is what a share link's token says.
type Link struct {
	Follow Follow
	Share  string    // UUID of the Share that it was made from
	Number int       // that Share's, then
	JobID  string    // "" unless Follow is FollowJob
	Logs   bool      // whether its visitors may read the build's log
	Ends   time.Time // in whole seconds
}

// Share is what all links of a user's project have in common: one row.
type Share struct {
	ID        string // UUID
	UserID    string
	ProjectID string
	Number    int // raised when all links are ended; those with an older one are
}

// How long a link may be good.
const (
	MinLinkLife     = time.Minute
	DefaultLinkLife = 7 * 24 * time.Hour
	MaxLinkLife     = 365 * 24 * time.Hour
)

// Check is nil while l is one of the links of s, else ErrLinkEnded.
func (l Link) Check(s Share, now time.Time) error {
	if l.Number != s.Number || !now.Before(l.Ends) {
		return ErrLinkEnded
	}
	return nil
}

// LinkRequest is what a caller who shares a version asks for.
type LinkRequest struct {
	Life   time.Duration
	Follow Follow
	Logs   bool
}

// ParseLinkRequest decodes the body of a share, which may be empty. The error is
// always an *InvalidError.
func ParseLinkRequest(data []byte) (LinkRequest, error) {
	r := LinkRequest{Life: DefaultLinkLife, Follow: FollowProject}
	if len(data) == 0 {
		return r, nil
	}
	in := &struct {
		ExpiresIn field[int]    `json:"expires_in"` // seconds
		Follow    field[string] `json:"follow"`
		Logs      field[bool]   `json:"logs"`
	}{}
	if err := json.Unmarshal(data, &in); err != nil {
		return LinkRequest{}, decodeError(err)
	}
	if in == nil {
		return LinkRequest{}, errNoObject
	}
	if n := in.ExpiresIn.value; n != nil {
		if *n < int(MinLinkLife.Seconds()) || *n > int(MaxLinkLife.Seconds()) {
			return LinkRequest{}, invalid("expires_in", "must be between 60 and 31536000 seconds")
		}
		r.Life = time.Duration(*n) * time.Second
	}
	if f := in.Follow.value; f != nil {
		r.Follow = Follow(*f)
		if r.Follow != FollowProject && r.Follow != FollowJob {
			return LinkRequest{}, invalid("follow", `must be "project" or "job"`)
		}
	}
	r.Logs = in.Logs.orZero()
	return r, nil
}

// Intent is what a visitor's page wants of a preview.
type Intent string

const (
	Click   Intent = "click"   // that it wakes
	Viewing Intent = "viewing" // that it stays awake, if it is
)

// ParseIntent decodes the body of a page's post. The error is always an
// *InvalidError.
func ParseIntent(data []byte) (Intent, error) {
	in := &struct {
		Intent field[string] `json:"intent"`
	}{}
	if err := json.Unmarshal(data, &in); err != nil {
		return "", decodeError(err)
	}
	if in == nil {
		return "", errNoObject
	}
	intent := Intent(in.Intent.orZero())
	if intent != Click && intent != Viewing {
		return "", invalid("intent", `must be "click" or "viewing"`)
	}
	return intent, nil
}

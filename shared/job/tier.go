package job

// Tier is a user's plan with the app builder, by name.
type Tier string

// Bootstrapper is the tier of a user whose token names none, or an unknown one.
const Bootstrapper Tier = "bootstrapper"

// Limits bound what one user may build at a time and in a day, what may wait for
// that, and what may be woken. Zero means no limit.
type Limits struct {
	PerUser    int `json:"per_user"` // jobs that build at the same time
	PerProject int `json:"per_project"`
	PerDay     int `json:"per_day"` // jobs that run in one UTC day; more are scheduled for a later one
	Waiting    int `json:"waiting"` // jobs that have not begun; more are refused

	// In an hour, and in a day, from the first wake on.
	WakesPerHour       int `json:"wakes_per_hour"`
	AwakeSecondsPerDay int `json:"awake_seconds_per_day"` // granted, used or not
}

// MaxWaking is how many of a user's previews may be waited for at a time,
// whatever the tier: each holds a call of resume.
const MaxWaking = 3

// TierLimits are the limits of a stack's tiers. Nil means no limits at all.
type TierLimits map[Tier]Limits

// First is the first of a user's tiers that l has limits for. Without one it is
// the first of all, or Bootstrapper, and known says whether that is as it should
// be: the user has no tier, or nobody has limits.
func (l TierLimits) First(tiers []Tier) (tier Tier, known bool) {
	for _, t := range tiers {
		if _, ok := l[t]; ok || t == Bootstrapper {
			return t, true
		}
	}
	if len(tiers) == 0 {
		return Bootstrapper, true
	}
	return tiers[0], len(l) == 0
}

// For returns the limits of t; an unknown tier has those of Bootstrapper.
func (l TierLimits) For(t Tier) Limits {
	if limits, ok := l[t]; ok {
		return limits
	}
	return l[Bootstrapper]
}

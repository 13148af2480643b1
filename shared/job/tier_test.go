package job

import "testing"

func TestUnknownTiersHaveTheLimitsOfBootstrapper(t *testing.T) {
	limits := TierLimits{Bootstrapper: {PerDay: 5}, "partner": {PerDay: 50}}
	for tier, want := range map[Tier]int{"partner": 50, Bootstrapper: 5, "no_such": 5, "": 5} {
		if got := limits.For(tier).PerDay; got != want {
			t.Errorf("%q: %d a day, want %d", tier, got, want)
		}
	}
	if got := TierLimits(nil).For("partner"); got != (Limits{}) {
		t.Errorf("without limits: %+v", got)
	}
}

func TestAUsersTierIsTheFirstThatHasLimits(t *testing.T) {
	limits := TierLimits{"partner": {PerDay: 50}, "team": {PerDay: 9}}
	for _, c := range []struct {
		limits TierLimits
		tiers  []Tier
		want   Tier
		known  bool
	}{
		{limits, nil, Bootstrapper, true},
		{limits, []Tier{"team", "partner"}, "team", true},
		{limits, []Tier{"beta", "partner"}, "partner", true},
		{limits, []Tier{Bootstrapper}, Bootstrapper, true},
		{limits, []Tier{"beta", "gamma"}, "beta", false},
		{nil, []Tier{"beta"}, "beta", true},
	} {
		if tier, known := c.limits.First(c.tiers); tier != c.want || known != c.known {
			t.Errorf("%q: got %q, %v, want %q, %v", c.tiers, tier, known, c.want, c.known)
		}
	}
}

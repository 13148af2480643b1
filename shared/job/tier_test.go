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

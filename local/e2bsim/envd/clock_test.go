package envd

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestThePausedClockStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		var fired time.Time
		begin := time.Now()
		c.afterFunc(10*time.Second, func() { fired = time.Now() })
		stopped := c.afterFunc(10*time.Second, func() { t.Error("a stopped timer fired") })
		<-time.After(4 * time.Second)
		c.pause()
		c.pause()
		stopped.stop()
		<-time.After(time.Hour)
		c.afterFunc(time.Second, func() {
			if got, want := time.Since(begin), time.Hour+5*time.Second; got != want {
				t.Errorf("a timer set while paused: fired after %v, want %v", got, want)
			}
		})
		c.resume()
		c.resume()
		<-time.After(time.Minute)
		synctest.Wait()
		if got, want := fired.Sub(begin), time.Hour+10*time.Second; got != want {
			t.Errorf("fired after %v, want %v", got, want)
		}
	})
}

package main

import (
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/redis"
)

// unheard is a fixture whose cache has its own server, and a sleeping preview that
// the cache knows to sleep.
func unheard(t *testing.T) (*fixture, *redisserver.Server, job.Job) {
	t.Helper()
	b := setup(t)
	server := redistest.NewServer(t, redisserver.Config{TCP: true})
	b.Cache = functiontest.HastyCache(t, server.URL())
	b.waker.Cache = b.Cache
	j := b.Row(b.paused(greeter).ID)
	if _, err := b.Cache.Put(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	return b, server, j
}

// neverLies checks at each of E2B's answers to a connect that a reader of the
// cache is not told that the preview sleeps.
func (b *fixture) neverLies(reader *redis.Cache, id string) (connects func() int) {
	n := 0
	b.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind != e2bsim.Connect || c.Phase != e2bsim.Answered {
			return
		}
		n++
		cached, ok, err := reader.Get(b.T.Context(), id)
		if err == nil && ok && cached.SandboxPaused && cached.Believable(time.Now()) {
			b.T.Error("the sandbox runs, and the cache's readers are told that it sleeps")
		}
	})
	return func() int { return n }
}

// A wake goes on only when nobody is told any more that the preview sleeps,
// whatever ails the cache.
func TestNoWakeWhileTheCacheClaimsItsSleep(t *testing.T) {
	for name, broken := range map[string][][]any{
		"a replica, read-only": {{"REPLICAOF", "127.0.0.1", "1"}},
		"out of memory":        {{"CONFIG", "SET", "maxmemory-policy", "noeviction"}, {"CONFIG", "SET", "maxmemory", "1"}},
		"paused for writes":    {{"CLIENT", "PAUSE", "60000", "WRITE"}},
		"paused":               {{"CLIENT", "PAUSE", "60000", "ALL"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, server, j := unheard(t)
			connects := b.neverLies(functiontest.HastyCache(t, server.URL()), j.ID)
			for _, command := range broken {
				b.OK(server.Do(t.Context(), command...))
			}
			b.want(b.resumeJob(j), http.StatusOK)
			if connects() != 1 {
				t.Errorf("%d connects were watched, want 1", connects())
			}
		})
	}
}

// The network between resume and the cache is cut, and the status' is not.
func TestAWakeThatCannotReachTheCacheWaits(t *testing.T) {
	b, server, j := unheard(t)
	connects := b.neverLies(functiontest.HastyCache(t, server.URL()), j.ID)
	b.waker.Cache = functiontest.HastyCache(t, "redis://127.0.0.1:1")
	b.want(b.resumeJob(j), http.StatusOK)
	if connects() != 1 {
		t.Errorf("%d connects were watched, want 1", connects())
	}
}

// A cache that takes no new value, but forgets the old one, need not be waited for.
func TestACacheThatForgetsIsNotWaitedFor(t *testing.T) {
	b, server, j := unheard(t)
	b.OK(server.Do(t.Context(), "CONFIG", "SET", "maxmemory-policy", "noeviction"))
	b.OK(server.Do(t.Context(), "CONFIG", "SET", "maxmemory", "1"))
	b.waker.Times.Silent = time.Hour
	b.want(b.resumeJob(j), http.StatusOK)
}

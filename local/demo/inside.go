package demo

import (
	"context"
	"time"

	"siesta/local/stack"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// inside is what only the system's own machine can see: its stores and its bills. A
// nil one sees nothing.
type inside struct {
	admin stack.Admin
	db    *postgres.DB
	store *jobs.Store
	cache *redis.Cache
	began bills // before the demo
}

func open(ctx context.Context, system map[string]string) (*inside, error) {
	db, err := postgres.Open(ctx, postgres.Config{URL: system["DATABASE_URL"]})
	if err != nil {
		return nil, err
	}
	cache, err := redis.Open(redis.Config{URL: system["REDIS_URL"]})
	if err != nil {
		db.Close()
		return nil, err
	}
	i := &inside{admin: stack.Admin(system["ADMIN_URL"]), db: db, store: jobs.NewStore(db, "", nil), cache: cache}
	if i.began, err = i.bill(ctx); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *inside) close() {
	i.db.Close()
	_ = i.cache.Close()
}

// line is the newest line of a job's log.
func (i *inside) line(ctx context.Context, id string) (string, bool) {
	if i == nil {
		return "", false
	}
	line, ok, err := i.cache.LastLog(ctx, id)
	return line.Text, ok && err == nil
}

// usage is what a function was billed.
type usage struct {
	calls  int
	billed time.Duration
}

func (u usage) since(before usage) usage {
	return usage{u.calls - before.calls, u.billed - before.billed}
}

// bills are the usages by function.
type bills map[string]usage

func (i *inside) bill(ctx context.Context) (bills, error) {
	if i == nil {
		return nil, nil
	}
	all, err := i.admin.Bill(ctx)
	if err != nil {
		return nil, err
	}
	b := bills{}
	for _, f := range all {
		b[f.Function] = usage{f.Invocations, f.Billed}
	}
	return b, nil
}

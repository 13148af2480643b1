// Package redis owns the cache of jobs: every key, script, channel and expiry.
// Postgres is the truth; whatever is lost here is found there. It knows no SQL,
// no queue and no E2B.
//
//	job:<uuid>           hash    the job as other services read it, 24 h
//	job:<uuid>:events    channel one event for each change of the hash
//	job:<uuid>:logs      stream  the build's output, capped, 24 h
//	job:<uuid>:watched   string  there while somebody reads that, 15 s
//	current:<user>:<project> string the version that counts, 24 h; the user is a hash
//	share:<uuid>         hash    the number of a project's share links, a minute
//	share:<uuid>:wakes   set     the wakes by those links, an hour
//	reconcile:watermark  string  up to where reconcile has published
package redis

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"siesta/shared/env"
	"siesta/shared/job"
	"siesta/shared/secrets"
)

// TTL is how long a job stays cached after its last write.
const TTL = 24 * time.Hour

const (
	// callTimeout bounds one call to the cache, connecting and one retry
	// included: a caller can do without.
	callTimeout = 600 * time.Millisecond
	// ioShare times a call's time-out is the time-out of one dial, one write or
	// one read: when one hangs, a third of the call is left for a retry.
	ioShare = 2. / 3
	// skipTimes times a call's time-out is how long, after a call without an
	// answer, every further one fails at once: a dead cache costs an invocation
	// one time-out, not one for each write.
	skipTimes = 5. / 3
)

// Config says where the cache is and how to log in.
type Config struct {
	URL string // redis://, rediss:// (TLS) or unix://
	// Secret is the source of the URL; nil takes URL. One that may change asks for
	// TLS, and for a server whose certificate is for that host.
	Secret  *secrets.Source
	Cluster bool // the server speaks the cluster protocol, as ElastiCache Serverless does
	// Credentials returns a fresh login for each new connection; nil uses the
	// URL's. An IAM token lives 15 minutes, its connection 12 hours.
	Credentials func(ctx context.Context) (user, password string, err error)
	RootCAs     *x509.CertPool // for rediss://; nil takes the system's, which are slow to load
	CallTimeout time.Duration  // of one call, for who cannot do without; 0 is 600 ms
}

// ReadConfig reads the settings of the cache; secret makes the source of a setting,
// login the credentials of a user of the cache of that name, if the settings name
// one.
func ReadConfig(r *env.Reader, secret func(name string) *secrets.Source, login func(address, cache, user string) func(context.Context) (string, string, error)) Config {
	c := Config{Secret: secret("REDIS_URL"), URL: r.URL("REDIS_URL", "", "redis", "rediss"), Cluster: r.Bool("REDIS_CLUSTER", false)}
	if user := r.String("REDIS_IAM_USER", ""); user != "" {
		c.Credentials = login(c.URL, r.Required("REDIS_IAM_CACHE"), user)
	}
	return c
}

// Cache is the cache of jobs. Its methods may be called from many goroutines;
// every one fails with job.ErrUnavailable, and soon, when Redis does not answer.
type Cache struct {
	clients     *secrets.Held[goredis]
	callTimeout time.Duration
	skipUntil   atomic.Int64 // Unix nanoseconds
}

// goredis is what a plain and a cluster client have in common.
type goredis = redis.UniversalClient

// Open prepares a Cache. It does not connect; the first call does, and asks for the
// secret, if there is one.
func Open(c Config) (*Cache, error) {
	logging.Disable() // what it would print comes back as an error, too
	if c.CallTimeout == 0 {
		c.CallTimeout = callTimeout
	}
	if c.Secret == nil {
		c.Secret = secrets.Fixed(c.URL)
	}
	cache := &Cache{callTimeout: c.CallTimeout, clients: secrets.Hold(c.Secret, func(address secrets.Text) (goredis, error) {
		parsed, err := parseAddress(address.Reveal(), c.Secret.Rotates())
		if err != nil {
			return nil, err
		}
		if parsed.TLSConfig != nil && c.RootCAs != nil {
			parsed.TLSConfig.RootCAs = c.RootCAs
		}
		return newClient(c, parsed), nil
	}, func(client goredis) { _ = client.Close() }, c.CallTimeout)}
	if c.Secret.Rotates() {
		return cache, nil
	}
	_, err := cache.clients.Get(context.Background(), false)
	return cache, err
}

func newClient(c Config, parsed *redis.Options) goredis {
	off := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // Valkey refuses them
	ioTimeout := scale(c.CallTimeout, ioShare)
	if c.Cluster {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{parsed.Addr}, TLSConfig: parsed.TLSConfig,
			Username: parsed.Username, Password: parsed.Password, CredentialsProviderContext: c.Credentials,
			DialTimeout: ioTimeout, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout, DialerRetries: 1, MaxRedirects: 2,
			ContextTimeoutEnabled: true, DisableIdentity: true, MaintNotificationsConfig: off,
			PoolSize: poolSize, PipelinePoolSize: -1, ConnMaxLifetime: connLifetime,
		})
	}
	parsed.CredentialsProviderContext = c.Credentials
	parsed.DialTimeout, parsed.ReadTimeout, parsed.WriteTimeout = ioTimeout, ioTimeout, ioTimeout
	parsed.DialerRetries, parsed.MaxRetries = 1, 1
	parsed.ContextTimeoutEnabled, parsed.DisableIdentity, parsed.MaintNotificationsConfig = true, true, off
	parsed.PoolSize, parsed.PipelinePoolSize, parsed.ConnMaxLifetime = poolSize, -1, connLifetime
	return redis.NewClient(parsed)
}

const (
	poolSize     = 4 // a batch of ten messages, handled side by side, shares them
	connLifetime = 30 * time.Minute
)

// Close ends all connections.
func (c *Cache) Close() error {
	c.clients.Close()
	return nil
}

// Ping returns nil when Redis answers.
func (c *Cache) Ping(ctx context.Context) error {
	return c.call(ctx, "ping", func(ctx context.Context, client goredis) error { return client.Ping(ctx).Err() })
}

// errSkipped: the call was not tried, because an earlier one got no answer.
var errSkipped = errors.New("skipped after a call without an answer")

// call runs f with a deadline, unless Redis was found dead a moment ago. A log-on
// that was refused is tried once more if the secret is another by now.
func (c *Cache) call(ctx context.Context, what string, f func(context.Context, goredis) error) error {
	if time.Now().UnixNano() < c.skipUntil.Load() {
		return unavailable(what, errSkipped)
	}
	client, err := c.clients.Get(ctx, false)
	if err == nil {
		if err = c.limited(ctx, client, f); refused(err) {
			if renewed, failed := c.clients.Get(ctx, true); failed == nil && renewed != client {
				err = c.limited(ctx, renewed, f)
			}
		}
	}
	if err == nil {
		return nil
	}
	var reply redis.Error
	if !errors.As(err, &reply) && ctx.Err() == nil {
		c.skipUntil.Store(time.Now().Add(scale(c.callTimeout, skipTimes)).UnixNano())
	}
	return unavailable(what, err)
}

func (c *Cache) limited(ctx context.Context, client goredis, f func(context.Context, goredis) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.callTimeout)
	defer cancel()
	return f(ctx, client)
}

// refused reports whether Redis took no log-on, such as one with a password that
// has been replaced.
func refused(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGPASS") || redis.HasErrorPrefix(err, "NOAUTH")
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(by * float64(d)) }

func unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, job.ErrUnavailable, err)
}

func jobKey(id string) string        { return "job:" + id }
func eventsChannel(id string) string { return "job:" + id + ":events" }
func logsKey(id string) string       { return "job:" + id + ":logs" }

const watermarkKey = "reconcile:watermark"

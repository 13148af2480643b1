package stack

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"

	"siesta/local/postgresserver"
)

// The users of the stores, besides their owner: each may do what its functions
// need, as on AWS. Migration 16 grants in Postgres; the cache's rules are those of
// infra/stores.yaml.
const (
	functionsUser = "siesta_functions"
	readerUser    = "siesta_reader"
)

// Rules are what a user of the cache may do, in the words of ACL SETUSER.
var Rules = map[string][]string{
	functionsUser: {
		"~job:*", "~current:*", "~share:*", "~reconcile:watermark", "&job:*", "-@all",
		"+get", "+set", "+del", "+exists", "+expire", "+hget", "+hmget", "+hset", "+hexists", "+pttl", "+xadd", "+xrange", "+xrevrange",
		"+eval", "+evalsha", "+publish", "+ping", "+command", "+cluster|slots", "+cluster|shards",
	},
	readerUser: {
		"~job:*", "~current:*", "~share:*", "&job:*", "-@all",
		"+get", "+set", "+del", "+exists", "+expire", "+hget", "+hmget", "+hset", "+xrange", "+xrevrange",
		"+eval", "+evalsha", "+publish", "+ping", "+command", "+cluster|slots", "+cluster|shards",
	},
}

// UserOf is the user as which a function uses the stores; "" is their owner.
func UserOf(function string) string {
	switch function {
	case "migrate":
		return ""
	case "status", "logs", "preview":
		return readerUser
	default:
		return functionsUser
	}
}

// cacheUsers are the users of the cache with a password, as a Redis has them.
func (s *Stack) cacheUsers() (users [][]string) {
	s.password = rand.Text()
	for name, rules := range Rules {
		users = append(users, slices.Concat([]string{name, "on", ">" + s.password}, rules))
	}
	return users
}

// asUser puts the addresses of the stores for a function's user in the place of
// their owner's.
func (s *Stack) asUser(function string, env map[string]string) error {
	name := UserOf(function)
	if name == "" {
		return nil
	}
	database, err := s.Postgres.UserURL(name, postgresserver.Database)
	if err != nil {
		return err
	}
	cache, err := url.Parse(s.RedisURL)
	if err != nil {
		return fmt.Errorf("parse address of Redis: %w", err)
	}
	cache.User = url.UserPassword(name, s.password)
	for variable, address := range map[string]string{"DATABASE_URL": database, "REDIS_URL": cache.String()} {
		if _, given := s.config.Env[variable]; !given && env[variable] != "" {
			env[variable] = address
		}
	}
	return nil
}

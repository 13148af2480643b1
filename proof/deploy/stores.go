package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"siesta/local/postgresserver"
	"siesta/local/redisserver"
	"siesta/proof/certificate"
)

// stores are a Postgres and a Redis as people bring them: with TLS, and a user with a
// password.
type stores struct {
	postgres *postgresserver.Server
	redis    *redisserver.Server
	// Addresses, as the page has such.
	database, cache string
	roots           string // file of the roots that whoever logs on trusts, as the system's
}

// startStores starts both. The one user of each may do everything in it.
func startStores() (s stores, err error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return stores{}, fmt.Errorf("find a folder: %w", err)
	}
	c, err := certificate.New(dir)
	if err != nil {
		return stores{}, fmt.Errorf("make a certificate: %w", err)
	}
	s.roots = c.Roots
	if s.postgres, err = postgresserver.Start(postgresserver.Config{TCP: true, Certificate: c.PEM, Key: c.Key}); err != nil {
		return s, fmt.Errorf("start Postgres: %w", err)
	}
	if s.redis, err = redisserver.Start(redisserver.Config{Certificate: c.PEM, Key: c.Key, Users: [][]string{{"user", "on", ">password", "~*", "&*", "+@all"}}}); err != nil {
		return s, fmt.Errorf("start Redis: %w", err)
	}
	for _, sql := range []string{`CREATE ROLE "user" LOGIN PASSWORD 'password'`, `ALTER DATABASE ` + postgresserver.Database + ` OWNER TO "user"`} {
		if err := s.postgres.Exec(sql); err != nil {
			return s, fmt.Errorf("make the database's user: %w", err)
		}
	}
	at, err := url.Parse(s.postgres.URL(postgresserver.Database))
	_, port, found := strings.Cut(s.redis.TLSAddress(), ":")
	if err != nil || !found {
		return s, errors.Join(errors.New("the stores have no addresses"), err)
	}
	s.database = "postgres://user:password@localhost:" + at.Port() + "/" + postgresserver.Database
	s.cache = "rediss://user:password@localhost:" + port
	return s, nil
}

func (s stores) stop() {
	if s.postgres != nil {
		s.postgres.Stop()
	}
	if s.redis != nil {
		s.redis.Stop()
	}
}

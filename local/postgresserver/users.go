package postgresserver

import (
	"fmt"
	"net/url"
)

// AddUser makes a user, if it is not there, that may log on with the server's
// password and nothing else until it is granted something.
func (s *Server) AddUser(name string) error {
	err := s.Exec(fmt.Sprintf(`DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN CREATE ROLE %[1]s LOGIN; END IF;
		ALTER ROLE %[1]s PASSWORD '%[2]s';
	END $$`, name, s.password))
	if err != nil {
		return fmt.Errorf("make user %s: %w", name, err)
	}
	return nil
}

// UserURL is URL for another user.
func (s *Server) UserURL(name, database string) (string, error) {
	u, err := url.Parse(s.URL(database))
	if err != nil {
		return "", fmt.Errorf("parse address: %w", err)
	}
	u.User = url.UserPassword(name, s.password)
	return u.String(), nil
}

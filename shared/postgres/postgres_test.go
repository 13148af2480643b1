package postgres_test

import (
	"strings"
	"testing"

	"siesta/shared/postgres"
)

func TestABadAddressDoesNotShowItsPassword(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://app:hunter2@host:port/db"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

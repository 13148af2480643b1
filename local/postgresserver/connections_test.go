package postgresserver

import (
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestConnectionsAreCountedByName(t *testing.T) {
	s := start(t, Config{TCP: true})
	for _, url := range []string{s.URL(Database) + "&application_name=one", s.URL(Database) + "&application_name=one", s.SocketURL(Database)} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
	}
	got, err := s.Connections(t.Context())
	if want := map[string]int{"one": 2}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

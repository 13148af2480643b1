package stores

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
)

// withUsers makes a user of each store, and the secret that holds their addresses.
func (s *system) withUsers() {
	s.t.Helper()
	s.sql("CREATE ROLE app LOGIN PASSWORD '"+password+"'", "ALTER DATABASE siesta OWNER TO app")
	s.admin("ACL", "SETUSER", "app", "on", ">"+password, "~*", "&*", "+@all")
	s.put(password)
}

// put makes that the password of both users, as the secret tells it.
func (s *system) put(password string) {
	s.secrets.put("arn:stores", map[string]string{
		"DATABASE_URL": s.database("app", password, "localhost", s.roots()+"&sslmode=require"),
		"REDIS_URL":    s.cache("app", password, "localhost", s.roots()),
	})
}

// TestStoresThatPeopleBring: functions migrate, write and read in stores that ask
// for TLS and a password, which one secret tells; a process that is warm when the
// passwords are replaced goes on.
func TestStoresThatPeopleBring(t *testing.T) {
	s := newSystem(t)
	s.withUsers()
	s.function("migrate", "migrate", nil)
	s.function("start", "start", nil)
	s.function("status", "status", nil)
	if got := string(s.invoke("migrate", map[string]string{"action": "up"})); !strings.Contains(got, `"dirty":false`) || strings.Contains(got, `"version":0`) {
		t.Fatalf("migrate answered %s\n%s", got, s.said())
	}
	id := s.accept("start")
	if code := s.status("status", id); code != http.StatusOK {
		t.Fatalf("status answered %d\n%s", code, s.said())
	}

	const next = "another-password"
	s.sql("ALTER ROLE app PASSWORD '"+next+"'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	s.admin("ACL", "SETUSER", "app", "resetpass", ">"+next)
	s.admin("CLIENT", "KILL", "USER", "app")
	s.put(next)
	if code := s.status("status", id); code != http.StatusOK {
		t.Errorf("after the passwords were replaced: status answered %d", code)
	}
	resp, _ := s.call("start", aStart()) // which may learn that its connection was cut
	if resp.StatusCode != http.StatusCreated {
		s.accept("start")
	}
	_ = s.runtime.Close() // what its functions said is all there
	said := s.said()
	if strings.Contains(strings.ReplaceAll(said, "jobs_cached", ""), "cache") {
		t.Error("the cache was out of reach")
	}
	if strings.Contains(said, password) || strings.Contains(said, next) {
		t.Error("a password is in the log")
	}
	if t.Failed() {
		t.Log(said)
	}
}

// TestWrongStoresAreRefusedInWords: what is wrong with a store's secret is in the
// log, in words and without a password; who asked hears that the service is
// unavailable, or hears nothing of it where the cache alone is out of reach.
func TestWrongStoresAreRefusedInWords(t *testing.T) {
	s := newSystem(t)
	s.withUsers()
	if err := postgrestest.Migrate(s.postgres.SocketURL("siesta")); err != nil {
		t.Fatal(err)
	}
	s.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app")
	strangers := "sslrootcert=" + url.QueryEscape(newCertificate(t).Roots)
	database := func(password, host, more string) func() {
		return func() { s.secrets.put("arn:database", s.database("app", password, host, more)) }
	}
	cache := func(password, host, more string) func() {
		return func() { s.secrets.put("arn:cache", s.cache("app", password, host, more)) }
	}
	for name, tt := range map[string]struct {
		secret func()
		says   string // "": all is well
	}{
		"all is well":                 {func() {}, ""},
		"database: wrong password":    {database("wrong-"+password, "localhost", s.roots()), "password authentication failed"},
		"database: another's root":    {database(password, "localhost", strangers), "certificate signed by unknown authority"},
		"database: the system's root": {database(password, "localhost", ""), "certificate signed by unknown authority"},
		"database: another host":      {database(password, "127.0.0.1", s.roots()), "cannot validate certificate for 127.0.0.1"},
		"database: no TLS":            {database(password, "localhost", "sslmode=disable"), "no sslmode that goes without TLS"},
		"database: TLS if it can be":  {database(password, "localhost", "sslmode=prefer"), "no sslmode that goes without TLS"},
		"database: no roots":          {database(password, "localhost", "sslrootcert=/nowhere"), "cannot be read"},
		"database: no address":        {func() { s.secrets.put("arn:database", password) }, "must be postgres://user:password@host:port/database"},
		"database: field is missing":  {func() { s.secrets.put("arn:database", map[string]string{"url": password}) }, "no text in the field DATABASE_URL"},
		"database: a list":            {func() { s.secrets.put("arn:database", []string{password}) }, "must be plain text, or a JSON object with a field DATABASE_URL"},
		"database: no such secret":    {func() { s.secrets.remove("arn:database") }, "ResourceNotFoundException"},
		"cache: wrong password":       {cache("wrong-"+password, "localhost", s.roots()), "WRONGPASS"},
		"cache: another's root":       {cache(password, "localhost", strangers), "certificate signed by unknown authority"},
		"cache: another host":         {cache(password, "127.0.0.1", s.roots()), "cannot validate certificate for 127.0.0.1"},
		"cache: no check":             {cache(password, "localhost", "skip_verify=true"), "must begin with rediss:// and have no skip_verify"},
		"cache: no TLS":               {func() { s.secrets.put("arn:cache", "redis://app:"+password+"@localhost") }, "must begin with rediss:// and have no skip_verify"},
	} {
		database(password, "localhost", s.roots())()
		s.secrets.put("arn:cache", map[string]string{"upstash": s.cache("app", password, "localhost", s.roots())})
		tt.secret()
		s.forget()
		function := strings.NewReplacer(" ", "-", ":", "", "'", "").Replace(name)
		s.function(function, "status", map[string]string{"DATABASE_URL_SECRET": "arn:database", "REDIS_URL_SECRET": "arn:cache#upstash"})
		code := s.status(function, job.NewID())
		told := s.says(tt.says)
		said := s.said()
		switch {
		case tt.says == "" && (code != http.StatusNotFound || strings.Contains(said, "cache not read")):
			t.Errorf("%s: %d, want 404", name, code)
		case !told || strings.Contains(said, password):
			t.Errorf("%s: it does not say %q, or shows the password", name, tt.says)
		case strings.HasPrefix(name, "database") && code != http.StatusServiceUnavailable, strings.HasPrefix(name, "cache") && code != http.StatusNotFound:
			t.Errorf("%s: answered %d", name, code)
		}
		if t.Failed() {
			t.Fatal(said)
		}
	}
}

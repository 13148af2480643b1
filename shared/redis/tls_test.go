package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"siesta/proof/redistest"
	"siesta/shared/job"
)

// behindTLS returns the address of a listener that speaks TLS and passes on to
// a Redis, and the pool that its certificate is checked against.
func behindTLS(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	socket := strings.TrimPrefix(redistest.New(t), "unix://")
	owner := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	owner.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: owner.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(owner.Certificate())
	return "rediss://" + l.Addr().String(), roots
}

func TestTLSChecksTheServer(t *testing.T) {
	url, roots := behindTLS(t)
	put(t, open(t, Config{URL: url, RootCAs: roots}), aJob(1))
	stranger := open(t, Config{URL: url, RootCAs: x509.NewCertPool()})
	if _, err := stranger.Put(t.Context(), aJob(1)); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("a certificate that nobody vouches for: got %v, want job.ErrUnavailable", err)
	}
}

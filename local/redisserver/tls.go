package redisserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// TLSAddress is host:port of where the server speaks TLS, if it does.
func (s *Server) TLSAddress() string {
	return net.JoinHostPort("localhost", strconv.Itoa(s.tlsPort))
}

// writeTLS keeps the server's certificate and key, and returns the arguments that
// name them.
func (s *Server) writeTLS() (args []string, err error) {
	if s.tlsPort == 0 {
		return nil, nil
	}
	args = []string{"--tls-port", strconv.Itoa(s.tlsPort), "--tls-auth-clients", "no"}
	for setting, pem := range map[string][]byte{"tls-cert-file": s.config.Certificate, "tls-key-file": s.config.Key, "tls-ca-cert-file": s.config.Certificate} {
		path := filepath.Join(s.dir, setting+".pem")
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			return nil, fmt.Errorf("keep certificate: %w", err)
		}
		args = append(args, "--"+setting, path)
	}
	return args, nil
}

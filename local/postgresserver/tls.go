package postgresserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeTLS keeps the server's certificate and key beside its socket, where nobody
// but the owner can enter, and returns the arguments that name them.
func (s *Server) writeTLS(owner owner) (args []string, err error) {
	if s.config.Certificate == nil {
		return nil, nil
	}
	args = []string{"-c", "ssl=on"}
	for setting, pem := range map[string][]byte{"ssl_cert_file": s.config.Certificate, "ssl_key_file": s.config.Key} {
		path := filepath.Join(s.sockets, setting+".pem")
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			return nil, fmt.Errorf("keep certificate: %w", err)
		}
		if err := os.Chown(path, owner.uid, owner.gid); err != nil {
			return nil, fmt.Errorf("give certificate to %s: %w", owner.name, err)
		}
		args = append(args, "-c", setting+"="+path)
	}
	return args, nil
}

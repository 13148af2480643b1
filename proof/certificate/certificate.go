// Package certificate owns the certificates of stores with TLS in tests: each is for
// localhost, and signed by a root that nobody else knows. It starts no server.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Certificate is one for localhost, good for an hour.
type Certificate struct {
	PEM, Key []byte
	Roots    string // the file with its root
}

// New makes one, whose root is then in a file of dir.
func New(dir string) (Certificate, error) {
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server"}, DNSNames: []string{"localhost"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	leafKey, leafErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err, leafErr); err != nil {
		return Certificate{}, err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	leafDER, leafErr := x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, rootKey)
	keyDER, keyErr := x509.MarshalPKCS8PrivateKey(leafKey)
	if err := errors.Join(err, leafErr, keyErr); err != nil {
		return Certificate{}, err
	}
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	c := Certificate{PEM: encode("CERTIFICATE", leafDER), Key: encode("PRIVATE KEY", keyDER), Roots: filepath.Join(dir, "roots.pem")}
	return c, os.WriteFile(c.Roots, encode("CERTIFICATE", rootDER), 0o600)
}

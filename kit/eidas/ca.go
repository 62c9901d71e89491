package eidas

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sandbox is part of the name of every CA made here, so that nobody who reads a chain
// can take it for a qualified one. See IsSandbox.
const Sandbox = "NOT TRUSTED / SANDBOX"

// Names of the files of a CA in its folder.
const (
	CAFile     = "ca.pem"      // the root certificate, for TPPs and browsers to trust
	caKeysFile = "ca-keys.pem" // both certificates and both keys; only for this program
)

const (
	rootYears    = 20
	issuingYears = 10
)

var (
	ErrCA      = errors.New("sandbox CA cannot be read")
	ErrRequest = errors.New("certificate request is not acceptable")
)

// A CA issues the certificates of a sandbox: a root and, below it, one issuing CA. Its
// methods may be called at the same time once its fields are set.
type CA struct {
	Root    *x509.Certificate
	Issuing *x509.Certificate

	// URL is where revocation data and the issuing certificate are published, without
	// a slash at the end. Certificates point to URL/ocsp, URL/issuing.crl and
	// URL/issuing.cer; when it is empty they point nowhere.
	URL string

	// Now is the clock by which certificates begin; nil is the system's.
	Now func() time.Time

	// Random is the source of serial numbers; nil is the system's. Keys and signatures
	// always come from the system's source, because crypto/ecdsa and crypto/rsa take no other.
	Random io.Reader

	rootKey, issuingKey crypto.Signer
}

// NewCA makes a root and an issuing CA that are valid from an hour before now. name
// says whose sandbox it is; r gives the serial numbers, nil for the system's source.
func NewCA(name string, now time.Time, r io.Reader) (*CA, error) {
	ca := &CA{Random: r}
	if !printable(name, 30) {
		return nil, fmt.Errorf("%w: name of the CA is empty or longer than 30 characters", ErrRequest)
	}
	now = now.Add(-time.Hour)
	var err error
	if ca.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if ca.issuingKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		Subject:   caName(name, "Root CA"),
		NotBefore: now,
		NotAfter:  now.AddDate(rootYears, 0, 0),
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:      true, BasicConstraintsValid: true,
	}
	if ca.Root, err = ca.sign(root, root, ca.rootKey.Public(), ca.rootKey); err != nil {
		return nil, err
	}
	issuing := &x509.Certificate{
		Subject:   caName(name, "Issuing CA"),
		NotBefore: now,
		NotAfter:  now.AddDate(issuingYears, 0, 0),
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:      true, BasicConstraintsValid: true,
		MaxPathLenZero: true,
		Policies:       []x509.OID{mustOID(2, 5, 29, 32, 0)}, // anyPolicy
	}
	ca.Issuing, err = ca.sign(issuing, ca.Root, ca.issuingKey.Public(), ca.rootKey)
	return ca, err
}

// IsSandbox says whether cert is a CA made by NewCA, or was issued by one. Start-up
// refuses such an anchor in the pool of a production plan.
func IsSandbox(cert *x509.Certificate) bool {
	return strings.Contains(cert.Subject.CommonName, Sandbox) || strings.Contains(cert.Issuer.CommonName, Sandbox)
}

// Roots returns the trust anchor of ca, ready for verification.
func (ca *CA) Roots() *x509.CertPool { return pool(ca.Root) }

// Intermediates returns what stands between the anchor and the leaves, for TPPs that
// present their leaf alone.
func (ca *CA) Intermediates() *x509.CertPool { return pool(ca.Issuing) }

func pool(cert *x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(cert)
	return p
}

// Save writes ca to a folder, which it creates. What has to stay together is one file
// that appears at once and last, so a crash leaves either the whole CA or none.
func (ca *CA) Save(dir string) error {
	var secret bytes.Buffer
	for _, part := range []struct {
		cert *x509.Certificate
		key  crypto.Signer
	}{{ca.Root, ca.rootKey}, {ca.Issuing, ca.issuingKey}} {
		key, err := keyPEM(part.key)
		if err != nil {
			return err
		}
		secret.Write(certPEM(part.cert))
		secret.Write(key)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, CAFile), certPEM(ca.Root), 0o644); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, caKeysFile), secret.Bytes(), 0o600)
}

// LoadCA reads what Save has written. The error is fs.ErrNotExist when the folder has
// no CA yet, and ErrCA when it has one that cannot be used.
func LoadCA(dir string) (*CA, error) {
	data, err := os.ReadFile(filepath.Join(dir, caKeysFile))
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	var keys []crypto.Signer
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrCA, err)
			}
			certs = append(certs, cert)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrCA, err)
			}
			if signer, ok := key.(crypto.Signer); ok {
				keys = append(keys, signer)
			}
		}
	}
	if len(certs) != 2 || len(keys) != 2 {
		return nil, fmt.Errorf("%w: %s has %d certificates and %d keys, not 2 of each", ErrCA, caKeysFile, len(certs), len(keys))
	}
	for i := range certs {
		public, ok := certs[i].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !public.Equal(keys[i].Public()) {
			return nil, fmt.Errorf("%w: a key does not belong to its certificate", ErrCA)
		}
	}
	if err := certs[1].CheckSignatureFrom(certs[0]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCA, err)
	}
	return &CA{Root: certs[0], Issuing: certs[1], rootKey: keys[0], issuingKey: keys[1]}, nil
}

func caName(name, kind string) pkix.Name {
	return pkix.Name{
		Country:      []string{"SI"},
		Organization: []string{name},
		CommonName:   fmt.Sprintf("%s %s %s", name, kind, Sandbox),
	}
}

// sign completes template with what every certificate has (a serial number, a subject
// key identifier) and returns the certificate.
func (ca *CA) sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	random := ca.Random
	if random == nil {
		random = rand.Reader
	}
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always 16 bytes long
	template.SerialNumber = new(big.Int).SetBytes(serial)
	var err error
	if template.SubjectKeyId, err = keyIdentifier(public); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// keyIdentifier is method (1) of RFC 5280 4.2.1.2: SHA-1 over the key bits alone. It
// names a key and protects nothing; linters for qualified certificates expect it.
func keyIdentifier(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.Bytes)
	return sum[:], nil
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeFile makes a file appear with its whole content and its permissions, or not at all.
func writeFile(name string, data []byte, perm os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when the rename has succeeded, which is as it should be
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func mustOID(arcs ...uint64) x509.OID {
	oid, err := x509.OIDFromInts(arcs)
	if err != nil {
		panic(err)
	}
	return oid
}

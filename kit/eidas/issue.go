package eidas

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Kind is one of the two qualified certificates of a payment service provider.
type Kind string

const (
	QWAC   Kind = "QWAC"   // identifies its holder on TLS connections
	QSealC Kind = "QSealC" // seals requests and documents
)

// A KeyAlgorithm is a kind of key that Issue can make. The zero value is ECDSA.
type KeyAlgorithm string

const (
	ECDSA KeyAlgorithm = "ECDSA" // on P-256
	RSA   KeyAlgorithm = "RSA"   // 3072 bits; takes a good part of a second
)

// A Defect makes Issue break one rule, so that a TPP and our tests can see how the
// break is refused. A wrong role, a seal used for TLS or an unknown authority needs no
// defect: ask for such a certificate.
type Defect string

const (
	Expired          Defect = "expired"            // ended yesterday
	NotYetValid      Defect = "not-yet-valid"      // begins tomorrow
	NoStatement      Defect = "no-psd2-statement"  // qualified, but says nothing about PSD2
	RoleNameMismatch Defect = "role-name-mismatch" // the OID of one role with the name of another
	NotQualified     Defect = "not-qualified"      // no QcCompliance statement
	WeakKey          Defect = "weak-key"           // RSA of 1024 bits
)

// Defects lists every Defect, for menus and help texts.
func Defects() []Defect {
	return []Defect{Expired, NotYetValid, NoStatement, RoleNameMismatch, NotQualified, WeakKey}
}

// A Request says what a test certificate shall contain.
type Request struct {
	Kind                   Kind
	Organization           string // legal name, at most 64 characters
	OrganizationIdentifier string // PSDSI-BS-1234567
	Country                string // of the subject; empty: that of OrganizationIdentifier
	Roles                  []Role
	NCAId                  string    // empty: that of OrganizationIdentifier
	NCAName                string    // empty: the name that belongs to NCAId
	DNSNames               []string  // a QWAC needs one at least; the first is its common name
	NotBefore              time.Time // zero: five minutes ago, for clocks that are a little behind
	NotAfter               time.Time // zero: 397 days after NotBefore, which is also the most
	Key                    KeyAlgorithm
	Defect                 Defect // empty: none
}

// Issued is a new certificate with its key. The CA keeps no copy of the key.
type Issued struct {
	Cert     *x509.Certificate
	Issuer   *x509.Certificate
	Key      crypto.Signer
	ChainPEM []byte // the certificate, then its issuer
	KeyPEM   []byte // PKCS #8
}

// TLS returns what a tls.Config takes.
func (i Issued) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.Cert.Raw, i.Issuer.Raw}, PrivateKey: i.Key, Leaf: i.Cert}
}

// Save writes dir/name.pem and dir/name.key, the key readable by its owner only, and
// returns their paths. It creates dir.
func (i Issued) Save(dir, name string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	if err := writeFile(keyFile, i.KeyPEM, 0o600); err != nil {
		return "", "", err
	}
	return certFile, keyFile, writeFile(certFile, i.ChainPEM, 0o644)
}

const (
	validityMax   = 397 * 24 * time.Hour // below the 398 days of the profile by the second that both ends count
	nameMax       = 64                   // X.520 ub-organization-name and ub-common-name
	termsLocation = "https://pds.kontor.example/en.pdf"
)

// Issue makes a key and a certificate for it. The profile is QNCP-w-gen for a QWAC and
// QCP-l for a QSealC. It returns ErrRequest when r is incomplete or contradicts itself.
func (ca *CA) Issue(r Request) (Issued, error) {
	if err := r.complete(ca.now()); err != nil {
		return Issued{}, err
	}
	statements, err := r.statements()
	if err != nil {
		return Issued{}, err
	}
	commonName := r.Organization
	if r.Kind == QWAC {
		commonName = r.DNSNames[0]
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Country:      []string{r.Country},
			Organization: []string{r.Organization},
			CommonName:   commonName,
			ExtraNames:   []pkix.AttributeTypeAndValue{{Type: oidOrganizationIdentifier, Value: r.OrganizationIdentifier}},
		},
		NotBefore:             r.NotBefore,
		NotAfter:              r.NotAfter,
		BasicConstraintsValid: true,
		ExtraExtensions:       []pkix.Extension{{Id: oidQCStatements, Value: statements}},
	}
	switch r.Kind {
	case QWAC:
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
		template.DNSNames = r.DNSNames
		template.Policies = []x509.OID{mustOID(0, 4, 0, 194112, 1, 6)}
	case QSealC:
		template.KeyUsage = x509.KeyUsageContentCommitment
		template.Policies = []x509.OID{mustOID(0, 4, 0, 194112, 1, 1)}
	}
	key, err := r.newKey()
	if err != nil {
		return Issued{}, err
	}
	return ca.issue(template, key)
}

// IssueServer makes the TLS server certificate of a sandbox listener. It is no
// qualified certificate and identifies nobody.
func (ca *CA) IssueServer(dnsNames []string, ips []net.IP) (Issued, error) {
	if len(dnsNames) == 0 && len(ips) == 0 {
		return Issued{}, fmt.Errorf("%w: a server certificate needs a name or an address", ErrRequest)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Issued{}, err
	}
	begin := ca.now().Add(-5 * time.Minute)
	name := append(slices.Clone(dnsNames), "")[0]
	if name == "" {
		name = ips[0].String()
	}
	return ca.issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             begin,
		NotAfter:              begin.Add(validityMax),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              dnsNames,
		IPAddresses:           ips,
		BasicConstraintsValid: true,
	}, key)
}

func (ca *CA) issue(template *x509.Certificate, key crypto.Signer) (Issued, error) {
	if ca.URL != "" {
		template.OCSPServer = []string{ca.URL + "/ocsp"}
		template.IssuingCertificateURL = []string{ca.URL + "/issuing.cer"}
		template.CRLDistributionPoints = []string{ca.URL + "/issuing.crl"}
	}
	cert, err := ca.sign(template, ca.Issuing, key.Public(), ca.issuingKey)
	if err != nil {
		return Issued{}, err
	}
	i := Issued{Cert: cert, Issuer: ca.Issuing, Key: key}
	i.ChainPEM = append(certPEM(cert), certPEM(ca.Issuing)...)
	i.KeyPEM, err = keyPEM(key)
	return i, err
}

func (ca *CA) now() time.Time {
	if ca.Now != nil {
		return ca.Now()
	}
	return time.Now()
}

// complete fills in what r leaves open and refuses what cannot be issued.
func (r *Request) complete(now time.Time) error {
	org, err := ParseOrganizationIdentifier(r.OrganizationIdentifier)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if r.Country == "" {
		r.Country = org.Country
	}
	if r.NCAId == "" {
		r.NCAId = org.NCAId()
	}
	if r.NCAName == "" {
		if r.NCAName = NCAName(r.NCAId); r.NCAName == "" {
			r.NCAName = "Competent Authority " + r.NCAId
		}
	}
	begin, end := -5*time.Minute, validityMax
	switch r.Defect {
	case Expired:
		begin, end = -31*24*time.Hour, 30*24*time.Hour
	case NotYetValid:
		begin = 24 * time.Hour
	}
	if r.NotBefore.IsZero() {
		r.NotBefore = now.Add(begin)
	}
	if r.NotAfter.IsZero() {
		r.NotAfter = r.NotBefore.Add(end)
	}
	refuse := func(text string) error { return fmt.Errorf("%w: %s", ErrRequest, text) }
	switch {
	case r.Kind != QWAC && r.Kind != QSealC:
		return refuse("kind is neither QWAC nor QSealC")
	case r.Kind == QWAC && len(r.DNSNames) == 0:
		return refuse("a QWAC needs a domain name")
	case r.Kind == QSealC && len(r.DNSNames) > 0:
		return refuse("a QSealC names no domain")
	case slices.ContainsFunc(r.DNSNames, func(s string) bool { return !hostName(s) }):
		return refuse("a domain name is malformed or longer than 64 characters")
	case !printable(r.Organization, nameMax):
		return refuse("organization is empty, too long or has unprintable characters")
	case !capitals(r.Country, 2, 2):
		return refuse("country is not two capital letters")
	case !printable(r.NCAId, charactersMax) || !printable(r.NCAName, charactersMax):
		return refuse("NCAId or NCAName is too long or has unprintable characters")
	case len(r.Roles) == 0 && r.Defect != NoStatement:
		return refuse("no role")
	case slices.Contains(r.Roles, Unspecified) && len(r.Roles) > 1:
		return refuse("role Unspecified stands alone")
	case !r.NotAfter.After(r.NotBefore):
		return refuse("it ends before it begins")
	case r.NotAfter.Sub(r.NotBefore) > validityMax:
		return refuse("it is valid for more than 397 days")
	case r.Defect != "" && !slices.Contains(Defects(), r.Defect):
		return refuse("unknown defect")
	case r.Key != "" && r.Key != ECDSA && r.Key != RSA:
		return refuse("unknown key algorithm")
	}
	for i, role := range r.Roles {
		if roleOID(role) == nil || slices.Contains(r.Roles[:i], role) {
			return refuse("a role is unknown or named twice")
		}
	}
	return nil
}

// hostName accepts the names that may stand in a certificate, a leading wildcard included.
func hostName(s string) bool {
	labels := strings.Split(strings.TrimPrefix(s, "*."), ".")
	return len(s) <= nameMax && !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		})
	})
}

func (r *Request) newKey() (crypto.Signer, error) {
	switch {
	case r.Defect == WeakKey:
		return rsa.GenerateKey(rand.Reader, 1024)
	case r.Key == RSA:
		return rsa.GenerateKey(rand.Reader, 3072)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// The shapes of TS 119 495 and EN 319 412-5, for writing only.
type (
	qcStatement struct {
		ID   asn1.ObjectIdentifier
		Info asn1.RawValue `asn1:"optional"` // the zero value is left out
	}
	psd2QcType struct {
		Roles   []roleOfPSP
		NCAName string `asn1:"utf8"`
		NCAId   string `asn1:"utf8"`
	}
	roleOfPSP struct {
		OID  asn1.ObjectIdentifier
		Name string `asn1:"utf8"`
	}
	pdsLocation struct {
		URL      string `asn1:"ia5"`
		Language string `asn1:"printable"`
	}
	semantics struct{ ID asn1.ObjectIdentifier }
)

// statements returns the value of the qcStatements extension of r.
func (r *Request) statements() ([]byte, error) {
	kind := Web
	if r.Kind == QSealC {
		kind = ESeal
	}
	var list []qcStatement
	var failed error
	add := func(id asn1.ObjectIdentifier, info any) {
		s := qcStatement{ID: id}
		if info != nil {
			der, err := asn1.Marshal(info)
			if err != nil {
				failed = err
			}
			s.Info.FullBytes = der
		}
		list = append(list, s)
	}
	if r.Defect != NotQualified {
		add(oidQcCompliance, nil)
	}
	add(oidQcPDS, []pdsLocation{{termsLocation, "en"}})
	for _, known := range qcTypeOIDs {
		if known.kind == kind {
			add(oidQcType, []asn1.ObjectIdentifier{known.oid})
		}
	}
	add(oidSemantics, semantics{oidSemanticsLegal})
	if r.Defect != NoStatement {
		psd2 := psd2QcType{NCAName: r.NCAName, NCAId: r.NCAId}
		for _, role := range r.Roles {
			psd2.Roles = append(psd2.Roles, roleOfPSP{roleOID(role), string(role)})
		}
		if r.Defect == RoleNameMismatch {
			other := AI
			if r.Roles[0] == AI {
				other = PI
			}
			psd2.Roles[0].Name = string(other)
		}
		add(oidPSD2, psd2)
	}
	if failed != nil {
		return nil, failed
	}
	return asn1.Marshal(list)
}

func roleOID(role Role) asn1.ObjectIdentifier {
	for _, known := range roleOIDs {
		if known.role == role {
			return known.oid
		}
	}
	return nil
}

// Package eidas reads the certificates by which payment service providers identify
// themselves under PSD2, and issues test certificates of the same shape.
//
// A qualified trust service provider puts into a QWAC (for TLS) or a QSealC (for
// signatures) who the holder is (organizationIdentifier), which authority supervises
// it and in which roles it may act. Parse takes these facts out of a certificate;
// Usable says whether the certificate is technically fit to be relied upon; CA issues
// the certificates of a sandbox.
//
// What carries rights is read strictly: the PSD2 statement must have exactly the shape
// of ETSI TS 119 495, byte for byte, because a lenient reader and a strict one would
// see different roles in the same certificate. What is only form is read leniently and
// reported as a Finding, because genuine certificates break the profiles often.
//
// Nothing here decides whom to trust: chains, revocation and stop lists belong to the caller.
package eidas

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Callers tell these apart with errors.Is.
var (
	ErrNoStatement            = errors.New("certificate has no PSD2 statement")
	ErrMalformed              = errors.New("qualified certificate statements are malformed")
	ErrRoleName               = errors.New("role name does not belong to the role's OID")
	ErrOrganizationIdentifier = errors.New("organizationIdentifier is missing or ambiguous")
	ErrWeak                   = errors.New("certificate uses a weak key or signature")
	ErrCriticalExtension      = errors.New("certificate has a critical extension that is not understood")
)

// A Role is what a payment service provider is authorised to do, in the spelling of
// the certificate.
type Role string

const (
	AS          Role = "PSP_AS"      // account servicing: a bank
	PI          Role = "PSP_PI"      // payment initiation
	AI          Role = "PSP_AI"      // account information
	IC          Role = "PSP_IC"      // issuing of card-based payment instruments
	Unspecified Role = "Unspecified" // open banking outside PSD2; gives no right under it
)

// QcType says what a qualified certificate is for.
type QcType string

const (
	ESign QcType = "esign" // signatures of a natural person
	ESeal QcType = "eseal" // seals of a legal person: a QSealC
	Web   QcType = "web"   // website authentication: a QWAC
)

// An Identity is what a certificate says about its holder.
type Identity struct {
	OrganizationIdentifier string // subject attribute 2.5.4.97, unchanged; never empty
	Organization           string // may be empty
	CommonName             string // may be empty
	Country                string // of the subject; may be empty
	Roles                  []Role // at least one, each once, in the order of the certificate
	NCAName                string // national competent authority that supervises the holder
	NCAId                  string // its identifier, such as SI-BS
	QcCompliance           bool   // the issuer states that the certificate is qualified
	QcType                 QcType // empty when the certificate states none, or more than one
	SerialNumber           string // of the certificate, hexadecimal
	DNSNames               []string
}

// Has says whether the certificate names role.
func (id Identity) Has(role Role) bool { return slices.Contains(id.Roles, role) }

var (
	oidQCStatements           = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}
	oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}
	oidPSD2                   = asn1.ObjectIdentifier{0, 4, 0, 19495, 2}
	oidQcCompliance           = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 1}
	oidQcPDS                  = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 5}
	oidQcType                 = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 6}
	oidSemantics              = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 11, 2}
	oidSemanticsLegal         = asn1.ObjectIdentifier{0, 4, 0, 194121, 1, 2}
)

// roleOIDs ties each role to its OID (TS 119 495 GEN-5.2.2-5).
var roleOIDs = []struct {
	role Role
	oid  asn1.ObjectIdentifier
}{
	{Unspecified, asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 0}},
	{AS, asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 1}},
	{PI, asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 2}},
	{AI, asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 3}},
	{IC, asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 4}},
}

var qcTypeOIDs = []struct {
	kind QcType
	oid  asn1.ObjectIdentifier
}{
	{ESign, asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 6, 1}},
	{ESeal, asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 6, 2}},
	{Web, asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 6, 3}},
}

// Parse returns what cert says about its holder, and what is wrong with its form.
//
// The error is ErrNoStatement, ErrMalformed, ErrRoleName or ErrOrganizationIdentifier;
// then nothing of the certificate may be used. Findings come with a usable Identity:
// they are for the log and for the holder, and those that are Grave should be accepted
// in a sandbox only. Parse verifies no signature and looks at no clock.
func Parse(cert *x509.Certificate) (Identity, []Finding, error) {
	var f findings
	s, err := statementsOf(cert, &f)
	if err != nil {
		return Identity{}, nil, err
	}
	org, err := organizationIdentifier(cert.Subject)
	if err != nil {
		return Identity{}, nil, err
	}
	id := Identity{
		OrganizationIdentifier: org,
		Organization:           first(cert.Subject.Organization),
		CommonName:             cert.Subject.CommonName,
		Country:                first(cert.Subject.Country),
		Roles:                  s.roles,
		NCAName:                s.ncaName,
		NCAId:                  s.ncaID,
		QcCompliance:           s.compliance,
		SerialNumber:           fmt.Sprintf("%x", cert.SerialNumber),
		DNSNames:               cert.DNSNames,
	}
	if len(s.types) == 1 {
		id.QcType = s.types[0]
	}
	f.identity(id)
	f.profile(cert, id.QcType)
	return id, f, nil
}

// statementsOf reads the qcStatements extension. crypto/x509 has already refused a
// certificate that carries it twice.
func statementsOf(cert *x509.Certificate, f *findings) (statements, error) {
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidQCStatements) {
			continue
		}
		if e.Critical {
			f.cosmetic("qcstatements-critical", "the qcStatements extension is critical; it must not be (EN 319 412-5)")
		}
		return parseStatements(e.Value, f)
	}
	return statements{}, ErrNoStatement
}

// organizationIdentifier finds the one attribute that identifies the holder. Two of
// them would let two readers see two different holders, so that is refused.
func organizationIdentifier(subject pkix.Name) (string, error) {
	var found []string
	for _, attribute := range subject.Names {
		if attribute.Type.Equal(oidOrganizationIdentifier) {
			if s, ok := attribute.Value.(string); ok {
				found = append(found, s)
			} else {
				return "", fmt.Errorf("%w: it is not a string", ErrOrganizationIdentifier)
			}
		}
	}
	switch {
	case len(found) != 1:
		return "", fmt.Errorf("%w: the subject has %d", ErrOrganizationIdentifier, len(found))
	case !printable(found[0], organizationIdentifierCharactersMax):
		return "", fmt.Errorf("%w: it is empty, too long or has unprintable characters", ErrOrganizationIdentifier)
	}
	return found[0], nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

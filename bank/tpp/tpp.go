// Package tpp decides which TPP is calling, and in which roles it may act.
//
// A TPP is known by its certificate alone: Trust takes the chain that came with a TLS
// connection (a QWAC) or with a signature (a QSealC), and answers with the TPP or with
// the reason why there is none. Nobody registers first. The identity is the
// organizationIdentifier, so a TPP that rolls over to a new certificate is the same TPP
// at once; the certificate in use stays visible as Thumbprint, for tokens bound to it.
//
// What can be remembered is separate from what can change at any moment: a verified
// chain is remembered for some minutes, while validity, revocation and the stop list
// are asked at every call.
//
// Whom to trust is told from outside (pools of certificates, stop list, revocation);
// what a role opens, and how a refusal is worded on the wire, is for the callers.
package tpp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/kit/eidas"
)

// Callers tell these apart with errors.Is. Each has its own Berlin Group code.
var (
	ErrCertificateMissing = errors.New("no client certificate was presented")
	ErrCertificateInvalid = errors.New("certificate identifies no TPP")
	ErrCertificateExpired = errors.New("certificate is not valid at this time")
	ErrCertificateBlocked = errors.New("certificate holder is blocked")
	ErrCertificateRevoked = errors.New("certificate is revoked")
	ErrRole               = errors.New("certificate does not give the role that is needed")
)

// An ID is the organizationIdentifier of a TPP, such as PSDSI-BS-1234567.
type ID string

// A Thumbprint is the SHA-256 of a certificate's DER.
type Thumbprint [32]byte

// String returns the thumbprint as RFC 8705 has it in x5t#S256.
func (t Thumbprint) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// A TPP is a third party provider as its certificate shows it. Copies share Roles and
// DNSNames, which are never changed.
type TPP struct {
	ID         ID
	Name       string       // the legal name; the common name when the certificate has none
	Country    string       // of the subject; may be empty
	Roles      []eidas.Role // as in the certificate; ask May, not this
	NCAName    string
	NCAId      string
	Thumbprint Thumbprint // of the certificate that was presented
	DNSNames   []string   // of a QWAC: its domains, or else its common name; of a QSealC: none
	NotAfter   time.Time  // when the certificate ends

	// BankMayActAsTPP lets a bank (PSP_AS) act in every role of a TPP, as its licence
	// does in law. Trust sets it; the caller may set it anew from a bank's profile.
	BankMayActAsTPP bool
}

// May returns ErrRole unless t may act in role. The role Unspecified gives nothing and
// nobody needs it.
func (t TPP) May(role eidas.Role) error {
	switch role {
	case eidas.AI, eidas.PI, eidas.IC:
		if slices.Contains(t.Roles, role) || t.BankMayActAsTPP && slices.Contains(t.Roles, eidas.AS) {
			return nil
		}
	case eidas.AS:
		if slices.Contains(t.Roles, role) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrRole, role)
}

// Package revocation reads what an issuer says about one of its certificates afterwards:
// OCSP responses (RFC 6960) and certificate revocation lists (RFC 5280).
//
// Both are given as bytes and judged at a time that is told: they must be about the
// certificate, signed by its issuer or by a responder whom the issuer has authorised, and
// still current. An answer that fails in any of this is an error and says nothing, neither
// good nor bad. A revocation outlives its answer: once revoked, a certificate does not
// come back because nobody has said so again.
//
// Nothing here fetches or caches.
package revocation

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"kontor/kit/eidas"
)

// Callers tell these apart with errors.Is.
var (
	ErrMalformed = errors.New("revocation answer cannot be read")
	ErrOther     = errors.New("revocation answer is about another certificate")
	ErrSigner    = errors.New("revocation answer is not signed by the issuer, or one whom it authorised")
	ErrStale     = errors.New("revocation answer is not current")
	ErrUnknown   = errors.New("responder does not know the certificate")
)

const (
	// skew is how far the clocks of others may be ahead.
	skew = 5 * time.Minute
	// ageMax is for OCSP responses without nextUpdate, whose makers say that newer
	// information is always to be had.
	ageMax = 24 * time.Hour

	bytesMax = 64 << 20 // of a CRL; those of big issuers have some 10 MB
)

// An Answer says whether a certificate has been revoked.
type Answer struct {
	Source     string    // OCSP or CRL
	Revoked    bool      // at the time that was asked for
	RevokedAt  time.Time // zero unless the answer tells of a revocation, be it a later one
	Reason     int       // of the revocation, as RFC 5280 5.3.1 counts
	ThisUpdate time.Time
	NextUpdate time.Time // may be zero
	Signer     string    // common name of who signed the answer
	SHA256     [sha256.Size]byte
	Findings   []eidas.Finding
}

// Check takes the first answer of any use: OCSP before CRLs, because it is newer. A
// revocation in one of them counts whatever the others say. Without any it returns nil,
// and why each was of no use.
func Check(leaf, issuer *x509.Certificate, responses, crls [][]byte, now time.Time) (*Answer, error) {
	var first *Answer
	var all []error
	take := func(a *Answer, err error) {
		switch {
		case err != nil:
			all = append(all, err)
		case first == nil || a.Revoked && !first.Revoked:
			first = a
		}
	}
	for _, der := range responses {
		take(OCSP(der, leaf, issuer, now))
	}
	for _, data := range crls {
		take(CRL(data, leaf, issuer, now))
	}
	if first != nil {
		return first, nil
	}
	return nil, errors.Join(all...)
}

// OCSP reads a response about leaf.
func OCSP(der []byte, leaf, issuer *x509.Certificate, now time.Time) (*Answer, error) {
	if len(der) > bytesMax {
		return nil, fmt.Errorf("%w: it is too long", ErrMalformed)
	}
	// The issuer is not handed in: who may sign is decided here, where more is asked of
	// a responder than that the issuer has signed its certificate.
	r, err := ocsp.ParseResponseForCert(der, leaf, nil)
	if err != nil {
		if own, err := ocsp.ParseResponse(der, nil); err == nil && own.SerialNumber.Cmp(leaf.SerialNumber) != 0 {
			return nil, ErrOther
		}
		return nil, fmt.Errorf("%w: OCSP: %v", ErrMalformed, err)
	}
	a := &Answer{Source: "OCSP", ThisUpdate: r.ThisUpdate, NextUpdate: r.NextUpdate, SHA256: sha256.Sum256(der)}
	signer := issuer
	if r.Certificate != nil && !bytes.Equal(r.Certificate.Raw, issuer.Raw) {
		signer = r.Certificate
		if err := authorised(signer, issuer, r.ProducedAt); err != nil {
			return nil, err
		}
	}
	if err := eidas.SoundKey(signer.PublicKey); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSigner, err)
	}
	if err := r.CheckSignatureFrom(signer); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSigner, err)
	}
	a.Signer = signer.Subject.CommonName
	if slices.Contains([]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1}, r.SignatureAlgorithm) {
		a.Findings = append(a.Findings, eidas.Finding{Rule: "ocsp-signature-sha1", Text: "the OCSP response is signed over SHA-1"})
	}
	if r.IssuerHash.String() == "SHA-1" {
		a.Findings = append(a.Findings, eidas.Finding{Rule: "ocsp-certid-sha1", Text: "the OCSP response names the certificate by SHA-1"})
	}
	switch r.Status {
	case ocsp.Revoked:
		a.revoke(r.RevokedAt, r.RevocationReason, now)
	case ocsp.Good:
	default:
		return nil, fmt.Errorf("%w: OCSP", ErrUnknown)
	}
	return a, a.current(now)
}

// authorised says whether issuer has made responder its speaker (RFC 6960 4.2.2.2).
func authorised(responder, issuer *x509.Certificate, at time.Time) error {
	switch {
	case responder.CheckSignatureFrom(issuer) != nil:
		return fmt.Errorf("%w: the responder's certificate is somebody else's", ErrSigner)
	case !slices.Contains(responder.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return fmt.Errorf("%w: the responder's certificate is not for OCSP", ErrSigner)
	case at.Before(responder.NotBefore) || at.After(responder.NotAfter):
		return fmt.Errorf("%w: the responder's certificate was not valid", ErrSigner)
	}
	return nil
}

// CRL reads a list of issuer, in DER or PEM.
func CRL(data []byte, leaf, issuer *x509.Certificate, now time.Time) (*Answer, error) {
	if len(data) > bytesMax {
		return nil, fmt.Errorf("%w: it is too long", ErrMalformed)
	}
	a := &Answer{Source: "CRL", SHA256: sha256.Sum256(data)}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	list, err := x509.ParseRevocationList(data)
	if err != nil {
		return nil, fmt.Errorf("%w: CRL: %v", ErrMalformed, err)
	}
	if !bytes.Equal(list.RawIssuer, issuer.RawSubject) {
		return nil, fmt.Errorf("%w: the CRL is another issuer's", ErrOther)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSigner, err)
	}
	a.ThisUpdate, a.NextUpdate, a.Signer = list.ThisUpdate, list.NextUpdate, issuer.Subject.CommonName
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(oidIssuingDistributionPoint):
			if err := covers(e.Value, leaf); err != nil {
				return nil, err
			}
		case e.Critical:
			return nil, fmt.Errorf("%w: the CRL has a critical extension that is not understood: %s", ErrMalformed, e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		// Reason 8 (removeFromCRL) stands in delta CRLs only, which are refused above.
		if entry.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			a.revoke(entry.RevocationTime, entry.ReasonCode, now)
		}
	}
	return a, a.current(now)
}

func (a *Answer) revoke(at time.Time, reason int, now time.Time) {
	a.Revoked, a.RevokedAt, a.Reason = !at.After(now), at, reason
}

// current asks whether a may be used at now. A revocation needs no new edition.
func (a *Answer) current(now time.Time) error {
	until := a.NextUpdate
	if until.IsZero() {
		until = a.ThisUpdate.Add(ageMax)
	}
	switch {
	case a.ThisUpdate.After(now.Add(skew)) && !a.Revoked:
		return fmt.Errorf("%w: the %s of %s is of the future", ErrStale, a.Source, a.ThisUpdate.UTC().Format(time.RFC3339))
	case now.After(until.Add(skew)) && !a.Revoked:
		return fmt.Errorf("%w: the %s held until %s", ErrStale, a.Source, until.UTC().Format(time.RFC3339))
	}
	return nil
}

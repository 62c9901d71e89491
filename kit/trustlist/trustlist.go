// Package trustlist reads the trusted lists of the European Union (ETSI TS 119 612),
// which say whose certificates are qualified.
//
// The Commission signs a list of the lists; that names, per country, where the national
// list is and by which certificates it is signed. A national list names trust services,
// each with the certificates by which it issues, and since when it had which status. The
// certificates that sign the list of the lists stand in the Official Journal, and are
// followed from there through pivots (Open); everything else is pinned by a list that
// has been verified already.
//
// What is read is what was signed: a list is parsed from the very bytes that were hashed
// for its signature, so that no second reading of the document can show something else.
// XML that no genuine list needs (a document type, processing instructions, a second
// signature, anything beyond the limits) is refused before that.
//
// Nothing here fetches, stores or asks the time: whether a list is stale, or whether a
// service is good enough for a purpose, is for the caller to say.
package trustlist

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Callers tell these apart with errors.Is.
var (
	ErrForm      = errors.New("not a trusted list that can be read")
	ErrSigner    = errors.New("trusted list is signed by nobody who may sign it")
	ErrSignature = errors.New("trusted list has been changed since it was signed, or its signature is not sound")
	ErrPivot     = errors.New("pivot of the list of the lists is missing")
)

// A Pin is the SHA-256 of a certificate that may sign a list.
type Pin [sha256.Size]byte

// PinOf returns the pin of a certificate.
func PinOf(cert *x509.Certificate) Pin { return sha256.Sum256(cert.Raw) }

// ParsePin reads a pin as tools print fingerprints: hexadecimal, with colons or without.
func ParsePin(s string) (Pin, error) {
	var p Pin
	digest, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if err != nil || len(digest) != len(p) {
		return p, fmt.Errorf("%q is not the SHA-256 of a certificate in hexadecimal digits", s)
	}
	copy(p[:], digest)
	return p, nil
}

// String returns the pin in hexadecimal digits.
func (p Pin) String() string { return hex.EncodeToString(p[:]) }

// Types of lists and services, statuses and uses, as TS 119 612 writes them.
const (
	TypeNational = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric"
	TypeLists    = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUlistofthelists"

	IssuesQualified = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"

	Granted = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"

	ForWebSiteAuthentication = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForWebSiteAuthentication"
	ForESeals                = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForeSeals"
)

// A List is a trusted list whose signature is good.
type List struct {
	Type       string // TypeNational or TypeLists
	Territory  string // two letters; EU for the list of the lists
	Operator   string // who keeps the list, in English
	Sequence   int64  // grows with every edition
	Issued     time.Time
	NextUpdate time.Time // zero: the list is closed, no other edition will follow
	SignedAt   time.Time // as the signer claims
	Signer     *x509.Certificate
	SHA256     [sha256.Size]byte // of the file
	Pointers   []Pointer
	Services   []*Service
	Unreadable int // digital identities that could not be read, and therefore vouch for nobody
}

// Stale says whether at now another edition should long have replaced l.
func (l *List) Stale(now time.Time) bool { return l.NextUpdate.IsZero() || now.After(l.NextUpdate) }

// A Pointer says where another list is, and who may sign it.
type Pointer struct {
	Location, Territory, Type, MIMEType string
	Signers                             []Pin
}

// A Service is what a trust service provider offers, under one digital identity.
type Service struct {
	Territory string
	Provider  string
	Name      string
	Certs     []*x509.Certificate
	Periods   []Period // the newest first; at least one
}

// At returns the period in force at t; false when the service did not exist yet.
func (s *Service) At(t time.Time) (Period, bool) {
	for _, p := range s.Periods {
		if !t.Before(p.From) {
			return p, true
		}
	}
	return Period{}, false
}

// A Period is a time in which neither the status nor the meaning of a service changed.
type Period struct {
	Type           string // IssuesQualified …
	Status         string // Granted …
	From           time.Time
	Uses           []string // ForWebSiteAuthentication, ForESeals …
	Qualifications []Qualification
	Unknown        string // a critical extension that is not understood: nothing may be concluded
}

// eIDAS began to apply to trust services on this day; before it, other words said the
// same as granted (Regulation 910/2014, art. 51 and 52).
var eIDAS = time.Date(2016, 7, 1, 0, 0, 0, 0, time.UTC)

var beforeEIDAS = []string{
	"http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/undersupervision",
	"http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/supervisionincessation",
	"http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/accredited",
}

// IsGranted says whether p, in force at t, means that the service was qualified then.
func (p Period) IsGranted(t time.Time) bool {
	return p.Status == Granted || t.Before(eIDAS) && slices.Contains(beforeEIDAS, p.Status)
}

// Is says whether p is of a service of that type with that use.
func (p Period) Is(serviceType, use string) bool {
	return p.Type == serviceType && slices.Contains(p.Uses, use)
}

// Read verifies the signature of a list by one of pins and returns what was signed. The
// error is ErrForm, ErrSigner or ErrSignature.
func Read(data []byte, pins []Pin) (*List, error) {
	d, err := parse(data)
	if err != nil {
		return nil, err
	}
	return d.read(pins)
}

func (d *document) read(pins []Pin) (*List, error) {
	signed, err := d.verify(pins)
	if err != nil {
		return nil, err
	}
	l, err := readSigned(signed.bytes)
	if err != nil {
		return nil, err
	}
	l.Signer, l.SignedAt, l.SHA256 = signed.by, signed.at, d.sum
	return l, nil
}

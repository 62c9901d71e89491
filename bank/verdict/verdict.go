// Package verdict decides whether a certificate may be relied upon by what the European
// Union's trusted lists say, and shows how it came to its answer.
//
// A Judge holds verified lists and what the operator has decided (stop list, how strict to
// be about revocation and stale lists). On takes a certificate, what it is to be used for
// and a time, and returns a Verdict: every reason to refuse it, each with the code that a
// third party would be told, everything about it that is odd but harmless, and the
// evidence: which service of which edition of which list vouched for it. A Verdict is
// plain data. Stored as JSON it proves later why a certificate was accepted.
//
// All checks are made even if one fails, so that whoever mends a certificate mends all of
// it; the first reason, in the order of the checks, is the one that counts.
//
// Nothing here fetches: lists and answers of responders are given as they are.
package verdict

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"kontor/bank/tpp"
	"kontor/kit/eidas"
	"kontor/kit/revocation"
	"kontor/kit/trustlist"
)

// A Judge knows whom to trust. Its methods may be called at the same time.
type Judge struct {
	// Set holds the lists. nil vouches for nobody.
	Set *trustlist.Set

	// StaleMax is for how long after its next update a list still counts: some days in
	// production, so that a country which is late does not stop its providers at once.
	// A list that counts only by this is a finding.
	StaleMax time.Duration

	// MustAnswer refuses certificates of which no current OCSP response or CRL is known.
	// Otherwise that is a finding.
	MustAnswer bool

	// Blocked says whether a TPP is on the local stop list. nil blocks nobody.
	Blocked func(tpp.ID) bool
}

// A Question is what is asked about a certificate.
type Question struct {
	Chain []*x509.Certificate // the leaf, then intermediates that came with it
	Use   eidas.QcType        // Web for TLS, ESeal for signatures
	Role  eidas.Role          // that is needed; "" asks for none
	At    time.Time

	OCSP, CRLs [][]byte // answers about the leaf, as they were fetched
}

// A Verdict is the answer, and what it rests on.
type Verdict struct {
	Accepted    bool         `json:"accepted"`
	Code        string       `json:"code,omitempty"`   // of the first refusal
	Reason      string       `json:"reason,omitempty"` // of the first refusal
	At          time.Time    `json:"at"`
	Use         string       `json:"use"` // qwac, qseal
	Role        string       `json:"role,omitempty"`
	Refusals    []Refusal    `json:"refusals"`
	Findings    []Finding    `json:"findings"`
	Certificate *Certificate `json:"certificate,omitempty"`
	Holder      *Holder      `json:"holder,omitempty"` // as the certificate says; proved only if Accepted
	Path        []Link       `json:"path,omitempty"`   // from the certificate to the service that vouches for it
	Service     *Service     `json:"service,omitempty"`
	Revocation  *Revocation  `json:"revocation,omitempty"`
	Lists       []List       `json:"lists,omitempty"` // that the answer rests on
}

// A Refusal is a reason why a certificate may not be relied upon.
type Refusal struct {
	Check  Check  `json:"check"`
	Code   string `json:"code"` // of the Berlin Group
	Reason string `json:"reason"`
}

// A Finding is something that the profiles of certificates do not allow, or that could
// not be found out, and that is no reason to refuse.
type Finding struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
}

// A Check is one of the things that are looked at, in this order.
type Check string

const (
	Presented  Check = "presented"  // there is a certificate
	Sound      Check = "sound"      // its key, signature and extensions are fit for use
	Valid      Check = "valid"      // it has begun and not ended
	Path       Check = "path"       // it was issued by a service of a trusted list
	Granted    Check = "granted"    // which was qualified for that use, at issuance and now
	Current    Check = "current"    // by lists that no other edition should have replaced
	Unrevoked  Check = "unrevoked"  // its issuer has not taken it back
	Statements Check = "statements" // it says that it is qualified, for that use, under PSD2
	Holders    Check = "holder"     // it says who holds it, in a form that a register knows
	Unblocked  Check = "unblocked"  // its holder is not on the local stop list
	Entitled   Check = "entitled"   // it has the role
)

// codes ties each sentinel of tpp to the word of the Berlin Group for it.
var codes = []struct {
	err  error
	code string
}{
	{tpp.ErrCertificateMissing, "CERTIFICATE_MISSING"},
	{tpp.ErrCertificateExpired, "CERTIFICATE_EXPIRED"},
	{tpp.ErrCertificateRevoked, "CERTIFICATE_REVOKED"},
	{tpp.ErrCertificateBlocked, "CERTIFICATE_BLOCKED"},
	{tpp.ErrRole, "ROLE_INVALID"},
	{tpp.ErrCertificateInvalid, "CERTIFICATE_INVALID"},
}

func (v *Verdict) refuse(check Check, err error, format string, args ...any) {
	code := ""
	for _, c := range codes {
		if errors.Is(err, c.err) {
			code = c.code
		}
	}
	v.Refusals = append(v.Refusals, Refusal{check, code, fmt.Sprintf(format, args...)})
}

func (v *Verdict) find(rule, format string, args ...any) {
	v.Findings = append(v.Findings, Finding{rule, fmt.Sprintf(format, args...)})
}

// On answers q.
func (j *Judge) On(q Question) Verdict {
	v := Verdict{At: q.At.UTC(), Use: useName(q.Use), Role: string(q.Role), Refusals: []Refusal{}, Findings: []Finding{}}
	j.judge(q, &v)
	if v.Accepted = len(v.Refusals) == 0; !v.Accepted {
		v.Code, v.Reason = v.Refusals[0].Code, v.Refusals[0].Reason
	}
	return v
}

// judge makes the checks in the order in which they count (an order that goes from what
// costs nothing and proves little to who the holder is).
func (j *Judge) judge(q Question, v *Verdict) {
	if len(q.Chain) == 0 || q.Chain[0] == nil {
		v.refuse(Presented, tpp.ErrCertificateMissing, "no certificate was presented")
		return
	}
	leaf := q.Chain[0]
	v.Certificate = describe(leaf)
	if err := eidas.Usable(leaf); err != nil {
		v.refuse(Sound, tpp.ErrCertificateInvalid, "%v", err)
	}
	if leaf.IsCA {
		v.refuse(Sound, tpp.ErrCertificateInvalid, "it is the certificate of a CA")
	}
	switch {
	case q.At.After(leaf.NotAfter):
		v.refuse(Valid, tpp.ErrCertificateExpired, "it ended on %s", day(leaf.NotAfter))
	case q.At.Before(leaf.NotBefore):
		v.refuse(Valid, tpp.ErrCertificateExpired, "it begins on %s", day(leaf.NotBefore))
	}
	issuer, qualifiers := j.path(q, v)
	j.unrevoked(q, issuer, v)
	j.holder(q, qualifiers, v)
}

// unrevoked asks the answers of the issuer's responders.
func (j *Judge) unrevoked(q Question, issuer *x509.Certificate, v *Verdict) {
	if issuer == nil {
		v.find("revocation-not-asked", "whether it is revoked was not asked: its issuer is not known")
		return
	}
	a, err := revocation.Check(q.Chain[0], issuer, q.OCSP, q.CRLs, q.At)
	if err != nil {
		v.find("revocation-answer", "an answer about revocation is of no use: %v", err)
	}
	switch {
	case a == nil && j.MustAnswer:
		v.refuse(Unrevoked, tpp.ErrCertificateInvalid, "whether it is revoked cannot be found out")
	case a == nil:
		v.find("revocation-unknown", "whether it is revoked is not known: no current OCSP response or CRL was given")
	default:
		v.Revocation = &Revocation{
			Source: a.Source, Revoked: a.Revoked, Reason: a.Reason, ThisUpdate: a.ThisUpdate.UTC(), Signer: a.Signer, SHA256: hex.EncodeToString(a.SHA256[:]),
			NextUpdate: moment(a.NextUpdate), RevokedAt: moment(a.RevokedAt),
		}
		for _, f := range a.Findings {
			v.find(f.Rule, "%s", f.Text)
		}
		if a.Revoked {
			v.refuse(Unrevoked, tpp.ErrCertificateRevoked, "its issuer revoked it on %s", day(a.RevokedAt))
		}
	}
}

// holder reads who the certificate is of, and in which roles it may act.
func (j *Judge) holder(q Question, qualifiers []string, v *Verdict) {
	id, found, err := eidas.Parse(q.Chain[0])
	switch {
	case errors.Is(err, eidas.ErrOrganizationIdentifier):
		v.refuse(Holders, tpp.ErrCertificateInvalid, "%v", err)
		return
	case err != nil:
		v.refuse(Statements, tpp.ErrCertificateInvalid, "%v", err)
		return
	}
	v.Holder = holderOf(id)
	kind, qualified := qualifiedAs(id, qualifiers)
	for _, f := range found {
		switch {
		case f.Grave && f.Rule == "qccompliance-missing" && qualified:
			v.find(f.Rule, "%s; but the trusted list says that it is", f.Text)
		case f.Grave:
			v.refuse(Statements, tpp.ErrCertificateInvalid, "%s", f.Text)
		default:
			v.find(f.Rule, "%s", f.Text)
		}
	}
	if kind != q.Use {
		v.refuse(Statements, tpp.ErrCertificateInvalid, "its type is %q, not %q", kind, q.Use)
	}
	if _, err := eidas.ParseOrganizationIdentifier(id.OrganizationIdentifier); err != nil {
		v.refuse(Holders, tpp.ErrCertificateInvalid, "%v", err)
	}
	if j.Blocked != nil && j.Blocked(tpp.ID(id.OrganizationIdentifier)) {
		v.refuse(Unblocked, tpp.ErrCertificateBlocked, "its holder is on the stop list")
	}
	if q.Role != "" {
		if err := (tpp.TPP{Roles: id.Roles}).May(q.Role); err != nil {
			v.refuse(Entitled, tpp.ErrRole, "it does not give the role %s", q.Role)
		}
	}
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

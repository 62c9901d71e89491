package verdict

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/trustlist"
)

// What a verdict rests on, as it is stored.
type (
	// A Certificate is the one in question.
	Certificate struct {
		Subject   string    `json:"subject"`
		Issuer    string    `json:"issuer"`
		Serial    string    `json:"serialNumber"`
		SHA256    string    `json:"sha256"`
		NotBefore time.Time `json:"notBefore"`
		NotAfter  time.Time `json:"notAfter"`
	}

	// A Holder is whom the certificate names.
	Holder struct {
		OrganizationIdentifier string   `json:"organizationIdentifier"`
		Name                   string   `json:"name"`
		Country                string   `json:"country,omitempty"`
		Roles                  []string `json:"roles"`
		NCAName                string   `json:"ncaName"`
		NCAId                  string   `json:"ncaId"`
		Type                   string   `json:"type,omitempty"` // web, eseal, esign
		DNSNames               []string `json:"dnsNames,omitempty"`
	}

	// A Link is a certificate of the path.
	Link struct {
		Subject  string    `json:"subject"`
		SHA256   string    `json:"sha256"`
		NotAfter time.Time `json:"notAfter"`
	}

	// A Service is the trust service at the end of the path.
	Service struct {
		Territory  string   `json:"territory"`
		Provider   string   `json:"provider"`
		Name       string   `json:"name"`
		AtIssuance *Period  `json:"atIssuance,omitempty"`
		Now        *Period  `json:"now,omitempty"`
		Qualifiers []string `json:"qualifiers,omitempty"` // that the list adds for such certificates
	}

	// A Period is what the service was at some time.
	Period struct {
		Type   string    `json:"type"`
		Status string    `json:"status"`
		Since  time.Time `json:"since"`
		Uses   []string  `json:"uses"`
	}

	// A Revocation is the answer of the issuer.
	Revocation struct {
		Source     string     `json:"source"` // OCSP, CRL
		Revoked    bool       `json:"revoked"`
		RevokedAt  *time.Time `json:"revokedAt,omitempty"`
		Reason     int        `json:"reason,omitempty"`
		ThisUpdate time.Time  `json:"thisUpdate"`
		NextUpdate *time.Time `json:"nextUpdate,omitempty"`
		Signer     string     `json:"signer"`
		SHA256     string     `json:"sha256"`
	}

	// A List is an edition of a trusted list.
	List struct {
		Territory  string     `json:"territory"`
		Sequence   int64      `json:"sequence"`
		Issued     time.Time  `json:"issued"`
		NextUpdate *time.Time `json:"nextUpdate,omitempty"`
		SHA256     string     `json:"sha256"`
		Signer     string     `json:"signer"` // SHA-256 of the certificate by which it is signed
	}
)

func describe(cert *x509.Certificate) *Certificate {
	return &Certificate{
		Subject: nameOf(cert.Subject), Issuer: nameOf(cert.Issuer), Serial: fmt.Sprintf("%x", cert.SerialNumber),
		SHA256: fingerprint(cert.Raw), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
	}
}

func holderOf(id eidas.Identity) *Holder {
	h := &Holder{
		OrganizationIdentifier: id.OrganizationIdentifier, Name: id.Organization, Country: id.Country,
		NCAName: id.NCAName, NCAId: id.NCAId, Type: string(id.QcType), DNSNames: id.DNSNames,
	}
	if h.Name == "" {
		h.Name = id.CommonName
	}
	for _, role := range id.Roles {
		h.Roles = append(h.Roles, string(role))
	}
	return h
}

func serviceOf(s *trustlist.Service, then, now trustlist.Period, qualifiers []string) *Service {
	return &Service{
		Territory: s.Territory, Provider: s.Provider, Name: s.Name,
		AtIssuance: periodOf(then), Now: periodOf(now), Qualifiers: short(qualifiers),
	}
}

func periodOf(p trustlist.Period) *Period {
	if p.Type == "" {
		return nil
	}
	return &Period{Type: p.Type, Status: last(p.Status), Since: p.From, Uses: short(p.Uses)}
}

func listOf(l *trustlist.List) List {
	return List{
		Territory: l.Territory, Sequence: l.Sequence, Issued: l.Issued, NextUpdate: moment(l.NextUpdate),
		SHA256: hex.EncodeToString(l.SHA256[:]), Signer: trustlist.PinOf(l.Signer).String(),
	}
}

func short(uris []string) []string {
	names := []string{}
	for _, u := range uris {
		names = append(names, last(u))
	}
	return names
}

// moment leaves out a time that is not known.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// attributes names those that crypto/x509 writes as numbers.
var attributes = map[string]string{
	"2.5.4.97": "organizationIdentifier", "2.5.4.15": "businessCategory",
	"2.5.4.4": "SN", "2.5.4.42": "GN", "1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocality", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionState", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountry",
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
}

// nameOf writes a name for people, in the order of the certificate.
func nameOf(n pkix.Name) string {
	var parts []string
	for _, a := range n.Names {
		what := a.Type.String()
		if name := attributes[what]; name != "" {
			what = name
		}
		parts = append(parts, fmt.Sprintf("%s=%v", what, a.Value))
	}
	if len(parts) == 0 {
		return "unnamed"
	}
	return strings.Join(parts, ", ")
}

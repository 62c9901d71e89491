package eidas

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// A Finding is something about a certificate that its profile does not allow but that
// leaves no doubt about who holds it.
type Finding struct {
	Rule  string // short and stable, for filters: key-usage, nca-id …
	Text  string // for people; names no secret and no person
	Grave bool   // no qualified provider issues this; accept it in a sandbox only
}

type findings []Finding

func (f *findings) cosmetic(rule, text string) { *f = append(*f, Finding{Rule: rule, Text: text}) }

func (f *findings) grave(rule, text string) {
	*f = append(*f, Finding{Rule: rule, Text: text, Grave: true})
}

// identity compares the facts about the holder with each other (TS 119 495 5.2).
func (f *findings) identity(id Identity) {
	if !id.QcCompliance {
		f.grave("qccompliance-missing", "the QcCompliance statement is missing: the certificate does not claim to be qualified")
	}
	if id.QcType == "" {
		f.grave("qctype", "the certificate does not say which one type of qualified certificate it is")
	}
	nca, ok := parseNCAId(id.NCAId)
	switch {
	case !ok:
		f.grave("nca-id", fmt.Sprintf("NCAId %q is not a country, a hyphen and 2 to 8 capital letters", id.NCAId))
	case !isCountry(nca.country):
		f.grave("nca-country", fmt.Sprintf("NCAId %q does not begin with a country of ISO 3166-1", id.NCAId))
	}
	if strings.ContainsFunc(id.NCAName, func(r rune) bool { return r > 0x7e }) {
		f.cosmetic("nca-name", "NCAName is not in plain Latin letters")
	}
	org, err := ParseOrganizationIdentifier(id.OrganizationIdentifier)
	switch {
	case err != nil:
		f.cosmetic("organization-identifier", "organizationIdentifier is not of the form PSDxx-NCA-number")
	case ok && (org.Country != nca.country || org.Authority != nca.authority):
		f.grave("nca-mismatch", fmt.Sprintf("NCAId %s and organizationIdentifier name different authorities", id.NCAId))
	}
	if len(id.Country) != 2 {
		f.cosmetic("subject-country", "the subject's country is not two letters")
	}
	if id.Organization == "" || id.CommonName == "" {
		f.cosmetic("subject", "the subject lacks organizationName or commonName")
	}
}

// profile looks at what EN 319 412-2 to -4 say about usage and at links.
func (f *findings) profile(cert *x509.Certificate, kind QcType) {
	const (
		dS = x509.KeyUsageDigitalSignature
		nR = x509.KeyUsageContentCommitment
		kE = x509.KeyUsageKeyEncipherment
		kA = x509.KeyUsageKeyAgreement
	)
	usages := map[QcType][]x509.KeyUsage{
		Web:   {dS, dS | kE, dS | kA},
		ESeal: {nR, nR | dS, nR | dS | kE, nR | dS | kA},
	}
	if allowed := usages[kind]; allowed != nil && !slices.Contains(allowed, cert.KeyUsage) {
		f.cosmetic("key-usage", "the key usage is none of those that EN 319 412-2 allows for this type")
	}
	if kind == Web {
		if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
			f.cosmetic("ext-key-usage", "the extended key usage does not name TLS clients")
		}
		if slices.ContainsFunc(cert.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
			return u != x509.ExtKeyUsageClientAuth && u != x509.ExtKeyUsageServerAuth
		}) || len(cert.UnknownExtKeyUsage) > 0 {
			f.cosmetic("ext-key-usage-other", "the extended key usage names more than TLS")
		}
		if len(cert.DNSNames) == 0 {
			f.cosmetic("dns-names", "the certificate names no domain")
		}
	}
	for _, location := range cert.CRLDistributionPoints {
		if !strings.HasPrefix(location, "http://") && !strings.HasPrefix(location, "https://") {
			f.cosmetic("crl-location", "a CRL distribution point is not on HTTP")
		}
	}
	if len(cert.AuthorityKeyId) == 0 {
		f.cosmetic("authority-key-id", "the authority key identifier is missing")
	}
}

// readPDS looks at QcEuPDS ::= SEQUENCE OF SEQUENCE { IA5String, PrintableString }. It
// is a pointer to terms and conditions: nothing about it may decide a request.
func readPDS(info []asn1.RawValue, f *findings) {
	const rule = "qcpds"
	if len(info) != 1 {
		f.cosmetic(rule, "the QcPDS statement is empty")
		return
	}
	list, err := sequence(info[0].FullBytes, "QcPDS")
	if err != nil {
		f.cosmetic(rule, "the QcPDS statement is malformed")
		return
	}
	english := false
	for _, item := range list {
		parts, err := sequence(item.FullBytes, "QcPDS location")
		if err != nil || len(parts) != 2 || parts[0].Tag != asn1.TagIA5String || parts[1].Tag != asn1.TagPrintableString {
			f.cosmetic(rule, "a location of the QcPDS statement is malformed")
			continue
		}
		language := string(parts[1].Bytes)
		if len(language) != 2 {
			f.grave("qcpds-language", "a language of the QcPDS statement is not two letters")
		} else if language != strings.ToLower(language) {
			f.cosmetic("qcpds-language-case", "a language of the QcPDS statement is in capital letters")
		}
		english = english || strings.EqualFold(language, "en")
		if !strings.HasPrefix(string(parts[0].Bytes), "https://") {
			f.cosmetic("qcpds-location", "a location of the QcPDS statement is not on HTTPS")
		}
	}
	if !english {
		f.cosmetic("qcpds-english", "the QcPDS statement offers no English text")
	}
}

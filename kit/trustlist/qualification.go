package trustlist

import (
	"crypto/x509"
	"encoding/xml"
	"slices"
	"strings"
)

// What a qualification element says about the certificates that its criteria fit.
const (
	NotQualified = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/NotQualified"
	QCStatement  = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCStatement"
	QCForWSA     = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCForWSA"
	QCForESeal   = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCForESeal"
	QCForESig    = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCForESig"
)

// A Qualification overrides what certificates say of themselves: a list names criteria,
// and what holds for the certificates that fulfil them (TS 119 612, 5.5.9.2).
type Qualification struct {
	Qualifiers []string
	criteria   wireCriteria
}

type wireCriteria struct {
	Assert   string `xml:"assert,attr"`
	KeyUsage []struct {
		Bits []struct {
			Name string `xml:"name,attr"`
			Set  bool   `xml:",chardata"`
		} `xml:"KeyUsageBit"`
	} `xml:"KeyUsage"`
	PolicySet []struct {
		Identifiers []string `xml:"PolicyIdentifier>Identifier"`
	} `xml:"PolicySet"`
	Nested []wireCriteria               `xml:"CriteriaList"`
	Other  []struct{ XMLName xml.Name } `xml:",any"`
}

// A fit is whether criteria hold; the zero value is that nobody can say.
type fit int

const (
	cannotSay fit = iota
	no
	yes
)

// QualifiersOf returns what p says about cert beyond cert's own words. Where criteria
// are not understood the stricter reading holds: NotQualified applies, all else does not.
func (p Period) QualifiersOf(cert *x509.Certificate) []string {
	var all []string
	for _, q := range p.Qualifications {
		f := q.criteria.fits(cert)
		for _, qualifier := range q.Qualifiers {
			if (f == yes || f == cannotSay && qualifier == NotQualified) && !slices.Contains(all, qualifier) {
				all = append(all, qualifier)
			}
		}
	}
	return all
}

func (c wireCriteria) fits(cert *x509.Certificate) fit {
	var each []fit
	for _, usage := range c.KeyUsage {
		f := yes
		for _, bit := range usage.Bits {
			f = min(f, hasUsage(cert, bit.Name, bit.Set))
		}
		each = append(each, f)
	}
	for _, set := range c.PolicySet {
		f := yes
		for _, identifier := range set.Identifiers {
			if !hasPolicy(cert, identifier) {
				f = no
			}
		}
		each = append(each, f)
	}
	for _, nested := range c.Nested {
		each = append(each, nested.fits(cert))
	}
	for _, other := range c.Other {
		if other.XMLName.Local != "Description" {
			each = append(each, cannotSay)
		}
	}
	switch c.Assert {
	case "all":
		return all(each, no, yes)
	case "atLeastOne":
		return all(each, yes, no)
	case "none":
		return all(each, yes, no).not()
	}
	return cannotSay
}

// all returns one if any of each is, otherwise if all the others are known.
func all(each []fit, one, otherwise fit) fit {
	switch {
	case len(each) == 0:
		return cannotSay
	case slices.Contains(each, one):
		return one
	case slices.Contains(each, cannotSay):
		return cannotSay
	}
	return otherwise
}

func (f fit) not() fit {
	switch f {
	case yes:
		return no
	case no:
		return yes
	}
	return f
}

var usages = map[string]x509.KeyUsage{
	"digitalSignature": x509.KeyUsageDigitalSignature, "nonRepudiation": x509.KeyUsageContentCommitment,
	"keyEncipherment": x509.KeyUsageKeyEncipherment, "dataEncipherment": x509.KeyUsageDataEncipherment,
	"keyAgreement": x509.KeyUsageKeyAgreement, "keyCertSign": x509.KeyUsageCertSign, "crlSign": x509.KeyUsageCRLSign,
	"encipherOnly": x509.KeyUsageEncipherOnly, "decipherOnly": x509.KeyUsageDecipherOnly,
}

func hasUsage(cert *x509.Certificate, name string, set bool) fit {
	bit, ok := usages[name]
	switch {
	case !ok:
		return cannotSay
	case cert.KeyUsage&bit != 0 == set:
		return yes
	}
	return no
}

// hasPolicy compares as text: lists write 1.2.3 and urn:oid:1.2.3.
func hasPolicy(cert *x509.Certificate, identifier string) bool {
	identifier = strings.TrimPrefix(clean(identifier), "urn:oid:")
	return slices.ContainsFunc(cert.Policies, func(p x509.OID) bool { return p.String() == identifier })
}

// Package trustlisttest makes signed trusted lists for tests.
//
// A List is written and signed as genuine ones are (XAdES enveloped, exclusive C14N,
// ECDSA with SHA-256), by a Signer whose certificate another list can name. What cannot
// go wrong in a test panics.
package trustlisttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"kontor/kit/trustlist"
)

// A Signer signs lists.
type Signer struct {
	Cert *x509.Certificate
	At   time.Time         // when it says that it signs; zero: 2026-01-01
	Says *x509.Certificate // by which certificate it says that it signs; nil: Cert
	key  *ecdsa.PrivateKey
}

// NewSigner makes a signer whose certificate is valid from 2020 to 2040.
func NewSigner(name string) Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return Signer{Cert: cert, key: key}
}

// Pin returns the pin of the signer's certificate.
func (s Signer) Pin() trustlist.Pin { return trustlist.PinOf(s.Cert) }

// A List is what a test wants a list to say.
type List struct {
	Type, Territory string
	Sequence        int
	NextUpdate      time.Time
	URIs            []string // pivots
	Pointers        []Pointer
	Services        []Service
}

// A Pointer names who signs the list of a territory.
type Pointer struct {
	Territory string
	Signers   []Signer
}

// A Service has one certificate; the first of its periods is the present.
type Service struct {
	Cert    *x509.Certificate
	Periods []Period
}

// A Period is a time in which a service had a status, and extensions as raw XML.
type Period struct {
	Type, Status string
	From         time.Time
	Uses         []string
	Extensions   string
}

// XML writes the list unsigned.
func (l List) XML() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p(`<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" xmlns:q="http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#" xmlns:a="http://uri.etsi.org/02231/v2/additionaltypes#" xmlns:x="http://uri.etsi.org/01903/v1.3.2#" Id="list" TSLTag="http://uri.etsi.org/19612/TSLTag"><SchemeInformation><TSLVersionIdentifier>6</TSLVersionIdentifier><TSLSequenceNumber>%d</TSLSequenceNumber><TSLType>%s</TSLType>`, l.Sequence, l.Type)
	p(`<SchemeOperatorName><Name xml:lang="en">Keeper of %s</Name></SchemeOperatorName><SchemeInformationURI>`, l.Territory)
	for _, uri := range l.URIs {
		p(`<URI xml:lang="en">%s</URI>`, uri)
	}
	p(`</SchemeInformationURI><SchemeTerritory>%s</SchemeTerritory><PointersToOtherTSL>`, l.Territory)
	for _, pointer := range l.Pointers {
		p(`<OtherTSLPointer><ServiceDigitalIdentities>`)
		for _, s := range pointer.Signers {
			p(`<ServiceDigitalIdentity><DigitalId><X509Certificate>%s</X509Certificate></DigitalId></ServiceDigitalIdentity>`, encode(s.Cert.Raw))
		}
		p(`</ServiceDigitalIdentities><TSLLocation>https://lists.example/%s.xml</TSLLocation><AdditionalInformation><OtherInformation><SchemeTerritory>%s</SchemeTerritory></OtherInformation><OtherInformation><a:MimeType>application/vnd.etsi.tsl+xml</a:MimeType></OtherInformation></AdditionalInformation></OtherTSLPointer>`, pointer.Territory, pointer.Territory)
	}
	p(`</PointersToOtherTSL><ListIssueDateTime>2026-01-01T00:00:00Z</ListIssueDateTime><NextUpdate><dateTime>%s</dateTime></NextUpdate></SchemeInformation>`, l.NextUpdate.UTC().Format(time.RFC3339))
	p(`<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName><Name xml:lang="en">Provider of %s</Name></TSPName></TSPInformation><TSPServices>`, l.Territory)
	for _, s := range l.Services {
		p(`<TSPService>`)
		for i, period := range s.Periods {
			tag := "ServiceInformation"
			switch i {
			case 0:
			case 1:
				p(`<ServiceHistory>`)
				fallthrough
			default:
				tag = "ServiceHistoryInstance"
			}
			p(`<%s><ServiceTypeIdentifier>%s</ServiceTypeIdentifier><ServiceName><Name xml:lang="en">Certificates</Name></ServiceName>`, tag, period.Type)
			p(`<ServiceDigitalIdentity><DigitalId><X509Certificate>%s</X509Certificate></DigitalId></ServiceDigitalIdentity><ServiceStatus>%s</ServiceStatus><StatusStartingTime>%s</StatusStartingTime><ServiceInformationExtensions>`, encode(s.Cert.Raw), period.Status, period.From.UTC().Format(time.RFC3339))
			for _, use := range period.Uses {
				p(`<Extension Critical="true"><AdditionalServiceInformation><URI xml:lang="en">%s</URI></AdditionalServiceInformation></Extension>`, use)
			}
			p(`%s</ServiceInformationExtensions></%s>`, period.Extensions, tag)
		}
		if len(s.Periods) > 1 {
			p(`</ServiceHistory>`)
		}
		p(`</TSPService>`)
	}
	p(`</TSPServices></TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>`)
	return b.String()
}

// Sign signs an unsigned list.
func (s Signer) Sign(list string) []byte {
	const exclusive = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
	at, says := s.At, s.Says
	if at.IsZero() {
		at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if says == nil {
		says = s.Cert
	}
	properties := fmt.Sprintf(`<xades:SignedProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="properties"><xades:SignedSignatureProperties><xades:SigningTime>%s</xades:SigningTime><xades:SigningCertificateV2><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>%s</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties></xades:SignedProperties>`, at.UTC().Format(time.RFC3339), digest(says.Raw))
	reference := func(attributes, transforms, canonical string) string {
		return fmt.Sprintf(`<ds:Reference %s><ds:Transforms>%s</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>%s</ds:DigestValue></ds:Reference>`, attributes, transforms, digest([]byte(canonical)))
	}
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>` +
		reference(`URI=""`, `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`+exclusive, canonical(list)) +
		reference(`Type="http://uri.etsi.org/01903#SignedProperties" URI="#properties"`, exclusive, canonical(properties)) + `</ds:SignedInfo>`
	sum := sha256.Sum256([]byte(canonical(info)))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		panic(err)
	}
	value := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	signature := fmt.Sprintf(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="signature">%s<ds:SignatureValue>%s</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#signature">%s</xades:QualifyingProperties></ds:Object></ds:Signature>`,
		info, encode(value), encode(s.Cert.Raw), properties)
	end := strings.LastIndex(list, "</TrustServiceStatusList>")
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + list[:end] + signature + list[end:])
}

func canonical(s string) string {
	tree := etree.NewDocument()
	if err := tree.ReadFromString(s); err != nil {
		panic(err)
	}
	out, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(tree.Root())
	if err != nil {
		panic(err)
	}
	return string(out)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return encode(sum[:])
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

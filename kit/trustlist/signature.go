package trustlist

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" // only to find the certificate that a signer means, which is pinned anyway
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"kontor/kit/eidas"
)

const (
	algEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algInclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algC14N11    = "http://www.w3.org/2006/12/xml-c14n11"
	algSHA1      = "http://www.w3.org/2000/09/xmldsig#sha1"

	typeSignedProperties = "http://uri.etsi.org/01903#SignedProperties"
)

type method struct {
	hash crypto.Hash
	kind string // rsa, pss, ecdsa
}

// methods lists the signatures that are sound. RSA with SHA-1, which XML-DSig makes
// mandatory, is not among them.
var methods = map[string]method{
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":      {crypto.SHA256, "rsa"},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":      {crypto.SHA384, "rsa"},
	"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":      {crypto.SHA512, "rsa"},
	"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": {crypto.SHA256, "pss"},
	"http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": {crypto.SHA384, "pss"},
	"http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": {crypto.SHA512, "pss"},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256":    {crypto.SHA256, "ecdsa"},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384":    {crypto.SHA384, "ecdsa"},
	"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512":    {crypto.SHA512, "ecdsa"},
}

var digests = map[string]crypto.Hash{
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
}

// A signed is what a signature covers, who made it, and when by her own word.
type signed struct {
	bytes []byte
	by    *x509.Certificate
	at    time.Time
}

// verify checks the XAdES signature of the document.
//
// Nothing is looked up by its Id: the elements that may be signed are found where they
// have to be, and only then is their Id compared with the reference. So an attacker
// gains nothing by moving what was signed elsewhere and putting something else in its
// place. The signer is the first thing that is checked, so that the cost of the rest is
// spent on lists that a pinned signer has made at some time.
func (d *document) verify(pins []Pin) (*signed, error) {
	info, err := only(d.signature, nsDSig, "SignedInfo")
	if err != nil {
		return nil, err
	}
	by, err := d.signer(pins)
	if err != nil {
		return nil, err
	}
	if err := d.verifyInfo(info, by); err != nil {
		return nil, err
	}
	properties, err := d.properties()
	if err != nil {
		return nil, err
	}
	whole := d.root.Copy()
	for _, child := range whole.ChildElements() {
		if is(child, nsDSig, "Signature") {
			whole.RemoveChild(child)
		}
	}
	var content, said []byte
	for _, ref := range info.ChildElements() {
		if !is(ref, nsDSig, "Reference") {
			continue
		}
		uri := ref.SelectAttrValue("URI", "-")
		switch {
		case content == nil && (uri == "" || uri == "#"+idOf(d.root) && uri != "#"):
			content, err = referenced(ref, whole, true)
		case said == nil && uri == "#"+idOf(properties) && uri != "#" && ref.SelectAttrValue("Type", "") == typeSignedProperties:
			said, err = referenced(ref, detached(properties), false)
		default:
			err = fmt.Errorf("%w: its signature covers something else than the list and the signer's properties", ErrForm)
		}
		if err != nil {
			return nil, err
		}
	}
	if content == nil || said == nil {
		return nil, fmt.Errorf("%w: its signature does not cover the list and the signer's properties", ErrForm)
	}
	at, err := readProperties(said, by)
	return &signed{content, by, at}, err
}

// signer finds the pinned certificate among those that the signature carries.
func (d *document) signer(pins []Pin) (*x509.Certificate, error) {
	keys, err := only(d.signature, nsDSig, "KeyInfo")
	if err != nil {
		return nil, err
	}
	var named string
	for _, data := range keys.ChildElements() {
		for _, e := range data.ChildElements() {
			if !is(e, nsDSig, "X509Certificate") {
				continue
			}
			cert, err := certificate(text(e))
			if err != nil {
				continue
			}
			if slices.Contains(pins, PinOf(cert)) {
				return cert, nil
			}
			if named == "" {
				named = ": " + cert.Subject.CommonName + ", SHA-256 " + PinOf(cert).String()
			}
		}
	}
	return nil, fmt.Errorf("%w%s", ErrSigner, named)
}

// verifyInfo checks the signature proper, over SignedInfo.
func (d *document) verifyInfo(info *etree.Element, by *x509.Certificate) error {
	how, err := only(info, nsDSig, "CanonicalizationMethod")
	if err != nil {
		return err
	}
	alg, err := only(info, nsDSig, "SignatureMethod")
	if err != nil {
		return err
	}
	value, err := only(d.signature, nsDSig, "SignatureValue")
	if err != nil {
		return err
	}
	m, ok := methods[alg.SelectAttrValue("Algorithm", "")]
	if !ok {
		return fmt.Errorf("%w: signature method %q", ErrSignature, alg.SelectAttrValue("Algorithm", ""))
	}
	signature, err := base64Of(text(value))
	if err != nil {
		return fmt.Errorf("%w: its value is not base64", ErrSignature)
	}
	canonical, err := canonicalise(how, detached(info))
	if err != nil {
		return err
	}
	h := m.hash.New()
	h.Write(canonical)
	if err := m.verify(by.PublicKey, h.Sum(nil), signature); err != nil {
		return fmt.Errorf("%w: %v", ErrSignature, err)
	}
	return nil
}

func (m method) verify(key any, digest, signature []byte) error {
	if err := eidas.SoundKey(key); err != nil {
		return err
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch m.kind {
		case "rsa":
			return rsa.VerifyPKCS1v15(k, m.hash, digest, signature)
		case "pss":
			return rsa.VerifyPSS(k, m.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *ecdsa.PublicKey:
		// XML-DSig writes r and s one after the other, each as long as the curve's order.
		size := (k.Curve.Params().N.BitLen() + 7) / 8
		if m.kind != "ecdsa" || len(signature) != 2*size {
			break
		}
		if ecdsa.Verify(k, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])) {
			return nil
		}
	}
	return fmt.Errorf("it is not one of the signer's key")
}

// referenced returns the canonical bytes of e, which ref says were signed. enveloped
// says that the signature has been taken out of e, and ref must ask for that.
func referenced(ref, e *etree.Element, enveloped bool) ([]byte, error) {
	var how *etree.Element
	if transforms := ref.SelectElement("Transforms"); transforms != nil {
		for i, t := range transforms.ChildElements() {
			switch {
			case !is(t, nsDSig, "Transform"):
				return nil, fmt.Errorf("%w: its signature has a transform that is none", ErrForm)
			case enveloped && i == 0 && t.SelectAttrValue("Algorithm", "") == algEnveloped:
				enveloped = false
			case how == nil:
				how = t
			default:
				return nil, fmt.Errorf("%w: its signature has more transforms than are understood", ErrForm)
			}
		}
	}
	if enveloped {
		return nil, fmt.Errorf("%w: its signature would cover itself", ErrForm)
	}
	if how == nil { // then XML-DSig 1.1, 4.4.3.2 asks for inclusive C14N 1.0
		how = etree.NewElement("Transform")
		how.CreateAttr("Algorithm", algInclusive)
	}
	canonical, err := canonicalise(how, e)
	if err != nil {
		return nil, err
	}
	alg, err := only(ref, nsDSig, "DigestMethod")
	if err != nil {
		return nil, err
	}
	value, err := only(ref, nsDSig, "DigestValue")
	if err != nil {
		return nil, err
	}
	hash, ok := digests[alg.SelectAttrValue("Algorithm", "")]
	if !ok {
		return nil, fmt.Errorf("%w: digest method %q", ErrSignature, alg.SelectAttrValue("Algorithm", ""))
	}
	h := hash.New()
	h.Write(canonical)
	want, err := base64Of(text(value))
	if err != nil || !bytes.Equal(want, h.Sum(nil)) {
		return nil, fmt.Errorf("%w: the digest of %q differs", ErrSignature, ref.SelectAttrValue("URI", ""))
	}
	return canonical, nil
}

// canonicalise writes e as the algorithm that how names does. e is used up.
func canonicalise(how, e *etree.Element) ([]byte, error) {
	var c dsig.Canonicalizer
	switch alg := how.SelectAttrValue("Algorithm", ""); alg {
	case algExclusive:
		prefixes := ""
		if list := how.SelectElement("InclusiveNamespaces"); list != nil {
			prefixes = strings.ReplaceAll(list.SelectAttrValue("PrefixList", ""), "#default", "")
			if prefixes != list.SelectAttrValue("PrefixList", "") {
				return nil, fmt.Errorf("%w: its signature names the default namespace in a prefix list", ErrForm)
			}
		}
		c = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes)
	case algInclusive:
		c = dsig.MakeC14N10RecCanonicalizer()
	case algC14N11:
		c = dsig.MakeC14N11Canonicalizer()
	default:
		return nil, fmt.Errorf("%w: transform %q", ErrForm, alg)
	}
	out, err := c.Canonicalize(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrForm, err)
	}
	return out, nil
}

// detached returns a copy of e that carries the namespaces of its ancestors, which the
// canonicaliser does not look for by itself; an inner declaration hides an outer one.
func detached(e *etree.Element) *etree.Element {
	c := e.Copy()
	for up := e.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			if (a.Space == "xmlns" || a.Space == "xml" || a.Space == "" && a.Key == "xmlns") && c.SelectAttr(a.FullKey()) == nil {
				c.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return c
}

func idOf(e *etree.Element) string {
	return e.SelectAttrValue("Id", "")
}

// properties finds the element in which the signer says who she is and when she signs.
func (d *document) properties() (*etree.Element, error) {
	var found *etree.Element
	for _, object := range d.signature.ChildElements() {
		if !is(object, nsDSig, "Object") {
			continue
		}
		qualifying, err := only(object, nsXAdES, "QualifyingProperties")
		if err != nil {
			return nil, err
		}
		if found != nil {
			return nil, fmt.Errorf("%w: its signature has more than one object", ErrForm)
		}
		if target := qualifying.SelectAttrValue("Target", ""); target != "#"+idOf(d.signature) {
			return nil, fmt.Errorf("%w: the signer's properties belong to another signature", ErrForm)
		}
		if found, err = only(qualifying, nsXAdES, "SignedProperties"); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: it is signed without XAdES", ErrForm)
	}
	return found, nil
}

// readProperties reads the signed bytes of SignedProperties: they must name the signer's
// certificate, and a time at which it was valid.
func readProperties(canonical []byte, by *x509.Certificate) (time.Time, error) {
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(canonical); err != nil {
		return time.Time{}, fmt.Errorf("%w: %v", ErrForm, err)
	}
	said, err := only(tree.Root(), nsXAdES, "SignedSignatureProperties")
	if err != nil {
		return time.Time{}, err
	}
	when, err := only(said, nsXAdES, "SigningTime")
	if err != nil {
		return time.Time{}, err
	}
	at, err := instant(text(when))
	if err != nil {
		return at, err
	}
	if at.Before(by.NotBefore) || at.After(by.NotAfter) {
		return at, fmt.Errorf("%w: its certificate was not valid when it was signed", ErrSigner)
	}
	for _, e := range said.ChildElements() {
		if !is(e, nsXAdES, "SigningCertificate") && !is(e, nsXAdES, "SigningCertificateV2") {
			continue
		}
		cert, err := only(e, nsXAdES, "Cert")
		if err != nil {
			return at, err
		}
		digest, err := only(cert, nsXAdES, "CertDigest")
		if err != nil {
			return at, err
		}
		alg, err := only(digest, nsDSig, "DigestMethod")
		if err != nil {
			return at, err
		}
		value, err := only(digest, nsDSig, "DigestValue")
		if err != nil {
			return at, err
		}
		want, err := base64Of(text(value))
		if err != nil || !bytes.Equal(want, fingerprint(alg.SelectAttrValue("Algorithm", ""), by.Raw)) {
			return at, fmt.Errorf("%w: the signature names another certificate", ErrSigner)
		}
		return at, nil
	}
	return at, fmt.Errorf("%w: the signature names no certificate", ErrSigner)
}

// fingerprint may be SHA-1: it names a certificate that is pinned by SHA-256.
func fingerprint(alg string, der []byte) []byte {
	switch digests[alg] {
	case crypto.SHA256:
		sum := sha256.Sum256(der)
		return sum[:]
	case crypto.SHA384:
		sum := sha512.Sum384(der)
		return sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(der)
		return sum[:]
	}
	if alg == algSHA1 {
		sum := sha1.Sum(der)
		return sum[:]
	}
	return nil
}

func certificate(s string) (*x509.Certificate, error) {
	der, err := base64Of(s)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// base64Of allows space anywhere, as XML Schema does, and nothing else.
func base64Of(s string) ([]byte, error) {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s)
	return base64.StdEncoding.Strict().DecodeString(s)
}

func instant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %q is no time", ErrForm, s)
}

package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Sign seals r: it sets the headers Digest, Signature and TPP-Signature-Certificate. headers
// are signed in their order; those that r does not have are left out. key belongs to
// cert, and is RSA or ECDSA.
func Sign(r Request, cert *x509.Certificate, key crypto.Signer, headers []string) error {
	if cert == nil || key == nil {
		return errors.New("httpsig: no certificate or no key to sign with")
	}
	if public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(key.Public()) {
		return errors.New("httpsig: the key does not belong to the certificate")
	}
	w, err := ownWay(cert.PublicKey)
	if err != nil {
		return err
	}
	r.Header.Set(HeaderDigest, Digest(r.Body))
	r.Header.Set(HeaderCertificate, base64.StdEncoding.EncodeToString(cert.Raw))
	var s Signature
	var signed lines
	for _, name := range headers {
		name = strings.ToLower(name)
		if value, ok := s.value(r, name); ok {
			signed = append(signed, line{name, value})
			s.Headers = append(s.Headers, name)
		}
	}
	if len(signed) == 0 {
		return errors.New("httpsig: the request has none of the headers that are to be signed")
	}
	value, err := key.Sign(rand.Reader, w.sum(signed.text(usual)), w.hash)
	if err != nil {
		return fmt.Errorf("httpsig: %w", err)
	}
	r.Header.Set(HeaderSignature, fmt.Sprintf(`keyId="%s",algorithm="%s",headers="%s",signature="%s"`,
		KeyID(cert), w.name, strings.Join(s.Headers, " "), base64.StdEncoding.EncodeToString(value)))
	return nil
}

// ownWay is how Sign uses a key: as every verifier can read it.
func ownWay(key any) (way, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsaSHA256, nil
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 384:
			return ecdsaSHA384, nil
		case 521:
			return ecdsaSHA512, nil
		}
		return ecdsaSHA256, nil
	}
	return way{}, fmt.Errorf("httpsig: a key of type %T cannot seal", key)
}

// KeyID returns what names cert in keyId: SN in hexadecimal, CA as the most specific
// attribute first, in RFC 2253. Everything but letters, digits and a few signs is encoded
// as in URLs, as the Berlin Group's examples have it: so it stays ASCII, and needs no
// quoting that somebody might read differently.
func KeyID(cert *x509.Certificate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SN=%X,CA=", cert.SerialNumber)
	names := cert.Issuer.Names
	for i := len(names) - 1; i >= 0; i-- {
		if i < len(names)-1 {
			b.WriteByte(',')
		}
		b.WriteString(writtenType(names[i].Type.String()))
		b.WriteByte('=')
		encodeValue(&b, fmt.Sprint(names[i].Value))
	}
	return b.String()
}

// writtenType returns the name of an attribute if every reader of RFC 2253 knows it.
func writtenType(oid string) string {
	if name := shortName(oid); slices.Contains([]string{"CN", "C", "O", "OU", "L", "ST", "STREET", "DC", "UID"}, name) {
		return name
	}
	return oid
}

func encodeValue(b *strings.Builder, value string) {
	for i, r := range value {
		special := strings.ContainsRune(`,+"\<>;=`, r) || i == 0 && (r == '#' || r == ' ') || i == len(value)-1 && r == ' '
		switch {
		case special:
			fmt.Fprintf(b, "%%5C%%%02X", r) // a backslash, and the character
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._~/:()'@&*!", r):
			b.WriteRune(r)
		default:
			for _, c := range utf8.AppendRune(nil, r) {
				fmt.Fprintf(b, "%%%02X", c)
			}
		}
	}
}

// Seal is Sign for an outgoing request whose body is known.
func Seal(req *http.Request, body []byte, cert *x509.Certificate, key crypto.Signer, headers []string) error {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	return Sign(Request{Method: req.Method, Target: req.URL.RequestURI(), Host: host, Header: req.Header, Body: body}, cert, key, headers)
}

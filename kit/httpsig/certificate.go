package httpsig

import (
	"crypto/sha256"
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"sync"
)

const (
	certificateMax  = 32 << 10 // bytes of the header: a leaf and its chain in PEM fit
	certificatesMax = 8
)

// ParseCertificate returns the certificate of a TPP-Signature-Certificate header: the first,
// when there is a chain. See ParseCertificates.
func ParseCertificate(header string) (*x509.Certificate, error) {
	certs, err := ParseCertificates(header)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

// ParseCertificates returns what a TPP-Signature-Certificate header has: the certificate,
// and the chain if there is one behind it. It reads base64 of the DER, base64 of a PEM
// file, and PEM itself, with its line breaks replaced by blanks or by nothing, with or
// without BEGIN and END, URL-encoded or not.
//
// The error is ErrMissing, ErrFormat or ErrCertificate.
func ParseCertificates(header string) ([]*x509.Certificate, error) {
	if strings.TrimSpace(header) == "" {
		return nil, failed(ErrMissing, PartCertificate, "the header is not there")
	}
	if len(header) > certificateMax {
		return nil, failed(ErrFormat, PartCertificate, "the header is longer than %d bytes", certificateMax)
	}
	der, ok := unwrap(header, 0)
	if !ok {
		return nil, failed(ErrFormat, PartCertificate, "it is neither the base64 of a certificate's DER nor PEM")
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil {
		return nil, failed(ErrCertificate, PartCertificate, "the certificate cannot be read (%v)", err)
	}
	if len(certs) == 0 || len(certs) > certificatesMax {
		return nil, failed(ErrFormat, PartCertificate, "there are %d certificates, not 1 to %d", len(certs), certificatesMax)
	}
	return certs, nil
}

// unwrap takes off PEM, URL-encoding and base64, in whatever order they were put on, until
// DER appears.
func unwrap(s string, depth int) (der []byte, ok bool) {
	const depthMax = 3 // URL-encoded base64 of PEM is the deepest that is seen
	if depth > depthMax {
		return nil, false
	}
	s = strings.TrimSpace(s)
	if strings.Contains(s, "%") {
		decode := url.PathUnescape
		if strings.Contains(s, "BEGIN+CERTIFICATE") { // as forms are encoded: + is a blank
			decode = url.QueryUnescape
		}
		if plain, err := decode(s); err == nil {
			return unwrap(plain, depth+1)
		}
		return nil, false
	}
	s = lineBreaks.Replace(s)
	const begin, end = "BEGINCERTIFICATE-----", "-----END" // as they are without the blank
	if !strings.Contains(s, begin) {
		return unwrapBase64(s, depth)
	}
	for range certificatesMax + 1 {
		_, rest, found := strings.Cut(s, begin)
		if !found {
			break
		}
		var body string
		body, s, _ = strings.Cut(rest, end)
		one, ok := unwrapBase64(body, depthMax) // inside PEM there is DER and nothing else
		if !ok {
			return nil, false
		}
		der = append(der, one...)
	}
	return der, len(der) > 0
}

func unwrapBase64(s string, depth int) ([]byte, bool) {
	raw, err := decodeBase64(s)
	switch {
	case err != nil || len(raw) == 0:
		return nil, false
	case raw[0] == 0x30: // a SEQUENCE, so this is DER; neither PEM nor base64 of DER begins with the character 0
		return raw, true
	}
	return unwrap(string(raw), depth+1)
}

// lineBreaks takes off white space, also such that was escaped and never unescaped.
var lineBreaks = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", `\r`, "", `\n`, "")

// A Memory keeps certificates that were read, because a TPP sends the same one with every
// request, and reading it costs as much as half of the verification. It is bounded, and says
// nothing about trust. The zero value is ready; it may be used by many goroutines.
type Memory struct {
	mu             sync.Mutex
	younger, elder map[[sha256.Size]byte][]*x509.Certificate
}

// Certificates is ParseCertificates from memory. What is in the result is shared; appending
// to it is safe.
func (m *Memory) Certificates(header string) ([]*x509.Certificate, error) {
	if len(header) > certificateMax {
		return ParseCertificates(header)
	}
	key := sha256.Sum256([]byte(header))
	m.mu.Lock()
	certs, young := m.younger[key]
	if !young {
		certs = m.elder[key]
	}
	m.mu.Unlock()
	if certs == nil {
		var err error
		if certs, err = ParseCertificates(header); err != nil {
			return nil, err
		}
		certs = slices.Clip(certs)
	}
	if !young {
		m.put(key, certs)
	}
	return certs, nil
}

// put keeps two generations: when the younger is full the elder is forgotten, and what is
// in use moves up again.
func (m *Memory) put(key [sha256.Size]byte, certs []*x509.Certificate) {
	const generationMax = 256
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.younger == nil || len(m.younger) >= generationMax {
		m.elder, m.younger = m.younger, make(map[[sha256.Size]byte][]*x509.Certificate)
	}
	m.younger[key] = certs
}

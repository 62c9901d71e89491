package httpsig

import (
	"crypto/x509"
	"math/big"
	"net/url"
	"slices"
	"strings"
)

// setKeyID takes keyId apart. raw is the value as it stood between the quotes.
func (s *Signature) setKeyID(raw string) error {
	s.rawKeyID = raw
	s.KeyID = raw
	if strings.Contains(raw, `\`) {
		s.KeyID = unquote.Replace(raw)
	}
	for _, reading := range s.readings() {
		var ok bool
		if s.Serial, s.Issuer, ok = splitKeyID(reading); ok {
			return nil
		}
	}
	return failed(ErrFormat, PartKeyID, "it is not written as SN=<serial number>,CA=<name of the issuer>")
}

var unquote = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// readings returns what keyId may mean. Some escape quotes and backslashes as the header
// demands and some put a name there as it is; some encode it as in URLs. A name that is right
// in any reading is right: keyId proves nothing, it only has to agree with the certificate.
func (s Signature) readings() []string {
	all := make([]string, 0, 5)
	add := func(reading string, err error) {
		if err == nil && !slices.Contains(all, reading) {
			all = append(all, reading)
		}
	}
	if strings.Contains(s.KeyID, "%") { // first, because hardly any name has this sign
		add(url.PathUnescape(s.KeyID))
		add(url.PathUnescape(s.rawKeyID))
	}
	add(s.KeyID, nil)
	add(s.rawKeyID, nil)
	if strings.Contains(s.KeyID, "+") {
		add(url.QueryUnescape(s.rawKeyID))
	}
	return all
}

// splitKeyID understands SN=…,CA=… in either order, with DN= or ISSUER= for CA=.
func splitKeyID(keyID string) (serial, issuer string, ok bool) {
	keyID = strings.TrimSpace(keyID)
	rest, ok := cutPrefixFold(keyID, "SN=")
	if ok {
		i := strings.IndexAny(rest, ",;")
		if i < 0 {
			return "", "", false
		}
		serial, issuer = rest[:i], strings.TrimLeft(rest[i:], ",; ")
		issuer, _ = cutIssuer(issuer)
	} else if rest, ok = cutIssuer(keyID); ok {
		i := strings.LastIndex(strings.ToUpper(rest), "SN=")
		if i < 0 || len(strings.ToUpper(rest)) != len(rest) {
			return "", "", false
		}
		serial, issuer = rest[i+len("SN="):], strings.TrimRight(rest[:i], ",; ")
	}
	serial, issuer = strings.TrimSpace(serial), strings.TrimSpace(issuer)
	return serial, issuer, serial != "" && issuer != ""
}

// cutIssuer takes off the word that introduces the issuer. Without it a name stands there
// directly.
func cutIssuer(s string) (string, bool) {
	for _, word := range []string{"CA=", "DN=", "ISSUER="} {
		if rest, ok := cutPrefixFold(s, word); ok {
			return rest, true
		}
	}
	return s, false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// Names checks that keyId speaks of cert: the serial number, hexadecimal or decimal, and
// the name of the issuer. They are compared as values, whatever their notation. A name may
// leave attributes out, as some give the common name alone; what it has must agree.
//
// The error is ErrSignature, or ErrMissing when cert is nil.
func (s Signature) Names(cert *x509.Certificate) error {
	if cert == nil {
		return failed(ErrMissing, PartCertificate, "there is no certificate")
	}
	var err error
	for _, reading := range s.readings() {
		serial, issuer, ok := splitKeyID(reading)
		if !ok {
			continue
		}
		if !sameSerial(serial, cert.SerialNumber) {
			err = failed(ErrSignature, PartKeyID, "the serial number is %s, but that of the certificate is %X (decimal %d)", shown(serial), cert.SerialNumber, cert.SerialNumber)
			continue
		}
		why := disagreement(issuer, cert.Issuer)
		if why == "" {
			return nil
		}
		if disagreement(issuer, cert.Subject) == "" {
			why = "CA names the holder of the certificate, not its issuer"
		}
		err = failed(ErrSignature, PartKeyID, "%s", why)
	}
	if err == nil { // a Signature that Parse has not made
		return failed(ErrFormat, PartKeyID, "it is not written as SN=<serial number>,CA=<name of the issuer>")
	}
	return err
}

// sameSerial says whether written, read as hexadecimal or as decimal, is serial. Digits
// alone may be either, so both are tried.
func sameSerial(written string, serial *big.Int) bool {
	const digitsMax = 80
	if len(written) > digitsMax || serial == nil {
		return false
	}
	digits := strings.Map(func(r rune) rune {
		if r == ':' || r == ' ' || r == '-' {
			return -1
		}
		return r
	}, written)
	digits, _ = cutPrefixFold(digits, "0x")
	for _, base := range []int{16, 10} {
		if n, ok := new(big.Int).SetString(digits, base); ok && n.Sign() >= 0 && n.Cmp(serial) == 0 {
			return true
		}
	}
	return false
}

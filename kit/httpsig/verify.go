package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256.New and its relatives
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kontor/kit/eidas"
)

// textMax bounds the text that is signed.
const textMax = 64 << 10

// Verify checks the signature over r with the key of cert. Each name in required has to be
// among the signed headers, and each in requiredIfPresent when r has that header with a
// value. More may be signed.
//
// It does not compare the body with its digest (VerifyDigest) nor keyId with cert (Names),
// and does not judge whose cert is. The error is ErrSignature, ErrFormat, ErrMissing when
// cert is nil, or ErrCertificate when its key is too weak.
func (s Signature) Verify(r Request, cert *x509.Certificate, required, requiredIfPresent []string) error {
	if cert == nil {
		return failed(ErrMissing, PartCertificate, "there is no certificate")
	}
	for _, name := range required {
		if !slices.Contains(s.Headers, strings.ToLower(name)) {
			return failed(ErrSignature, PartHeaders, "%s is not signed, but has to be", strings.ToLower(name))
		}
	}
	for _, name := range requiredIfPresent {
		present := slices.ContainsFunc(r.Header.Values(name), func(v string) bool { return v != "" })
		if present && !slices.Contains(s.Headers, strings.ToLower(name)) {
			return failed(ErrSignature, PartHeaders, "%s is sent and not signed, but has to be", strings.ToLower(name))
		}
	}
	if err := eidas.SoundKey(cert.PublicKey); err != nil {
		return failed(ErrCertificate, PartCertificate, "%v", err)
	}
	ways, err := waysOf(s.Algorithm, cert.PublicKey)
	if err != nil {
		return err
	}
	lines, err := s.lines(r)
	if err != nil {
		return err
	}
	text := lines.text(usual)
	for _, w := range ways {
		if w.verify(cert.PublicKey, text, s.Value) {
			return nil
		}
	}
	return failed(ErrSignature, PartSignature, "the certificate's key has not signed the values of %q in this order%s", strings.Join(s.Headers, " "), s.explain(r, lines, cert.PublicKey, ways))
}

// A line of the text that is signed.
type line struct{ name, value string }

type lines []line

// lines returns the signed headers with their values.
func (s Signature) lines(r Request) (lines, error) {
	l := make(lines, 0, len(s.Headers))
	size := 0
	for _, name := range s.Headers {
		value, ok := s.value(r, name)
		if !ok {
			return nil, failed(ErrSignature, name, "it is signed but not sent")
		}
		if size += len(name) + len(value); size > textMax {
			return nil, failed(ErrFormat, PartHeaders, "the signed headers are longer than %d bytes", textMax)
		}
		l = append(l, line{name, value})
	}
	return l, nil
}

// value returns the value of one signed header. Several of one name are joined in their order.
func (s Signature) value(r Request, name string) (string, bool) {
	switch name {
	case "(request-target)":
		return strings.ToLower(r.Method) + " " + r.Target, r.Target != ""
	case "(created)":
		return s.created, s.created != ""
	case "(expires)":
		return s.expires, s.expires != ""
	}
	values := r.Header[http.CanonicalHeaderKey(name)]
	switch {
	case len(values) == 1:
		return strings.Trim(values[0], " \t"), true
	case len(values) > 1:
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Trim(v, " \t")
		}
		return strings.Join(trimmed, ", "), true
	case name == "host" && r.Host != "":
		return r.Host, true
	case name == "content-length":
		return strconv.Itoa(len(r.Body)), true
	}
	return "", false
}

// A style is how lines become text. Only the usual one is right.
type style struct{ colon, feed, end string }

var usual = style{colon: ": ", feed: "\n"}

func (l lines) text(s style) []byte {
	size := len(s.end)
	for _, line := range l {
		size += len(line.name) + len(s.colon) + len(line.value) + len(s.feed)
	}
	text := make([]byte, 0, size)
	for i, line := range l {
		if i > 0 {
			text = append(text, s.feed...)
		}
		text = append(text, line.name...)
		text = append(text, s.colon...)
		text = append(text, line.value...)
	}
	return append(text, s.end...)
}

// A way is one way of making a signature with a key of a given kind.
type way struct {
	name string // as a TPP would write it
	hash crypto.Hash
	pss  bool // RSA only
}

func (w way) sum(text []byte) []byte {
	if w.hash == 0 {
		return text
	}
	h := w.hash.New()
	h.Write(text)
	return h.Sum(nil)
}

func (w way) verify(key any, text, value []byte) bool { return w.verifySum(key, w.sum(text), value) }

func (w way) verifySum(key any, sum, value []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if w.pss {
			return rsa.VerifyPSS(k, w.hash, sum, value, nil) == nil // a salt of any length
		}
		return rsa.VerifyPKCS1v15(k, w.hash, sum, value) == nil
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, sum, value) {
			return true
		}
		// As JWS has it: r and s, one behind the other.
		size := (k.Curve.Params().BitSize + 7) / 8
		if len(value) != 2*size {
			return false
		}
		return ecdsa.Verify(k, sum, new(big.Int).SetBytes(value[:size]), new(big.Int).SetBytes(value[size:]))
	case ed25519.PublicKey:
		return ed25519.Verify(k, sum, value)
	}
	return false
}

var (
	rsaSHA256   = way{"rsa-sha256", crypto.SHA256, false}
	rsaSHA384   = way{"rsa-sha384", crypto.SHA384, false}
	rsaSHA512   = way{"rsa-sha512", crypto.SHA512, false}
	pssSHA256   = way{"rsa-pss-sha256", crypto.SHA256, true}
	pssSHA384   = way{"rsa-pss-sha384", crypto.SHA384, true}
	pssSHA512   = way{"rsa-pss-sha512", crypto.SHA512, true}
	ecdsaSHA256 = way{"ecdsa-sha256", crypto.SHA256, false}
	ecdsaSHA384 = way{"ecdsa-sha384", crypto.SHA384, false}
	ecdsaSHA512 = way{"ecdsa-sha512", crypto.SHA512, false}
	edwards     = way{"ed25519", 0, false}
)

// waysOf returns what algorithm means for key: usually one way; several where the algorithm
// leaves it to the key. It goes by the names of the draft, of X.509, of Java and of JWS, of
// which only letters and digits count.
func waysOf(algorithm string, key any) ([]way, error) {
	const lengthMax = 64
	if len(algorithm) > lengthMax {
		return nil, failed(ErrFormat, PartAlgorithm, "its name is longer than %d characters", lengthMax)
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, algorithm)
	var ways []way
	rsaKey, ecdsaKey, edwardsKey := false, false, false
	switch key.(type) {
	case *rsa.PublicKey:
		rsaKey = true
	case *ecdsa.PublicKey:
		ecdsaKey = true
	case ed25519.PublicKey:
		edwardsKey = true
	}
	pick := func(fits bool, w ...way) {
		if fits {
			ways = w
		}
	}
	switch name {
	case "hs2019", "":
		pick(rsaKey, rsaSHA256, pssSHA512, pssSHA256, rsaSHA512)
		pick(ecdsaKey, ecdsaSHA256, ecdsaSHA512, ecdsaSHA384)
		pick(edwardsKey, edwards)
	case "sha256":
		pick(rsaKey, rsaSHA256, pssSHA256)
		pick(ecdsaKey, ecdsaSHA256)
	case "sha384":
		pick(rsaKey, rsaSHA384, pssSHA384)
		pick(ecdsaKey, ecdsaSHA384)
	case "sha512":
		pick(rsaKey, rsaSHA512, pssSHA512)
		pick(ecdsaKey, ecdsaSHA512)
	case "rsasha256", "sha256rsa", "sha256withrsa", "sha256withrsaencryption", "rs256", "rsav15sha256":
		pick(rsaKey, rsaSHA256)
	case "rsasha384", "sha384rsa", "sha384withrsa", "sha384withrsaencryption", "rs384":
		pick(rsaKey, rsaSHA384)
	case "rsasha512", "sha512rsa", "sha512withrsa", "sha512withrsaencryption", "rs512":
		pick(rsaKey, rsaSHA512)
	case "rsapss", "rsassapss":
		pick(rsaKey, pssSHA256, pssSHA512, pssSHA384)
	case "rsapsssha256", "rsassapsssha256", "sha256withrsaandmgf1", "ps256":
		pick(rsaKey, pssSHA256)
	case "rsapsssha384", "rsassapsssha384", "sha384withrsaandmgf1", "ps384":
		pick(rsaKey, pssSHA384)
	case "rsapsssha512", "rsassapsssha512", "sha512withrsaandmgf1", "ps512":
		pick(rsaKey, pssSHA512)
	case "ecdsasha256", "sha256ecdsa", "sha256withecdsa", "ecdsawithsha256", "ecdsap256sha256", "es256":
		pick(ecdsaKey, ecdsaSHA256)
	case "ecdsasha384", "sha384ecdsa", "sha384withecdsa", "ecdsawithsha384", "ecdsap384sha384", "es384":
		pick(ecdsaKey, ecdsaSHA384)
	case "ecdsasha512", "sha512ecdsa", "sha512withecdsa", "ecdsawithsha512", "es512":
		pick(ecdsaKey, ecdsaSHA512)
	case "ed25519", "eddsa":
		pick(edwardsKey, edwards)
	default:
		if strings.Contains(name, "sha1") || strings.Contains(name, "md5") {
			return nil, failed(ErrSignature, PartAlgorithm, "%s is too weak; SHA-256 or better is needed", shown(algorithm))
		}
		return nil, failed(ErrSignature, PartAlgorithm, "%s is not known; rsa-sha256, rsa-sha512, ecdsa-sha256 and their kin are", shown(algorithm))
	}
	if len(ways) == 0 {
		return nil, failed(ErrSignature, PartAlgorithm, "%s does not fit the key of the certificate", shown(algorithm))
	}
	return ways, nil
}

package jws

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// bitsMin is the least size of a key; RFC 7518 section 3.3 wants it.
const bitsMin = 2048

// ErrKey is the reason why a key is not taken.
var ErrKey = errors.New("key cannot be used")

// ParsePrivate reads an RSA private key in PEM, PKCS#8 or PKCS#1. A key in one line, with
// "\n" written out for its line feeds, is fine: environment variables hold them like that.
func ParsePrivate(text string) (*rsa.PrivateKey, error) {
	der, kind, err := block(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch kind {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	default:
		return nil, fmt.Errorf("%w: PEM holds %.40q, not a private key", ErrKey, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the private key is damaged", ErrKey) // the cause could quote the key
	}
	k, ok := key.(*rsa.PrivateKey)
	if !ok || k.N.BitLen() < bitsMin {
		return nil, fmt.Errorf("%w: an RSA key of at least %d bits is needed", ErrKey, bitsMin)
	}
	return k, nil
}

// ParsePublic reads an RSA public key in PEM (SPKI), in one line or several, or the key of
// a certificate.
func ParsePublic(text string) (*rsa.PublicKey, error) {
	der, kind, err := block(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch kind {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(der)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(der)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(der); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, fmt.Errorf("%w: PEM holds %.40q, not a public key", ErrKey, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k, ok := key.(*rsa.PublicKey)
	if !ok || k.N.BitLen() < bitsMin {
		return nil, fmt.Errorf("%w: an RSA key of at least %d bits is needed", ErrKey, bitsMin)
	}
	return k, nil
}

func block(text string) (der []byte, kind string, err error) {
	b, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if b == nil {
		return nil, "", fmt.Errorf("%w: not PEM", ErrKey)
	}
	return b.Bytes, b.Type, nil
}

// PublicPEM renders key as connectors are given it.
func PublicPEM(key *rsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// JWKS renders keys as a JWK set; each is named by its RFC 7638 thumbprint.
func JWKS(keys ...*rsa.PublicKey) []byte {
	type jwk struct {
		KTY string `json:"kty"`
		Use string `json:"use"`
		Alg string `json:"alg"`
		KID string `json:"kid"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, k := range keys {
		n := base64.RawURLEncoding.EncodeToString(k.N.Bytes())
		e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())
		sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
		set.Keys = append(set.Keys, jwk{"RSA", "sig", "RS256", base64.RawURLEncoding.EncodeToString(sum[:]), n, e})
	}
	b, err := json.Marshal(set)
	if err != nil {
		panic("a set of texts cannot be written: " + err.Error())
	}
	return b
}

package trustlist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"testing"
)

// No genuine list at hand is signed by RSA-PSS or over SHA-512; newer ones are.
func TestMethods(t *testing.T) {
	t.Parallel()
	digest := sha512.Sum512([]byte("list"))
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss, err := rsa.SignPSS(rand.Reader, strong, crypto.SHA512, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := rsa.SignPKCS1v15(nil, strong, crypto.SHA512, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	r, s, err := ecdsa.Sign(rand.Reader, curve, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	pair := append(r.FillBytes(make([]byte, 66)), s.FillBytes(make([]byte, 66))...)
	asn1, err := ecdsa.SignASN1(rand.Reader, curve, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	const more = "http://www.w3.org/2001/04/xmldsig-more#"
	for _, tt := range []struct {
		name, method string
		key          any
		signature    []byte
		good         bool
	}{
		{"RSA", more + "rsa-sha512", strong.Public(), plain, true},
		{"RSA-PSS", "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", strong.Public(), pss, true},
		{"ECDSA", more + "ecdsa-sha512", curve.Public(), pair, true},
		{"RSA-PSS that calls itself RSA", more + "rsa-sha512", strong.Public(), pss, false},
		{"RSA over another digest", more + "rsa-sha256", strong.Public(), plain, false},
		{"ECDSA in ASN.1", more + "ecdsa-sha512", curve.Public(), asn1, false},
		{"ECDSA of half a length", more + "ecdsa-sha512", curve.Public(), pair[:66], false},
		{"ECDSA for an RSA key", more + "ecdsa-sha512", strong.Public(), pair, false},
		{"RSA for a curve", more + "rsa-sha512", curve.Public(), plain, false},
		{"nothing", more + "rsa-sha512", strong.Public(), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, ok := methods[tt.method]
			if !ok {
				t.Fatal("no such method")
			}
			if err := m.verify(tt.key, digest[:], tt.signature); (err == nil) != tt.good {
				t.Errorf("got %v", err)
			}
		})
	}
}

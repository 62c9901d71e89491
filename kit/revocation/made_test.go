package revocation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"kontor/kit/revocation"
)

// subject is the certificate of the answer; where only the answer is known, one that has
// nothing but the serial number that the answer names.
func subject(t *testing.T, name string, answer []byte) *x509.Certificate {
	t.Helper()
	if name != "" {
		return cert(t, name)
	}
	r, err := ocsp.ParseResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{SerialNumber: r.SerialNumber}
}

func madeAt(answer []byte) time.Time {
	if r, err := ocsp.ParseResponse(answer, nil); err == nil {
		return r.ThisUpdate.Add(time.Minute)
	}
	return time.Time{}
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func issue(t *testing.T, by *party, template x509.Certificate) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)
	template.BasicConstraintsValid = true
	parent, signer := &template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &party{c, key}
}

func TestWhoMaySpeakForTheIssuer(t *testing.T) {
	t.Parallel()
	ca := issue(t, nil, x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	other := issue(t, nil, x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign})
	forOCSP := []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	responder := issue(t, ca, x509.Certificate{SerialNumber: big.NewInt(2), ExtKeyUsage: forOCSP})
	neighbour := issue(t, ca, x509.Certificate{SerialNumber: big.NewInt(3), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	stranger := issue(t, other, x509.Certificate{SerialNumber: big.NewInt(4), ExtKeyUsage: forOCSP})
	leaf := issue(t, ca, x509.Certificate{SerialNumber: big.NewInt(9), CRLDistributionPoints: []string{"http://crl.example/1"}})
	for _, tt := range []struct {
		name     string
		by       *party
		embedded *x509.Certificate
		template ocsp.Response
		revoked  bool
		err      error
	}{
		{"the issuer itself", ca, nil, ocsp.Response{}, false, nil},
		{"the issuer, with its certificate", ca, ca.cert, ocsp.Response{}, false, nil},
		{"a responder of the issuer", responder, responder.cert, ocsp.Response{}, false, nil},
		{"another holder of a certificate of the issuer", neighbour, neighbour.cert, ocsp.Response{}, false, revocation.ErrSigner},
		{"a responder of another issuer", stranger, stranger.cert, ocsp.Response{}, false, revocation.ErrSigner},
		{"a responder that keeps its certificate to itself", responder, nil, ocsp.Response{}, false, revocation.ErrSigner},
		{"nobody knows the certificate", ca, nil, ocsp.Response{Status: ocsp.Unknown}, false, revocation.ErrUnknown},
		{"an answer of the future", ca, nil, ocsp.Response{ThisUpdate: noon.Add(time.Hour)}, false, revocation.ErrStale},
		{"revoked an hour ago", ca, nil, ocsp.Response{Status: ocsp.Revoked, RevokedAt: noon.Add(-time.Hour)}, true, nil},
		{"revoked an hour later", ca, nil, ocsp.Response{Status: ocsp.Revoked, RevokedAt: noon.Add(time.Hour)}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			template := tt.template
			template.SerialNumber, template.Certificate = leaf.cert.SerialNumber, tt.embedded
			if template.ThisUpdate.IsZero() {
				template.ThisUpdate = noon.Add(-time.Hour)
			}
			template.NextUpdate = template.ThisUpdate.Add(24 * time.Hour)
			der, err := ocsp.CreateResponse(ca.cert, tt.by.cert, template, tt.by.key)
			if err != nil {
				t.Fatal(err)
			}
			a, err := revocation.OCSP(der, leaf.cert, ca.cert, noon)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && a.Revoked != tt.revoked {
				t.Errorf("revoked: %v", a.Revoked)
			}
		})
	}
	crl := func(serial int64, extra ...pkix.Extension) []byte {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(time.Hour), ExtraExtensions: extra,
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: noon.Add(-2 * time.Hour), ReasonCode: 1}},
		}, ca.cert, ca.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	point := func(location string) pkix.Extension {
		// IssuingDistributionPoint { distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] } } }
		name := append([]byte{0x86, byte(len(location))}, location...)
		full := append([]byte{0xa0, byte(len(name))}, name...)
		choice := append([]byte{0xa0, byte(len(full))}, full...)
		return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: append([]byte{0x30, byte(len(choice))}, choice...)}
	}
	for _, tt := range []struct {
		name    string
		crl     []byte
		revoked bool
		err     error
	}{
		{"in the list", crl(9), true, nil},
		{"not in the list", crl(8), false, nil},
		{"in the list of its own distribution point", crl(9, point("http://crl.example/1")), true, nil},
		{"the list of another distribution point", crl(8, point("http://crl.example/2")), false, revocation.ErrOther},
		{"a list of changes only", crl(8, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}), false, revocation.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := revocation.CRL(tt.crl, leaf.cert, ca.cert, noon)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && (a.Revoked != tt.revoked || a.Revoked && a.Reason != 1) {
				t.Errorf("revoked: %v, reason %d", a.Revoked, a.Reason)
			}
		})
	}
	good, err := ocsp.CreateResponse(ca.cert, ca.cert, ocsp.Response{SerialNumber: big.NewInt(9), ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)}, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := revocation.Check(leaf.cert, ca.cert, [][]byte{good}, [][]byte{crl(9)}, noon); err != nil || !a.Revoked {
		t.Errorf("a CRL that revokes counts beside an OCSP answer that does not: %+v, %v", a, err)
	}
	if a, err := revocation.Check(leaf.cert, ca.cert, [][]byte{[]byte("x")}, [][]byte{crl(8)}, noon); err != nil || a.Source != "CRL" {
		t.Errorf("a CRL stands in for an OCSP answer of no use: %+v, %v", a, err)
	}
}

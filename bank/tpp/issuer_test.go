package tpp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"kontor/bank/tpp"
)

// A sandbox CA issues nothing of these shapes, so they are made by hand: the subject and
// the statements are those of a good certificate.
func TestIssuersOfOtherShapes(t *testing.T) {
	good := issue(t, newCA(t), nil)[0]
	for _, tt := range []struct {
		name   string
		change func(issuer, leaf *x509.Certificate, issuerKey *crypto.Signer)
		err    error
	}{
		{"a good leaf of a good issuer", func(_, _ *x509.Certificate, _ *crypto.Signer) {}, nil},
		{"an issuer with a weak key", func(_, _ *x509.Certificate, key *crypto.Signer) {
			weak, err := rsa.GenerateKey(rand.Reader, 1024)
			if err != nil {
				t.Fatal(err)
			}
			*key = weak
		}, tpp.ErrCertificateInvalid},
		{"an issuer that is no CA", func(issuer, _ *x509.Certificate, _ *crypto.Signer) { issuer.IsCA = false }, tpp.ErrCertificateInvalid},
		{"an issuer that has expired", func(issuer, _ *x509.Certificate, _ *crypto.Signer) { issuer.NotAfter = now.Add(-time.Minute) }, tpp.ErrCertificateInvalid},
		{"a CA that calls itself a TPP", func(_, leaf *x509.Certificate, _ *crypto.Signer) { leaf.IsCA = true }, tpp.ErrCertificateInvalid},
		{"a critical extension that nobody knows", func(_, leaf *x509.Certificate, _ *crypto.Signer) {
			leaf.ExtraExtensions = append(leaf.ExtraExtensions, pkix.Extension{Id: []int{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}, Critical: true, Value: []byte{5, 0}})
		}, tpp.ErrCertificateInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rootKey, issuerKey, leafKey := newKey(t), newKey(t), newKey(t)
			root := authority("Root")
			issuer := authority("Issuer")
			leaf := &x509.Certificate{
				SerialNumber: big.NewInt(3), RawSubject: good.RawSubject, NotBefore: good.NotBefore, NotAfter: good.NotAfter, BasicConstraintsValid: true,
			}
			for _, e := range good.Extensions {
				if e.Id.String() == "1.3.6.1.5.5.7.1.3" {
					leaf.ExtraExtensions = append(leaf.ExtraExtensions, e)
				}
			}
			tt.change(issuer, leaf, &issuerKey)
			rootCert := sign(t, root, root, rootKey, rootKey)
			issuerCert := sign(t, issuer, rootCert, issuerKey, rootKey)
			chain := []*x509.Certificate{sign(t, leaf, issuerCert, leafKey, issuerKey), issuerCert}
			roots := x509.NewCertPool()
			roots.AddCert(rootCert)
			trust := &tpp.Trust{Roots: roots, Now: func() time.Time { return now }}
			if _, err := trust.Identify(t.Context(), chain); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			// The same issuer, had the operator configured it.
			trust = &tpp.Trust{Roots: roots, Intermediates: x509.NewCertPool(), Now: func() time.Time { return now }}
			trust.Intermediates.AddCert(issuerCert)
			if _, err := trust.Identify(t.Context(), chain[:1]); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("configured: got %v, want %v", err, tt.err)
			}
		})
	}
}

func TestOnlyTheFirstPresentedCertificatesCount(t *testing.T) {
	ca, stranger := newCA(t), newCA(t)
	chain := issue(t, ca, nil)
	trust := trust(ca)
	trust.Intermediates = nil
	long := append(append(chain[:1:1], repeat(stranger.Issuing, 100)...), ca.Issuing)
	if _, err := trust.Identify(t.Context(), long); !errors.Is(err, tpp.ErrCertificateInvalid) {
		t.Errorf("got %v, want %v", err, tpp.ErrCertificateInvalid)
	}
}

// The roots of the operating system cannot be made to trust a test certificate, so the
// log has to show that they were not asked.
func TestNobodyIsTrustedWithoutAnchors(t *testing.T) {
	var log bytes.Buffer
	empty := &tpp.Trust{Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if _, err := empty.Identify(t.Context(), issue(t, newCA(t), nil)); !errors.Is(err, tpp.ErrCertificateInvalid) {
		t.Errorf("got %v, want %v", err, tpp.ErrCertificateInvalid)
	}
	if !strings.Contains(log.String(), "there are no anchors") {
		t.Errorf("other roots were asked: %s", &log)
	}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
}

func sign(t *testing.T, template, parent *x509.Certificate, own, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, own.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

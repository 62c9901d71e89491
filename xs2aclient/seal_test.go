package xs2aclient_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
	"kontor/xs2aclient"
)

func TestSealedRequestsVerify(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"consentStatus":"received","consentId":"c1","accounts":[]}`))
	for _, algorithm := range []eidas.KeyAlgorithm{eidas.ECDSA, eidas.RSA} {
		seal := qsealc(t, algorithm)
		c := b.client(t, func(cfg *xs2aclient.Config) { cfg.Seal, cfg.SealAlso = &seal, []string{"Date", "Digest"} }).
			WithConsent("c1").WithPSU(xs2aclient.PSU{ID: "ana"})
		for _, tt := range []struct {
			name   string
			call   func() error
			signed string
		}{
			{"a read", func() error { _, err := c.Accounts(t.Context(), true); return err }, "digest x-request-id psu-id date"},
			{"a consent", func() error {
				_, err := c.CreateConsent(t.Context(), xs2aclient.ConsentRequest{Access: xs2aclient.BankOffered()}, xs2aclient.Redirects{URI: "https://tpp.example/ok"})
				return err
			}, "digest x-request-id psu-id tpp-redirect-uri date"},
			{"the end of a consent", func() error { return c.DeleteConsent(t.Context(), "c1") }, "digest x-request-id psu-id date"},
		} {
			t.Run(string(algorithm)+"/"+tt.name, func(t *testing.T) {
				if err := tt.call(); err != nil {
					t.Fatal(err)
				}
				h := b.asked.Header
				s, err := httpsig.Parse(h.Get("Signature"))
				if err != nil {
					t.Fatal(err)
				}
				if signed := strings.Join(s.Headers, " "); signed != tt.signed {
					t.Errorf("signed %q, not %q", signed, tt.signed)
				}
				cert, err := httpsig.ParseCertificate(h.Get("TPP-Signature-Certificate"))
				if err != nil {
					t.Fatal(err)
				}
				r := httpsig.Request{Method: b.asked.Method, Target: b.asked.RequestURI, Header: h, Body: b.body}
				if err := errors.Join(httpsig.VerifyDigest(h.Get("Digest"), b.body), s.Names(cert), s.Verify(r, cert, nil, nil)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestWithoutSealNothingIsSigned(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"accounts":[]}`))
	if _, err := b.client(t, nil).Accounts(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Digest", "Signature", "TPP-Signature-Certificate"} {
		if _, sent := b.asked.Header[name]; sent || b.asked.Header.Get(name) != "" {
			t.Errorf("%s is sent", name)
		}
	}
}

func TestSealThatCannotSignIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	seal := qsealc(t, eidas.ECDSA)
	other := qsealc(t, eidas.ECDSA)
	for _, tt := range []struct {
		name string
		seal tls.Certificate
	}{
		{"no certificate", tls.Certificate{PrivateKey: seal.PrivateKey}},
		{"no key", tls.Certificate{Certificate: seal.Certificate}},
		{"a certificate that is none", tls.Certificate{Certificate: [][]byte{{0x30, 0}}, PrivateKey: seal.PrivateKey}},
		{"the key of another certificate", tls.Certificate{Certificate: seal.Certificate, PrivateKey: other.PrivateKey}},
	} {
		if _, err := xs2aclient.New(xs2aclient.Config{BaseURL: "https://bank.example", Seal: &tt.seal}); err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
	}
}

func qsealc(t *testing.T, key eidas.KeyAlgorithm) tls.Certificate {
	t.Helper()
	ca, err := eidas.NewCA("Kontor Test", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := ca.Issue(eidas.Request{
		Kind: eidas.QSealC, Organization: "Lipa d.o.o.", OrganizationIdentifier: "PSDSI-BS-1234567", Roles: []eidas.Role{eidas.AI}, Key: key,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued.TLS()
}

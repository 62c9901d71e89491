package tpp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/tpp"
	"kontor/kit/eidas"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newCA(t testing.TB) *eidas.CA {
	t.Helper()
	ca, err := eidas.NewCA("Kontor Test", now, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca.Now = func() time.Time { return now }
	return ca
}

// trust knows ca and stands still at now.
func trust(ca *eidas.CA) *tpp.Trust {
	return &tpp.Trust{Roots: ca.Roots(), Intermediates: ca.Intermediates(), Now: func() time.Time { return now }}
}

// issue returns the chain that a TPP presents for a good QWAC with change applied.
func issue(t testing.TB, ca *eidas.CA, change func(*eidas.Request)) []*x509.Certificate {
	t.Helper()
	r := eidas.Request{
		Kind:                   eidas.QWAC,
		Organization:           "Lipa Plačila d.o.o.",
		OrganizationIdentifier: "PSDSI-BS-7-10-26",
		Roles:                  []eidas.Role{eidas.AI},
		DNSNames:               []string{"lipa.example.com"},
	}
	if change != nil {
		change(&r)
	}
	issued, err := ca.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{issued.Cert, issued.Issuer}
}

func defect(d eidas.Defect) func(*eidas.Request) { return func(r *eidas.Request) { r.Defect = d } }

func seal(r *eidas.Request) { r.Kind, r.DNSNames = eidas.QSealC, nil }

func TestIdentify(t *testing.T) {
	ca, stranger := newCA(t), newCA(t)
	good := issue(t, ca, nil)
	for _, tt := range []struct {
		name  string
		chain []*x509.Certificate
		err   error
	}{
		{"a good certificate with its issuer", good, nil},
		{"a good certificate alone", good[:1], nil},
		{"a good certificate with a foreign one behind it", append(good[:1:1], stranger.Issuing), nil},
		{"a good certificate with a hundred behind it", append(good[:1:1], repeat(stranger.Issuing, 100)...), nil},
		{"a good certificate with a hole behind it", []*x509.Certificate{good[0], nil}, nil},
		{"no certificate", nil, tpp.ErrCertificateMissing},
		{"a hole in place of a certificate", []*x509.Certificate{nil}, tpp.ErrCertificateMissing},
		{"expired", issue(t, ca, defect(eidas.Expired)), tpp.ErrCertificateExpired},
		{"expired and of an unknown issuer is called expired", issue(t, stranger, defect(eidas.Expired)), tpp.ErrCertificateExpired},
		{"not yet valid", issue(t, ca, defect(eidas.NotYetValid)), tpp.ErrCertificateExpired},
		{"unknown issuer", issue(t, stranger, nil), tpp.ErrCertificateInvalid},
		{"unknown issuer that presents its own root", append(issue(t, stranger, nil), stranger.Root), tpp.ErrCertificateInvalid},
		{"self-signed", []*x509.Certificate{selfSigned(t)}, tpp.ErrCertificateInvalid},
		{"the issuing CA itself", []*x509.Certificate{ca.Issuing}, tpp.ErrCertificateInvalid},
		{"the anchor itself", []*x509.Certificate{ca.Root}, tpp.ErrCertificateInvalid},
		{"a seal in place of a website certificate", issue(t, ca, seal), tpp.ErrCertificateInvalid},
		{"no PSD2 statement", issue(t, ca, defect(eidas.NoStatement)), tpp.ErrCertificateInvalid},
		{"a role with the name of another", issue(t, ca, defect(eidas.RoleNameMismatch)), tpp.ErrCertificateInvalid},
		{"no claim to be qualified", issue(t, ca, defect(eidas.NotQualified)), tpp.ErrCertificateInvalid},
		{"a weak key", issue(t, ca, defect(eidas.WeakKey)), tpp.ErrCertificateInvalid},
		{"an authority in no country", issue(t, ca, func(r *eidas.Request) { r.OrganizationIdentifier, r.Country = "PSDXX-NCA-1", "SI" }), tpp.ErrCertificateInvalid},
		{"an authority other than that of the identifier", issue(t, ca, func(r *eidas.Request) { r.NCAId = "RO-NBR" }), tpp.ErrCertificateInvalid},
		{"the server certificate of a listener", server(t, ca), tpp.ErrCertificateInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := trust(ca)
			for _, round := range []string{"first time", "from memory"} {
				got, err := trust.Identify(t.Context(), tt.chain)
				if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
					t.Fatalf("%s: got %v, want %v", round, err, tt.err)
				}
				if err != nil {
					if got.ID != "" || got.Roles != nil {
						t.Errorf("%s: a TPP came with the error: %+v", round, got)
					}
					continue
				}
				if got.ID != "PSDSI-BS-7-10-26" || got.Name != "Lipa Plačila d.o.o." || got.NCAId != "SI-BS" || got.DNSNames[0] != "lipa.example.com" || !got.NotAfter.Equal(tt.chain[0].NotAfter) {
					t.Errorf("%s: got %+v", round, got)
				}
			}
		})
	}
}

func TestSelfSignedIsRefusedEvenAsAnchor(t *testing.T) {
	cert := selfSigned(t)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	trust := &tpp.Trust{Roots: roots, Now: func() time.Time { return now }}
	if _, err := trust.Identify(t.Context(), []*x509.Certificate{cert}); !errors.Is(err, tpp.ErrCertificateInvalid) {
		t.Errorf("got %v, want %v", err, tpp.ErrCertificateInvalid)
	}
}

func TestRenewedCertificateIsTheSameTPP(t *testing.T) {
	ca := newCA(t)
	trust := trust(ca)
	before, err := trust.Identify(t.Context(), issue(t, ca, nil))
	if err != nil {
		t.Fatal(err)
	}
	after, err := trust.Identify(t.Context(), issue(t, ca, func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.PI} }))
	if err != nil {
		t.Fatal(err)
	}
	if before.ID != after.ID || before.Thumbprint == after.Thumbprint {
		t.Errorf("got %s %s, then %s %s", before.ID, before.Thumbprint, after.ID, after.Thumbprint)
	}
	if err := after.May(eidas.AI); !errors.Is(err, tpp.ErrRole) {
		t.Errorf("the role of the old certificate is still given: %v", err)
	}
}

func TestIdentifyTLS(t *testing.T) {
	ca := newCA(t)
	trust := trust(ca)
	if _, err := trust.IdentifyTLS(t.Context(), nil); !errors.Is(err, tpp.ErrCertificateMissing) {
		t.Errorf("no TLS: got %v", err)
	}
	if _, err := trust.IdentifyTLS(t.Context(), &tls.ConnectionState{}); !errors.Is(err, tpp.ErrCertificateMissing) {
		t.Errorf("no certificate: got %v", err)
	}
	if _, err := trust.IdentifyTLS(t.Context(), &tls.ConnectionState{PeerCertificates: issue(t, ca, nil)}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRememberedDoesNotOutliveItsReasons(t *testing.T) {
	ca := newCA(t)
	clock := now
	var blocked, revoked bool
	var unreachable error
	asked := 0
	trust := trust(ca)
	trust.Now = func() time.Time { return clock }
	trust.Blocked = func(id tpp.ID) bool { return blocked && id == "PSDSI-BS-7-10-26" }
	trust.Revoked = func(_ context.Context, leaf, issuer *x509.Certificate) error {
		asked++
		if err := leaf.CheckSignatureFrom(issuer); err != nil {
			t.Errorf("asked with an issuer that is not the leaf's: %v", err)
		}
		if revoked {
			return fmt.Errorf("%w: key compromise", tpp.ErrCertificateRevoked)
		}
		return unreachable
	}
	chain := issue(t, ca, func(r *eidas.Request) { r.NotAfter = now.Add(time.Minute) })
	step := func(name string, want error) {
		t.Helper()
		if _, err := trust.Identify(t.Context(), chain); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	step("valid", nil)
	blocked = true
	step("blocked a moment later", tpp.ErrCertificateBlocked)
	blocked, revoked = false, true
	step("revoked a moment later", tpp.ErrCertificateRevoked)
	revoked, unreachable = false, errors.New("no route to the responder")
	step("revocation unknown and the plan is to refuse", tpp.ErrCertificateInvalid)
	unreachable = nil
	clock = now.Add(time.Minute)
	step("in its last second", nil)
	clock = now.Add(time.Minute + time.Second)
	step("past its end, although remembered for ten minutes", tpp.ErrCertificateExpired)
	clock = chain[0].NotBefore.Add(-time.Second)
	step("before its beginning, after the clock was set back", tpp.ErrCertificateExpired)
	clock = now
	step("valid again", nil)
	if asked == 0 {
		t.Error("nobody asked whether it is revoked")
	}
}

func TestChainIsVerifiedAgainAfterTenMinutes(t *testing.T) {
	ca := newCA(t)
	clock := now
	var log bytes.Buffer
	trust := trust(ca)
	trust.Now = func() time.Time { return clock }
	trust.Intermediates = nil
	trust.Log = slog.New(slog.NewTextHandler(&log, nil))
	chain := issue(t, ca, nil)
	if _, err := trust.Identify(t.Context(), chain); err != nil {
		t.Fatal(err)
	}
	// Without its issuer the leaf can be identified from memory only.
	clock = now.Add(10*time.Minute - time.Second)
	if _, err := trust.Identify(t.Context(), chain[:1]); err != nil {
		t.Errorf("after less than ten minutes: %v", err)
	}
	clock = now.Add(10 * time.Minute)
	if _, err := trust.Identify(t.Context(), chain[:1]); !errors.Is(err, tpp.ErrCertificateInvalid) {
		t.Errorf("after ten minutes: got %v, want %v", err, tpp.ErrCertificateInvalid)
	}
	if !strings.Contains(log.String(), "unknown authority") || strings.Contains(log.String(), "Lipa") {
		t.Errorf("the log has the cause and no holder: %s", &log)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	ca := newCA(t)
	trust := trust(ca)
	var chains [][]*x509.Certificate
	for i := range 8 {
		chains = append(chains, issue(t, ca, func(r *eidas.Request) { r.OrganizationIdentifier = fmt.Sprintf("PSDSI-BS-%d", i) }))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				for i, chain := range chains {
					got, err := trust.Identify(t.Context(), chain)
					if want := tpp.ID(fmt.Sprintf("PSDSI-BS-%d", i)); err != nil || got.ID != want {
						t.Errorf("got %s, %v; want %s", got.ID, err, want)
					}
				}
			}
		})
	}
	wg.Wait()
}

// The collected certificates of real issuers are not part of the repository.
func TestGenuineCertificates(t *testing.T) {
	const fixtures = "../../../shared/fixtures/eidas/real"
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("not beside this repository: ", fixtures)
	}
	for _, tt := range []struct {
		name, leaf, issuer string
		at                 time.Time
		id                 tpp.ID
	}{
		{"a TPP of the FCA", "qwac-safeconnect-gb-fca-827001-ai-pi.pem", "issuer-multicert-ssl-ca-001.pem", time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC), "PSDGB-FCA-827001"},
		{"a bank of the CNB", "qwac-creditas-cz-cnb-63492555-as-pi-ai-ic.pem", "issuer-ica-ssl-ev-ca-rsa-10-2017.pem", time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC), "PSDCZ-CNB-63492555"},
		{"a bank of the HNB", "qwac-partnerbanka-hr-hnb-71221608291-as.pem", "issuer-fina-rdc-2015.pem", time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC), "PSDHR-HNB-71221608291"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			roots := x509.NewCertPool()
			roots.AddCert(read(t, filepath.Join(fixtures, tt.issuer)))
			trust := &tpp.Trust{Roots: roots, Now: func() time.Time { return tt.at }}
			got, err := trust.Identify(t.Context(), []*x509.Certificate{read(t, filepath.Join(fixtures, tt.leaf))})
			if err != nil || got.ID != tt.id {
				t.Errorf("got %s, %v; want %s", got.ID, err, tt.id)
			}
		})
	}
}

func BenchmarkIdentify(b *testing.B) {
	ca := newCA(b)
	chain := issue(b, ca, nil)
	remembered := trust(ca)
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := remembered.Identify(b.Context(), chain); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			if _, err := trust(ca).Identify(b.Context(), chain); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func read(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func server(t *testing.T, ca *eidas.CA) []*x509.Certificate {
	t.Helper()
	issued, err := ca.IssueServer([]string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{issued.Cert, issued.Issuer}
}

func selfSigned(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lipa.example.com"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func repeat(cert *x509.Certificate, n int) (all []*x509.Certificate) {
	for range n {
		all = append(all, cert)
	}
	return all
}

package revocation_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/revocation"
)

// fixtures is where genuine answers lie, seen from this folder.
const fixtures = "../../../shared/fixtures/eidas/ocsp-crl"

func file(t *testing.T, name string) []byte {
	t.Helper()
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("not beside this repository: ", fixtures)
	}
	data, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func cert(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	data := file(t, name)
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	c, err := x509.ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestGenuineAnswers(t *testing.T) {
	t.Parallel()
	const (
		harica, haricaCA         = "qwac-www.harica.gr.cer", "issuer-harica-qwac-rsa.cer"
		commission, commissionCA = "qseal-european-commission-ec-cnect.crt", "issuer-quovadis-belgium-issuing-ca-g2.crt"
		digicertCA               = "issuer-digicert-sha2-secure-server-ca.crt"
	)
	for _, tt := range []struct {
		name, answer, leaf, issuer string
		when                       string // "": a minute after the answer was made
		revoked                    bool
		rule                       string
		err                        error
	}{
		{"a QWAC that its issuer calls good is not revoked", "ocsp-good-www.harica.gr.der", harica, haricaCA, "", false, "", nil},
		{"an answer that ended says nothing", "ocsp-good-www.harica.gr.der", harica, haricaCA, "2026-03-01", false, "", revocation.ErrStale},
		{"an answer about another certificate says nothing", "ocsp-good-www.harica.gr.der", commission, commissionCA, "", false, "", revocation.ErrOther},
		{"an answer signed by another issuer says nothing", "ocsp-good-www.harica.gr.der", harica, commissionCA, "", false, "", revocation.ErrSigner},
		{"a delegated responder speaks for its issuer", "ocsp-response-sha256.der", commission, commissionCA, "", false, "", nil},
		{"a certificate named by SHA-1 is a finding", "ocsp-response-eucrt-sha1.der", commission, commissionCA, "", false, "ocsp-certid-sha1", nil},
		{"a revoked certificate is revoked", "ocsp-response-revoked-sha256.der", "", digicertCA, "", true, "", nil},
		{"and stays so when the answer has ended", "ocsp-response-revoked-sha1.der", "", digicertCA, "2026-03-01", true, "", nil},
		{"a seal that is not in its issuer's CRL is not revoked", "crl-quovadis-belgium-issuing-ca-g2.crl", commission, commissionCA, "2019-10-23", false, "", nil},
		{"a CRL that ended says nothing", "crl-quovadis-belgium-issuing-ca-g2.crl", commission, commissionCA, "2026-03-01", false, "", revocation.ErrStale},
		{"a CRL of another issuer says nothing", "crl-quovadis-belgium-issuing-ca-g2.crl", harica, haricaCA, "2019-10-23", false, "", revocation.ErrOther},
		{"what is no answer says nothing", "issuer-harica-qwac-rsa.cer", harica, haricaCA, "", false, "", revocation.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data, issuer := file(t, tt.answer), cert(t, tt.issuer)
			leaf := subject(t, tt.leaf, data)
			now := madeAt(data)
			if tt.when != "" {
				now = at(tt.when)
			}
			read := revocation.OCSP
			if strings.HasPrefix(tt.answer, "crl") {
				read = revocation.CRL
			}
			a, err := read(data, leaf, issuer, now)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if a.Revoked != tt.revoked {
				t.Errorf("revoked %v at %s", a.Revoked, a.RevokedAt)
			}
			if tt.rule != "" && !slices.ContainsFunc(a.Findings, func(f eidas.Finding) bool { return f.Rule == tt.rule }) {
				t.Errorf("findings: %v", a.Findings)
			}
		})
	}
}

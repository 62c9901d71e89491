package xs2a_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/bank/consent/consenttest"
	"kontor/bank/tpp"
	"kontor/edge/xs2a"
	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

// sealed issues certificates that a bank of the test trusts, at the time of the test's world.
type sealed struct {
	ca    *eidas.CA
	trust *tpp.Trust
}

func newSealed(t *testing.T) sealed {
	t.Helper()
	ca, err := eidas.NewCA("Kontor Test", consenttest.Noon, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sealed{ca, &tpp.Trust{Roots: ca.Roots(), Intermediates: ca.Intermediates(), Now: func() time.Time { return consenttest.Noon }}}
}

func (s sealed) issue(t *testing.T, id string, key eidas.KeyAlgorithm, change func(*eidas.Request)) eidas.Issued {
	t.Helper()
	r := eidas.Request{
		Kind: eidas.QSealC, Organization: "Fin Pregled d.o.o.", OrganizationIdentifier: id, Roles: []eidas.Role{eidas.AI}, Key: key,
		NotBefore: consenttest.Noon.Add(-time.Hour),
	}
	if change != nil {
		change(&r)
	}
	issued, err := s.ca.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// identify gives the callers of the desk, who have no certificates, what theirs would say.
func (s sealed) identify(ctx context.Context, chain []*x509.Certificate, caller tpp.TPP) (tpp.TPP, error) {
	caller.NCAId = "SI-BS"
	return s.trust.IdentifySeal(ctx, chain, caller)
}

const consentBody = `{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"2026-05-01","frequencyPerDay":4,"combinedServiceIndicator":false}`

func TestSignedRequests(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	const own = "PSDSI-BS-1234567"
	rsa, ec := s.issue(t, own, eidas.RSA, nil), s.issue(t, own, eidas.ECDSA, nil)
	stranger := s.issue(t, "PSDSI-BS-7654321", eidas.ECDSA, nil)
	payer := s.issue(t, own, eidas.ECDSA, func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.PI} })
	old := s.issue(t, own, eidas.ECDSA, func(r *eidas.Request) {
		r.NotBefore, r.NotAfter = consenttest.Noon.AddDate(0, -3, 0), consenttest.Noon.AddDate(0, -1, 0)
	})
	elsewhere := newSealed(t).issue(t, own, eidas.ECDSA, nil)
	usual := []string{"digest", "x-request-id", "tpp-redirect-uri"}

	for _, c := range []struct {
		name     string
		optional bool // the profile does not ask for a signature
		by       *eidas.Issued
		headers  []string
		change   func(http.Header)
		body     string // in place of what was signed
		status   int
		code     string
		path     string
	}{
		{name: "with RSA", by: &rsa, headers: usual, status: 201},
		{name: "with an elliptic curve", by: &ec, headers: usual, status: 201},
		{name: "with the request target too", by: &ec, headers: append([]string{"(request-target)"}, usual...), status: 201},
		{name: "by who need not", optional: true, by: &ec, headers: usual, status: 201},
		{name: "not at all, where that is needed", status: 401, code: "SIGNATURE_MISSING", path: "Signature"},
		{name: "not at all, where that is not needed", optional: true, status: 201},
		{name: "wrongly by who need not", optional: true, by: &ec, headers: usual, body: consentBody + " ", status: 401, code: "SIGNATURE_INVALID", path: "Digest"},
		{name: "without the certificate", by: &ec, headers: usual, change: del("TPP-Signature-Certificate"), status: 401, code: "CERTIFICATE_MISSING", path: "TPP-Signature-Certificate"},
		{name: "with a certificate that is none", by: &ec, headers: usual, change: set("TPP-Signature-Certificate", "none"), status: 401, code: "CERTIFICATE_INVALID", path: "TPP-Signature-Certificate"},
		{name: "without the digest", by: &ec, headers: usual, change: del("Digest"), status: 401, code: "SIGNATURE_INVALID", path: "Digest"},
		{name: "with another body", by: &ec, headers: usual, body: strings.Replace(consentBody, "true", "false", 1), status: 401, code: "SIGNATURE_INVALID", path: "Digest"},
		{name: "with another header than was signed", by: &ec, headers: usual, change: set("TPP-Redirect-URI", "https://tpp.example/other"), status: 401, code: "SIGNATURE_INVALID", path: "Signature"},
		{name: "leaving out a header that has to be signed", by: &ec, headers: []string{"digest", "x-request-id"}, status: 401, code: "SIGNATURE_INVALID", path: "headers"},
		{name: "with a signature that is none", by: &ec, headers: usual, change: set("Signature", "none"), status: 401, code: "SIGNATURE_INVALID", path: "Signature"},
		{name: "with the certificate of another key", by: &ec, headers: usual, change: certificateOf(rsa), status: 401, code: "SIGNATURE_INVALID", path: "keyId"},
		{name: "by another TPP", by: &stranger, headers: usual, status: 401, code: "CERTIFICATE_INVALID"},
		{name: "in another role", by: &payer, headers: usual, status: 401, code: "CERTIFICATE_INVALID"},
		{name: "by a certificate that has expired", by: &old, headers: usual, status: 401, code: "CERTIFICATE_EXPIRED"},
		{name: "by a certificate of nobody's", by: &elsewhere, headers: usual, status: 401, code: "CERTIFICATE_INVALID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := openDesk(t, "standard", func(a *xs2a.API) {
				a.Bank.Signature.Required = !c.optional
				a.IdentifySeal = s.identify
			})
			h := http.Header{"Tpp-Redirect-Uri": {"https://tpp.example/cb"}, "X-Request-Id": {"7a0ce21d-4ba4-4d6f-b6d4-1d6b6b6a8a11"}}
			if c.by != nil {
				r := httpsig.Request{Method: "POST", Target: "/v1/consents", Header: h, Body: []byte(consentBody)}
				if err := httpsig.Sign(r, c.by.Cert, c.by.Key, c.headers); err != nil {
					t.Fatal(err)
				}
			}
			if c.change != nil {
				c.change(h)
			}
			body := consentBody
			if c.body != "" {
				body = c.body
			}
			w := d.ask("POST", "/v1/consents", body, h)
			want := ""
			if c.code != "" {
				want = fmt.Sprintf(`"code":%q`, c.code)
				if c.path != "" {
					want += fmt.Sprintf(`,"path":%q`, c.path)
				}
			}
			if w.Code != c.status || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%d %s\nwant %d %s", w.Code, w.Body, c.status, want)
			}
		})
	}
}

func set(name, value string) func(http.Header) {
	return func(h http.Header) { h.Set(name, value) }
}
func del(name string) func(http.Header) { return func(h http.Header) { h.Del(name) } }

func certificateOf(other eidas.Issued) func(http.Header) {
	return set("TPP-Signature-Certificate", base64.StdEncoding.EncodeToString(other.Cert.Raw))
}

// Where the profile looks at it, a signed request must say when it was made.
func TestSignedRequestsOfAnotherTime(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	seal := s.issue(t, "PSDSI-BS-1234567", eidas.ECDSA, nil)
	for date, status := range map[string]int{
		consenttest.Noon.Format(http.TimeFormat):                        200,
		consenttest.Noon.Add(-10 * time.Minute).Format(http.TimeFormat): 400,
		consenttest.Noon.Add(10 * time.Minute).Format(http.TimeFormat):  400,
		"yesterday": 400,
	} {
		d := openDesk(t, "standard", func(a *xs2a.API) {
			a.Bank.Signature.DateWindow = 5 * time.Minute
			a.IdentifySeal = s.identify
		})
		created := d.ask("POST", "/v1/consents", consentBody, http.Header{})
		var consent struct{ ConsentID string }
		if err := json.Unmarshal(created.Body.Bytes(), &consent); err != nil {
			t.Fatal(err)
		}
		h := http.Header{"X-Request-Id": {"7a0ce21d-4ba4-4d6f-b6d4-1d6b6b6a8a12"}, "Date": {date}}
		if err := httpsig.Sign(httpsig.Request{Method: "GET", Header: h}, seal.Cert, seal.Key, []string{"digest", "x-request-id", "date"}); err != nil {
			t.Fatal(err)
		}
		w := d.ask("GET", "/v1/consents/"+consent.ConsentID+"/status", "", h)
		if w.Code != status || status == 400 && !strings.Contains(w.Body.String(), "TIMESTAMP_INVALID") {
			t.Errorf("%s: %d %s", date, w.Code, w.Body)
		}
	}
}

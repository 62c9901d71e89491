package httpsig_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

// seals are issued once: RSA keys take their time.
var seals = sync.OnceValues(func() (map[eidas.KeyAlgorithm]eidas.Issued, error) {
	ca, err := eidas.NewCA("Kontor Test", time.Now(), nil)
	if err != nil {
		return nil, err
	}
	all := map[eidas.KeyAlgorithm]eidas.Issued{}
	for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
		if all[key], err = ca.Issue(eidas.Request{
			Kind: eidas.QSealC, Organization: "Lipa d.o.o.", OrganizationIdentifier: "PSDSI-BS-1234567", Roles: []eidas.Role{eidas.AI}, Key: key,
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
})

func seal(t testing.TB, key eidas.KeyAlgorithm) eidas.Issued {
	t.Helper()
	all, err := seals()
	if err != nil {
		t.Fatal(err)
	}
	return all[key]
}

// A way is how one TPP seals; the text that is signed is put together here anew, from the
// draft and not by the package that is tested.
type way struct {
	name        string
	scheme      string // before keyId
	keyID       func(*x509.Certificate) string
	algorithm   string // empty: by the key
	hash        crypto.Hash
	headers     string
	certificate func(eidas.Issued) string
	raw         bool // ECDSA as r || s
	pss         bool
}

func (w way) seal(t testing.TB, r httpsig.Request, i eidas.Issued) {
	t.Helper()
	if w.hash == 0 {
		w.hash = crypto.SHA256
	}
	digest := sha256.Sum256(r.Body)
	r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(digest[:]))
	if w.hash == crypto.SHA512 {
		digest := sha512.Sum512(r.Body)
		r.Header.Set("Digest", "SHA-512="+base64.StdEncoding.EncodeToString(digest[:]))
	}
	var text []string
	for name := range strings.SplitSeq(w.headers, " ") {
		if name == "(request-target)" {
			text = append(text, name+": "+strings.ToLower(r.Method)+" "+r.Target)
			continue
		}
		text = append(text, name+": "+r.Header.Get(name))
	}
	h := w.hash.New()
	h.Write([]byte(strings.Join(text, "\n")))
	var options crypto.SignerOpts = w.hash
	if w.pss {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: w.hash}
	}
	value, err := i.Key.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := w.algorithm
	if key, ok := i.Key.(*ecdsa.PrivateKey); ok {
		if strings.Contains(strings.ToLower(algorithm), "rsa") {
			algorithm = "ecdsa-sha256"
			if w.hash == crypto.SHA512 {
				algorithm = "ecdsa-sha512"
			}
		}
		if w.raw {
			r, s, err := ecdsa.Sign(rand.Reader, key, h.Sum(nil))
			if err != nil {
				t.Fatal(err)
			}
			value = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	}
	r.Header.Set("Signature", fmt.Sprintf(`%skeyId="%s",algorithm="%s",headers="%s",signature="%s"`,
		w.scheme, w.keyID(i.Cert), algorithm, w.headers, base64.StdEncoding.EncodeToString(value)))
	r.Header.Set("TPP-Signature-Certificate", w.certificate(i))
}

// verify does what a bank does with a sealed request.
func verify(r httpsig.Request) error {
	if err := httpsig.VerifyDigest(r.Header.Get("Digest"), r.Body); err != nil {
		return err
	}
	s, err := httpsig.Parse(r.Header.Get("Signature"))
	if err != nil {
		return err
	}
	cert, err := httpsig.ParseCertificate(r.Header.Get("TPP-Signature-Certificate"))
	if err != nil {
		return err
	}
	if err := s.Names(cert); err != nil {
		return err
	}
	return s.Verify(r, cert, []string{"digest", "x-request-id"}, []string{"PSU-ID", "PSU-Corporate-ID", "TPP-Redirect-URI"})
}

func request(method, target string, body []byte) httpsig.Request {
	return httpsig.Request{Method: method, Target: target, Body: body, Header: http.Header{
		"X-Request-Id":     {"99391c7e-ad88-49ec-a2ad-99ddcb1f7721"},
		"Psu-Id":           {"ana"},
		"Tpp-Redirect-Uri": {"https://lipa.example/back?state=1&x=%20"},
		"Date":             {"Sun, 06 Nov 2033 08:49:37 GMT"},
		"Content-Type":     {"application/json"},
	}}
}

func derBase64(i eidas.Issued) string { return base64.StdEncoding.EncodeToString(i.Cert.Raw) }

func pemOf(i eidas.Issued) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Cert.Raw}))
}

// ways are the four that were seen in the field, and what the standard itself shows.
var ways = []way{
	{
		name: "hexadecimal serial, common name, sorted headers, sha-256",
		keyID: func(c *x509.Certificate) string {
			return fmt.Sprintf("SN=%X,CA=CN=%s", c.SerialNumber, c.Issuer.CommonName)
		},
		algorithm: "sha-256", headers: "digest psu-id tpp-redirect-uri x-request-id", certificate: derBase64,
	},
	{
		name: "scheme word, decimal serial, DN in slashes, PEM file in base64", scheme: "Signature ",
		keyID: func(c *x509.Certificate) string {
			return fmt.Sprintf("SN=%d,DN=/CN=%s", c.SerialNumber, c.Issuer.CommonName)
		},
		algorithm: "rsa-sha256", headers: "digest date x-request-id psu-id tpp-redirect-uri",
		certificate: func(i eidas.Issued) string { return base64.StdEncoding.EncodeToString(i.ChainPEM) },
	},
	{
		name: "lower-case serial, RFC 2253 with %20, PEM in one line",
		keyID: func(c *x509.Certificate) string {
			return fmt.Sprintf("SN=%x,CA=%s", c.SerialNumber, strings.ReplaceAll(c.Issuer.String(), " ", "%20"))
		},
		algorithm: "rsa-sha256", headers: "digest x-request-id psu-id date tpp-redirect-uri",
		certificate: func(i eidas.Issued) string { return strings.ReplaceAll(strings.TrimSpace(pemOf(i)), "\n", " ") },
	},
	{
		name: "request target, sha256RSA, PEM without line breaks, blanks between the attributes",
		keyID: func(c *x509.Certificate) string {
			return fmt.Sprintf("SN=%d,CA=CN=%s, O=%s, C=%s", c.SerialNumber, c.Issuer.CommonName, c.Issuer.Organization[0], c.Issuer.Country[0])
		},
		algorithm: "sha256RSA", headers: "(request-target) date digest x-request-id psu-id tpp-redirect-uri",
		certificate: func(i eidas.Issued) string { return strings.ReplaceAll(pemOf(i), "\n", "") },
	},
	{
		name: "SHA-512, URL-encoded certificate", keyID: httpsig.KeyID, algorithm: "rsa-sha512", hash: crypto.SHA512,
		headers:     "digest x-request-id psu-id tpp-redirect-uri",
		certificate: func(i eidas.Issued) string { return url.QueryEscape(pemOf(i)) },
	},
	{
		name: "hs2019, and r and s as JWS has them", keyID: httpsig.KeyID, algorithm: "hs2019", raw: true,
		headers: "digest x-request-id psu-id tpp-redirect-uri", certificate: derBase64,
	},
}

func TestEveryWayOfSealingVerifies(t *testing.T) {
	t.Parallel()
	form, formType := form(t)
	for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
		for _, w := range ways {
			for _, tt := range []struct {
				name    string
				request httpsig.Request
			}{
				{"a read, which has no body", request("GET", "/psd2/lon/v1/accounts?withBalance=true", nil)},
				{"JSON", request("POST", "/psd2/lon/v1/consents", []byte(`{"access":{"allPsd2":"allAccounts"},"š":1}`))},
				{"multipart", request("POST", "/psd2/lon/v1/periodic-payments/pain.001-sepa-credit-transfers", form)},
			} {
				t.Run(string(key)+"/"+w.name+"/"+tt.name, func(t *testing.T) {
					t.Parallel()
					if tt.name == "multipart" {
						tt.request.Header.Set("Content-Type", formType)
					}
					w.seal(t, tt.request, seal(t, key))
					if err := verify(tt.request); err != nil {
						t.Error(err)
					}
					tt.request.Header.Set("X-Request-ID", "99391c7e-ad88-49ec-a2ad-99ddcb1f7722")
					if err := verify(tt.request); !errors.Is(err, httpsig.ErrSignature) {
						t.Errorf("with another X-Request-ID: got %v", err)
					}
				})
			}
		}
	}
}

func form(t *testing.T) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := errors.Join(w.WriteField("xml_sct", "<Document/>"), w.WriteField("json_standingorderType", `{"startDate":"2033-01-01"}`), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

func TestOwnSealsVerify(t *testing.T) {
	t.Parallel()
	for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
		i := seal(t, key)
		r := request("GET", "/psd2/lon/v1/accounts", nil)
		if err := httpsig.Sign(r, i.Cert, i.Key, []string{"Digest", "X-Request-ID", "PSU-ID", "PSU-Corporate-ID", "TPP-Redirect-URI"}); err != nil {
			t.Fatal(err)
		}
		if err := verify(r); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if s, err := httpsig.Parse(r.Header.Get("Signature")); err != nil || strings.Join(s.Headers, " ") != "digest x-request-id psu-id tpp-redirect-uri" {
			t.Errorf("%s: signed %q, %v", key, s.Headers, err)
		}
	}
	if err := httpsig.Sign(request("GET", "/", nil), seal(t, eidas.RSA).Cert, seal(t, eidas.ECDSA).Key, []string{"digest"}); err == nil {
		t.Error("a key that belongs to another certificate was used")
	}
}

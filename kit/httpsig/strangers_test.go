package httpsig_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

// Seals that OpenSSL makes, as a TPP would in a shell script.
func TestSealsByOpenSSL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	for _, tt := range []struct {
		name, algorithm string
		key             eidas.KeyAlgorithm
		arguments       []string
	}{
		{"RSA", "rsa-sha256", eidas.RSA, []string{"-sha256"}},
		{"RSA and SHA-512", "rsa-sha512", eidas.RSA, []string{"-sha512"}},
		{"RSA with PSS", "hs2019", eidas.RSA, []string{"-sha512", "-sigopt", "rsa_padding_mode:pss"}},
		{"ECDSA", "ecdsa-sha256", eidas.ECDSA, []string{"-sha256"}},
		{"ECDSA and SHA-384", "ecdsa-sha384", eidas.ECDSA, []string{"-sha384"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := seal(t, tt.key)
			_, keyFile, err := i.Save(t.TempDir(), "seal")
			if err != nil {
				t.Fatal(err)
			}
			r := request("POST", "/psd2/lon/v1/consents", []byte(`{"access":{}}`))
			openssl := func(stdin string, arguments ...string) string {
				c := exec.Command("openssl", arguments...)
				c.Stdin = strings.NewReader(stdin)
				out, err := c.Output()
				if err != nil {
					t.Fatal(err)
				}
				return base64.StdEncoding.EncodeToString(out)
			}
			r.Header.Set("Digest", "SHA-256="+openssl(string(r.Body), "dgst", "-sha256", "-binary"))
			text := fmt.Sprintf("digest: %s\nx-request-id: %s\npsu-id: ana\ntpp-redirect-uri: %s",
				r.Header.Get("Digest"), r.Header.Get("X-Request-ID"), r.Header.Get("TPP-Redirect-URI"))
			r.Header.Set("Signature", fmt.Sprintf(`keyId="SN=%X,CA=CN=%s",algorithm="%s",headers="digest x-request-id psu-id tpp-redirect-uri",signature="%s"`,
				i.Cert.SerialNumber, i.Cert.Issuer.CommonName, tt.algorithm, openssl(text, append([]string{"dgst", "-sign", keyFile}, tt.arguments...)...)))
			r.Header.Set("TPP-Signature-Certificate", derBase64(i))
			if err := verify(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// joyent signs and verifies with http-signature, the implementation of the draft by one of
// its authors' employers, which follows it to the letter.
const joyent = `
const hs = require('http-signature'), crypto = require('crypto')
const job = JSON.parse(require('fs').readFileSync(0))
const headers = {}
for (const [name, value] of Object.entries(job.header || {})) headers[name.toLowerCase()] = value[0]
const request = {method: job.method, path: job.target, url: job.target, headers,
  getHeader: n => headers[n.toLowerCase()], setHeader: (n, v) => { headers[n.toLowerCase()] = v }}
if (job.key) {
  headers.digest = 'SHA-256=' + crypto.createHash('sha256').update(Buffer.from(job.body, 'base64')).digest('base64')
  hs.sign(request, {key: job.key, keyId: job.keyId, headers: job.headers, authorizationHeaderName: 'Signature'})
  console.log(JSON.stringify({digest: headers.digest, signature: headers.signature, ok: true}))
} else {
  const parsed = hs.parseRequest(request, {headers: ['digest', 'x-request-id'], clockSkew: 1e12})
  const pem = new crypto.X509Certificate(Buffer.from(headers['tpp-signature-certificate'], 'base64')).publicKey.export({type: 'spki', format: 'pem'})
  console.log(JSON.stringify({ok: hs.verifySignature(parsed, pem)}))
}`

func TestSealsByAndForJoyentsHTTPSignature(t *testing.T) {
	t.Parallel()
	node := func(job map[string]any) (answer struct {
		Digest, Signature string
		OK                bool
	}) {
		t.Helper()
		stdin, err := json.Marshal(job)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command("node", "-e", joyent)
		c.Stdin = bytes.NewReader(stdin)
		out, err := c.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				t.Fatalf("%v: %s", err, exit.Stderr)
			}
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if exec.Command("node", "-e", "require('http-signature')").Run() != nil {
		t.Skip("not installed: Node.js with http-signature (npm install http-signature, and NODE_PATH that leads to it)")
	}
	for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
		i := seal(t, key)
		for _, headers := range []string{"digest x-request-id psu-id tpp-redirect-uri", "(request-target) date digest x-request-id psu-id tpp-redirect-uri"} {
			r := request("POST", "/psd2/lon/v1/consents?a=1", []byte(`{"access":{}}`))
			signed := node(map[string]any{
				"method": r.Method, "target": r.Target, "header": r.Header, "body": r.Body, "headers": strings.Split(headers, " "),
				"key": string(i.KeyPEM), "keyId": httpsig.KeyID(i.Cert),
			})
			r.Header.Set("Digest", signed.Digest)
			r.Header.Set("Signature", signed.Signature)
			r.Header.Set("TPP-Signature-Certificate", derBase64(i))
			if err := verify(r); err != nil {
				t.Errorf("%s, %s: by http-signature: %v\n%s", key, headers, err, signed.Signature)
			}
			r = request("GET", "/psd2/lon/v1/accounts", nil)
			if err := httpsig.Sign(r, i.Cert, i.Key, strings.Split(headers, " ")); err != nil {
				t.Fatal(err)
			}
			if !node(map[string]any{"method": r.Method, "target": r.Target, "header": r.Header}).OK {
				t.Errorf("%s, %s: http-signature refuses %s", key, headers, r.Header.Get("Signature"))
			}
		}
	}
}

// A genuine seal whose key nobody here has: it can be read, but proves nothing.
func TestGenuineSealWithoutItsKey(t *testing.T) {
	t.Parallel()
	const file = "../../../shared/fixtures/eidas/ocsp-crl/qseal-european-commission-ec-cnect.crt"
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Skip("not beside this repository: ", file)
	}
	header := string(data)
	if !strings.Contains(header, "BEGIN") {
		header = base64.StdEncoding.EncodeToString(data)
	}
	cert, err := httpsig.ParseCertificate(header)
	if err != nil {
		t.Fatal(err)
	}
	r := request("GET", "/v1/accounts", nil)
	if err := httpsig.Sign(r, seal(t, eidas.RSA).Cert, seal(t, eidas.RSA).Key, []string{"digest", "x-request-id", "psu-id", "tpp-redirect-uri"}); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("TPP-Signature-Certificate", header)
	if err := verify(r); !errors.Is(err, httpsig.ErrSignature) || !strings.Contains(err.Error(), "keyId") {
		t.Errorf("under somebody else's name: %v", err)
	}
	r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), httpsig.KeyID(seal(t, eidas.RSA).Cert), httpsig.KeyID(cert), 1))
	if err := verify(r); !errors.Is(err, httpsig.ErrSignature) || !strings.Contains(err.Error(), "Signature:") {
		t.Errorf("under its own name: %v", err)
	}
}

// What a bank pays for a signed read: the digest, the header, the certificate from memory,
// keyId and the signature.
func BenchmarkVerifyRead(b *testing.B) {
	for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
		i := seal(b, key)
		r := request("GET", "/psd2/lon/v1/accounts?withBalance=true", nil)
		if err := httpsig.Sign(r, i.Cert, i.Key, []string{"digest", "x-request-id", "psu-id", "tpp-redirect-uri"}); err != nil {
			b.Fatal(err)
		}
		b.Run(string(key), func(b *testing.B) {
			var m httpsig.Memory
			b.ReportAllocs()
			for b.Loop() {
				if err := read(&m, r.Header, r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(key)+"/refused", func(b *testing.B) {
			var m httpsig.Memory
			altered := r
			altered.Header = r.Header.Clone()
			altered.Header.Set("PSU-ID", "bor")
			for b.Loop() {
				if err := read(&m, altered.Header, altered); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func read(m *httpsig.Memory, h http.Header, r httpsig.Request) error {
	if err := httpsig.VerifyDigest(h.Get("Digest"), r.Body); err != nil {
		return err
	}
	s, err := httpsig.Parse(h.Get("Signature"))
	if err != nil {
		return err
	}
	certs, err := m.Certificates(h.Get("Tpp-Signature-Certificate"))
	if err != nil {
		return err
	}
	if err := s.Names(certs[0]); err != nil {
		return err
	}
	return s.Verify(r, certs[0], []string{"digest", "x-request-id"}, []string{"psu-id", "psu-corporate-id", "tpp-redirect-uri"})
}

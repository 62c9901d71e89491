package httpsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

// good is a way that needs nothing special.
var good = way{keyID: httpsig.KeyID, algorithm: "rsa-sha256", headers: "digest x-request-id psu-id tpp-redirect-uri", certificate: derBase64}

func TestRefusalsSayWhatDiffers(t *testing.T) {
	t.Parallel()
	own := seal(t, eidas.RSA)
	for _, tt := range []struct {
		name   string
		change func(r httpsig.Request) httpsig.Request // of the sealed request
		err    error
		part   string
		says   string
	}{
		{"another body", func(r httpsig.Request) httpsig.Request { r.Body = []byte(`{"a":2}`); return r },
			httpsig.ErrDigest, "Digest", "the body as received (7 bytes) has another SHA-256"},
		{"another digest", func(r httpsig.Request) httpsig.Request {
			r.Body = []byte(`{"a":2}`)
			r.Header.Set("Digest", httpsig.Digest(r.Body))
			return r
		}, httpsig.ErrSignature, "Signature", `has not signed the values of "digest x-request-id psu-id tpp-redirect-uri" in this order`},
		{"another PSU", set("PSU-ID", "bor"), httpsig.ErrSignature, "Signature", "in this order"},
		{"a second PSU", func(r httpsig.Request) httpsig.Request { r.Header.Add("PSU-ID", "bor"); return r }, httpsig.ErrSignature, "Signature", "in this order"},
		{"a header that is gone", func(r httpsig.Request) httpsig.Request { r.Header.Del("PSU-ID"); return r },
			httpsig.ErrSignature, "psu-id", "signed but not sent"},
		{"a header that came later", set("PSU-Corporate-ID", "lipa"), httpsig.ErrSignature, "headers", "psu-corporate-id is sent and not signed"},
		{"x-request-id is not signed", func(r httpsig.Request) httpsig.Request {
			w := good
			w.headers = "digest psu-id tpp-redirect-uri"
			w.seal(t, r, own)
			return r
		}, httpsig.ErrSignature, "headers", "x-request-id is not signed"},
		{"another order", replaced("Signature", "digest x-request-id", "x-request-id digest"), httpsig.ErrSignature, "Signature", "it was made in the order digest x-request-id psu-id tpp-redirect-uri"},
		{"one name less", replaced("Signature", "psu-id ", ""), httpsig.ErrSignature, "headers", "psu-id is sent and not signed"},
		{"another algorithm", replaced("Signature", "rsa-sha256", "rsa-sha512"), httpsig.ErrSignature, "Signature", "it is made as rsa-sha256"},
		{"the algorithm of another key", replaced("Signature", "rsa-sha256", "ecdsa-sha256"), httpsig.ErrSignature, "algorithm", "does not fit the key"},
		{"SHA-1", replaced("Signature", "rsa-sha256", "rsa-sha1"), httpsig.ErrSignature, "algorithm", "too weak"},
		{"an algorithm with a secret", replaced("Signature", "rsa-sha256", "hmac-sha256"), httpsig.ErrSignature, "algorithm", "is not known"},
		{"an endless algorithm", replaced("Signature", "rsa-sha256", strings.Repeat("a", 65)), httpsig.ErrFormat, "algorithm", "longer than"},
		{"another serial number", replaced("Signature", "SN=", "SN=1"), httpsig.ErrSignature, "keyId", "serial number"},
		{"another issuer", replaced("Signature", "Issuing", "Other"), httpsig.ErrSignature, "keyId", "the issuer's CN"},
		{"the certificate of another key", set("TPP-Signature-Certificate", derBase64(seal(t, eidas.ECDSA))), httpsig.ErrSignature, "keyId", "serial number"},
		{"the key of another certificate", func(r httpsig.Request) httpsig.Request {
			other := own
			key, err := rsa.GenerateKey(rand.Reader, 3072)
			if err != nil {
				t.Fatal(err)
			}
			other.Key = key
			good.seal(t, r, other)
			return r
		}, httpsig.ErrSignature, "Signature", "another key has made it"},
		{"a signature of another length", replaced("Signature", `signature="`, `signature="AAAA`), httpsig.ErrSignature, "Signature", "its length is not that"},
		{"the request target in the wrong place", func(r httpsig.Request) httpsig.Request {
			w := good
			w.headers = "(request-target) digest x-request-id psu-id tpp-redirect-uri"
			w.seal(t, r, own)
			r.Target = "/psd2/lon/v1/payments"
			return r
		}, httpsig.ErrSignature, "Signature", "(request-target)"},
		{"no digest", unset("Digest"), httpsig.ErrMissing, "Digest", "not there"},
		{"no signature", unset("Signature"), httpsig.ErrMissing, "Signature", "not there"},
		{"no certificate", unset("TPP-Signature-Certificate"), httpsig.ErrMissing, "TPP-Signature-Certificate", "not there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := request("POST", "/psd2/lon/v1/consents", []byte(`{"a":1}`))
			good.seal(t, r, own)
			err := verify(tt.change(r))
			var e *httpsig.Error
			if !errors.Is(err, tt.err) || !errors.As(err, &e) || e.Part != tt.part || !strings.Contains(e.Reason, tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func set(name, value string) func(httpsig.Request) httpsig.Request {
	return func(r httpsig.Request) httpsig.Request { r.Header.Set(name, value); return r }
}

func unset(name string) func(httpsig.Request) httpsig.Request {
	return func(r httpsig.Request) httpsig.Request { r.Header.Del(name); return r }
}

func replaced(name, old, new string) func(httpsig.Request) httpsig.Request {
	return func(r httpsig.Request) httpsig.Request {
		value := r.Header.Get(name)
		if !strings.Contains(value, old) {
			panic(old + " is not in " + value)
		}
		r.Header.Set(name, strings.Replace(value, old, new, 1))
		return r
	}
}

// signedOver seals r with a signature over text, made with the hash that is given.
func signedOver(t *testing.T, r httpsig.Request, key crypto.Signer, algorithm, headers, text string, options crypto.SignerOpts) httpsig.Signature {
	t.Helper()
	h := options.HashFunc().New()
	h.Write([]byte(text))
	value, err := key.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpsig.Parse(fmt.Sprintf(`keyId="SN=1,CA=CN=x",algorithm="%s",headers="%s",signature="%s"`, algorithm, headers, base64.StdEncoding.EncodeToString(value)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMistakesAreRecognised(t *testing.T) {
	t.Parallel()
	const target, id = "/v1/accounts?withBalance=true", "99391C7E-ad88-49ec-a2ad-99ddcb1f7721"
	digest := httpsig.Digest(nil)
	right := "(request-target): get " + target + "\ndigest: " + digest + "\nx-request-id: " + id
	hash := sha256.Sum256([]byte(right))
	for _, tt := range []struct{ name, text, says string }{
		{"no mistake", right, ""},
		{"a line feed at the end", right + "\n", "with a line feed at the end"},
		{"CRLF", strings.ReplaceAll(right, "\n", "\r\n"), "with CRLF between the lines"},
		{"no blank", strings.ReplaceAll(right, ": ", ":"), "without the blank behind each colon"},
		{"names as headers are usually written", strings.NewReplacer("digest", "Digest", "x-request-id", "X-Request-Id").Replace(right), "not in lower case"},
		{"a hash of the text", string(hash[:]), "over the hash of the text"},
		{"another order", "digest: " + digest + "\nx-request-id: " + id + "\n(request-target): get " + target, "in the order digest x-request-id (request-target)"},
		{"a line too few", "digest: " + digest + "\nx-request-id: " + id, "without (request-target)"},
		{"the method as it is", strings.Replace(right, ": get ", ": GET ", 1), "with the method in upper case"},
		{"no query", strings.Replace(right, "?withBalance=true", "", 1), "without the query"},
		{"a digest without algorithm", strings.Replace(right, "SHA-256=", "", 1), "over a digest without its algorithm"},
		{"an ID in small letters", strings.Replace(right, id, strings.ToLower(id), 1), "with the value of x-request-id in lower case"},
		{"something else", "seal", ": "},
	} {
		for _, key := range []eidas.KeyAlgorithm{eidas.RSA, eidas.ECDSA} {
			t.Run(tt.name+"/"+string(key), func(t *testing.T) {
				t.Parallel()
				r := httpsig.Request{Method: "GET", Target: target, Header: http.Header{"Digest": {digest}, "X-Request-Id": {id}}}
				i := seal(t, key)
				s := signedOver(t, r, i.Key, "sha-256", "(request-target) digest x-request-id", tt.text, crypto.SHA256)
				err := s.Verify(r, i.Cert, nil, nil)
				if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey, ok := seal(t, eidas.RSA).Key.(*rsa.PrivateKey)
	if !ok {
		t.Fatal("the RSA seal has no RSA key")
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, p521, p224 := curve(t, elliptic.P384()), curve(t, elliptic.P521()), curve(t, elliptic.P224())
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss := func(h crypto.Hash, salt int) crypto.SignerOpts { return &rsa.PSSOptions{Hash: h, SaltLength: salt} }
	for _, tt := range []struct {
		name      string
		key       crypto.Signer
		algorithm string
		options   crypto.SignerOpts
		says      string // empty: it verifies
	}{
		{"RSA and SHA-512", rsaKey, "rsa-sha512", crypto.SHA512, ""},
		{"RSA and SHA-384 as Java has it", rsaKey, "SHA384withRSA", crypto.SHA384, ""},
		{"RSA and SHA-256 as JWS has it", rsaKey, "RS256", crypto.SHA256, ""},
		{"hs2019 with PSS", rsaKey, "hs2019", pss(crypto.SHA512, 64), ""},
		{"hs2019 with PKCS #1", rsaKey, "hs2019", crypto.SHA256, ""},
		{"PSS by name", rsaKey, "rsa-pss-sha256", pss(crypto.SHA256, 32), ""},
		{"PSS with the longest salt", rsaKey, "PS512", pss(crypto.SHA512, rsa.PSSSaltLengthAuto), ""},
		{"PSS that is called PKCS #1", rsaKey, "rsa-sha256", pss(crypto.SHA256, 32), "it is made as rsa-pss-sha256"},
		{"PKCS #1 that is called PSS", rsaKey, "rsa-pss-sha256", crypto.SHA256, "it is made as rsa-sha256"},
		{"SHA-1 that is called SHA-256", rsaKey, "rsa-sha256", crypto.SHA1, "made with SHA-1"},
		{"SHA-1 and hs2019", rsaKey, "hs2019", crypto.SHA1, "made with SHA-1"},
		{"an RSA key of 1024 bits", short, "rsa-sha256", crypto.SHA256, "RSA key of 1024 bits"},
		{"P-384", p384, "ecdsa-sha384", crypto.SHA384, ""},
		{"P-384 and SHA-256", p384, "ecdsa-sha256", crypto.SHA256, ""},
		{"P-521 and SHA-512", p521, "SHA512withECDSA", crypto.SHA512, ""},
		{"P-384 that is called otherwise", p384, "ecdsa-sha256", crypto.SHA384, "it is made as ecdsa-sha384"},
		{"a curve of 224 bits", p224, "ecdsa-sha256", crypto.SHA256, "curve of 224 bits"},
		{"RSA with the key of a curve", p384, "rsa-sha256", crypto.SHA384, "does not fit the key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httpsig.Request{Header: http.Header{"Digest": {httpsig.Digest(nil)}}}
			s := signedOver(t, r, tt.key, tt.algorithm, "digest", "digest: "+httpsig.Digest(nil), tt.options)
			err := s.Verify(r, &x509.Certificate{PublicKey: tt.key.Public()}, nil, nil)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	s, err := httpsig.Parse(`keyId="SN=1,CA=CN=x",algorithm="ed25519",headers="x-request-id",signature="` +
		base64.StdEncoding.EncodeToString(ed25519.Sign(edwards, []byte("x-request-id: 1"))) + `"`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(httpsig.Request{Header: http.Header{"X-Request-Id": {"1"}}}, &x509.Certificate{PublicKey: edwards.Public()}, nil, nil); err != nil {
		t.Errorf("Ed25519: %v", err)
	}
}

func curve(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestHeadersAreJoinedAndTrimmed(t *testing.T) {
	t.Parallel()
	i := seal(t, eidas.ECDSA)
	r := httpsig.Request{Host: "api.bank.example", Body: []byte("abc"), Header: http.Header{"X-A": {" 1 ", "2"}, "X-Empty": {""}}}
	text := "x-a: 1, 2\nx-empty: \nhost: api.bank.example\ncontent-length: 3\n(created): 1700000000\n(expires): 1700000300"
	s := signedOver(t, r, i.Key, `hs2019",created=1700000000,expires="1700000300`, "x-a x-empty host content-length (created) (expires)", text, crypto.SHA256)
	if err := s.Verify(r, i.Cert, nil, []string{"X-Empty", "X-None"}); err != nil {
		t.Error(err)
	}
	at := time.Unix(1700000000, 0)
	for _, tt := range []struct {
		name string
		now  time.Time
		ok   bool
	}{
		{"at once", at, true},
		{"made by a clock that is ahead", at.Add(-time.Minute), true},
		{"made in the future", at.Add(-61 * time.Second), false},
		{"in the last second", at.Add(6 * time.Minute), true},
		{"expired", at.Add(6*time.Minute + time.Second), false},
	} {
		if err := s.CheckTime(tt.now, time.Minute); (err == nil) != tt.ok || err != nil && !errors.Is(err, httpsig.ErrTimestamp) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestVerifyDigest(t *testing.T) {
	t.Parallel()
	body := []byte("{\r\n}\n")
	b64 := func(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return b64(h[:]) }
	long := sha512.Sum512(body)
	weak := sha1.Sum(body)
	hash := sha256.Sum256(body)
	for _, tt := range []struct {
		name, header string
		err          error
		says         string
	}{
		{"SHA-256", "SHA-256=" + sum("{\r\n}\n"), nil, ""},
		{"SHA-512", "SHA-512=" + b64(long[:]), nil, ""},
		{"small letters", "sha-256=" + sum("{\r\n}\n"), nil, ""},
		{"without padding, in the alphabet of URLs", "SHA-512=" + base64.RawURLEncoding.EncodeToString(long[:]), nil, ""},
		{"several", "SHA=" + b64(weak[:]) + ", SHA-256=" + sum("{\r\n}\n") + ",SHA-512=" + b64(long[:]), nil, ""},
		{"several of which one is wrong", "SHA-256=" + sum("") + ",SHA-512=" + b64(long[:]), httpsig.ErrDigest, "another SHA-256"},
		{"SHA-1 alone", "SHA=" + b64(weak[:]), httpsig.ErrFormat, `"SHA" is not accepted`},
		{"MD5 alone", "MD5=HUXZLQLMuI/KZ5KDcJPcOA==", httpsig.ErrFormat, `"MD5" is not accepted`},
		{"hexadecimal", "SHA-256=" + fmt.Sprintf("%x", hash), httpsig.ErrFormat, "hexadecimal"},
		{"too short", "SHA-256=AAAA", httpsig.ErrFormat, "32 bytes"},
		{"no algorithm", sum("{\r\n}\n"), httpsig.ErrFormat, "is not accepted"},
		{"no equals sign", "SHA-256", httpsig.ErrFormat, "algorithm=base64"},
		{"endless", strings.Repeat("a", 2000), httpsig.ErrFormat, "longer"},
		{"nothing", " ", httpsig.ErrMissing, "not there"},
		{"that of no body", "SHA-256=" + sum(""), httpsig.ErrDigest, "empty body"},
		{"that of the body without its end", "SHA-256=" + sum("{\r\n}"), httpsig.ErrDigest, "white space"},
		{"that of the body with a longer end", "SHA-256=" + sum("{\r\n}\n\n"), httpsig.ErrDigest, "line feed"},
		{"that of the body with LF", "SHA-256=" + sum("{\n}\n"), httpsig.ErrDigest, "LF instead of CRLF"},
		{"that of the hash", "SHA-256=" + sum(string(hash[:])), httpsig.ErrDigest, "hash of the hash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := httpsig.VerifyDigest(tt.header, body)
			if !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := httpsig.VerifyDigest("SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", nil); err != nil {
		t.Errorf("no body: %v", err)
	}
}

func TestCheckDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2033, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, tt := range []struct {
		name, header string
		err          error
	}{
		{"as HTTP writes it", "Sun, 06 Nov 2033 08:49:37 GMT", nil},
		{"UTC, one digit", "Sun, 6 Nov 2033 08:49:37 UTC", nil},
		{"an offset", "Sun, 06 Nov 2033 09:49:37 +0100", nil},
		{"RFC 3339", "2033-11-06T08:49:37.123Z", nil},
		{"at the edge of the window", "Sun, 06 Nov 2033 08:44:37 GMT", nil},
		{"past it", "Sun, 06 Nov 2033 08:44:36 GMT", httpsig.ErrTimestamp},
		{"in the future", "Sun, 06 Nov 2033 08:54:38 GMT", httpsig.ErrTimestamp},
		{"local time under a name", "Sun, 06 Nov 2033 09:49:37 CET", httpsig.ErrTimestamp},
		{"no date", "now", httpsig.ErrTimestamp},
		{"the year 1", "0001-01-01T00:00:00Z", httpsig.ErrTimestamp},
		{"nothing", "", httpsig.ErrMissing},
	} {
		if err := httpsig.CheckDate(tt.header, now, 5*time.Minute); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

package httpsig_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const plain = `keyId="SN=1,CA=CN=x",algorithm="rsa-sha256",headers="digest x-request-id",signature="AQID"`
	for _, tt := range []struct{ name, header string }{
		{"as the standard shows it", plain},
		{"with the word Signature", "Signature " + plain},
		{"with the word in small letters and many blanks", " signature   " + plain + "  "},
		{"blanks around everything", `keyId = "SN=1,CA=CN=x" , algorithm= "rsa-sha256" ,headers ="digest x-request-id", signature="AQID" ,`},
		{"another order, other case", `SIGNATURE="AQID",Headers="Digest  X-Request-ID",ALGORITHM="rsa-sha256",keyid="SN=1,CA=CN=x"`},
		{"the word and the parameter signature", `Signature signature="AQID",headers="digest x-request-id",keyId="SN=1,CA=CN=x",algorithm=rsa-sha256`},
		{"the parameter signature with a blank", `signature ="AQID",headers="digest x-request-id",keyId="SN=1,CA=CN=x",algorithm=rsa-sha256`},
		{"a parameter that nobody knows", plain + `,realm="a,b=\"c\""`},
		{"blanks in the signature", strings.Replace(plain, "AQID", "AQ ID ", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := httpsig.Parse(tt.header)
			if err != nil {
				t.Fatal(err)
			}
			if s.KeyID != "SN=1,CA=CN=x" || s.Serial != "1" || s.Issuer != "CN=x" || s.Algorithm != "rsa-sha256" ||
				strings.Join(s.Headers, "|") != "digest|x-request-id" || string(s.Value) != "\x01\x02\x03" {
				t.Errorf("got %+v", s)
			}
		})
	}
	numbered := func(n int) (names string) {
		for i := range n {
			names += fmt.Sprintf("x-%d ", i)
		}
		return names
	}
	for _, tt := range []struct {
		name, header string
		err          error
		part         string
	}{
		{"nothing", " ", httpsig.ErrMissing, "Signature"},
		{"the word alone", "Signature", httpsig.ErrFormat, "Signature"},
		{"no parameters", "abc", httpsig.ErrFormat, "Signature"},
		{"an endless header", plain + strings.Repeat(" ", 9000) + ",a=b", httpsig.ErrFormat, "Signature"},
		{"parameters without end", plain + strings.Repeat(",a=b", 20), httpsig.ErrFormat, "Signature"},
		{"no keyId", strings.Replace(plain, "keyId", "key", 1), httpsig.ErrFormat, "keyId"},
		{"no headers", strings.Replace(plain, "headers", "header", 1), httpsig.ErrFormat, "headers"},
		{"empty headers", strings.Replace(plain, "digest x-request-id", " ", 1), httpsig.ErrFormat, "headers"},
		{"no signature", strings.Replace(plain, "signature", "sig", 1), httpsig.ErrFormat, "signature"},
		{"a signature that is no base64", strings.Replace(plain, "AQID", "A*ID", 1), httpsig.ErrFormat, "signature"},
		{"a signature of 3 KiB", strings.Replace(plain, "AQID", strings.Repeat("A", 4096), 1), httpsig.ErrFormat, "signature"},
		{"keyId twice", plain + `,keyId="SN=1,CA=CN=x"`, httpsig.ErrFormat, "keyId"},
		{"a header twice", strings.Replace(plain, "x-request-id", "x-request-id Digest", 1), httpsig.ErrFormat, "headers"},
		{"thirty-one headers", strings.Replace(plain, "x-request-id", numbered(30), 1), httpsig.ErrFormat, "headers"},
		{"commas between headers", strings.Replace(plain, "digest x-request-id", "digest,x-request-id", 1), httpsig.ErrFormat, "headers"},
		{"a pseudo header that nobody knows", strings.Replace(plain, "digest", "(version)", 1), httpsig.ErrFormat, "headers"},
		{"quotes that are not closed", plain[:len(plain)-1], httpsig.ErrFormat, "signature"},
		{"quotes that a backslash keeps open", `keyId="a\"`, httpsig.ErrFormat, "keyId"},
		{"quotes within a value", strings.Replace(plain, "CN=x", `CN="x"`, 1), httpsig.ErrFormat, "keyId"},
		{"a keyId without issuer", strings.Replace(plain, ",CA=CN=x", "", 1), httpsig.ErrFormat, "keyId"},
		{"a keyId of an empty issuer", strings.Replace(plain, "CN=x", "", 1), httpsig.ErrFormat, "keyId"},
		{"a keyId without serial", strings.Replace(plain, "SN=1,", "", 1), httpsig.ErrFormat, "keyId"},
		{"created that is no number", plain + `,created=now`, httpsig.ErrFormat, "created"},
		{"expires before time began", plain + `,expires=-1`, httpsig.ErrFormat, "expires"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := httpsig.Parse(tt.header)
			var e *httpsig.Error
			if !errors.Is(err, tt.err) || !errors.As(err, &e) || e.Part != tt.part {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	i := seal(t, eidas.ECDSA)
	b64, text := derBase64(i), pemOf(i)
	chain := string(i.ChainPEM)
	body := strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "").Replace(text)
	for _, tt := range []struct {
		name, header string
		certificates int
	}{
		{"base64 of DER", b64, 1},
		{"base64 of DER in the alphabet of URLs", base64.RawURLEncoding.EncodeToString(i.Cert.Raw), 1},
		{"base64 of DER with blanks", strings.ReplaceAll(b64, "A", "A "), 1},
		{"base64 of a PEM file", base64.StdEncoding.EncodeToString([]byte(text)), 1},
		{"base64 of a PEM file with its chain", base64.StdEncoding.EncodeToString([]byte(chain)), 2},
		{"base64 of the inside of a PEM file", base64.StdEncoding.EncodeToString([]byte(body)), 1},
		{"base64 of a PEM file, URL-encoded", url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(text))), 1},
		{"PEM with blanks for line breaks", strings.ReplaceAll(text, "\n", " "), 1},
		{"PEM without line breaks", strings.ReplaceAll(text, "\n", ""), 1},
		{"PEM without any white space", strings.NewReplacer("\n", "", " ", "").Replace(text), 1},
		{"PEM with line breaks that were never unescaped", strings.ReplaceAll(text, "\n", `\n`), 1},
		{"PEM with line breaks, both escaped", strings.ReplaceAll(text, "\n", `\r\n`), 1},
		{"PEM without BEGIN and END", strings.ReplaceAll(body, "\n", " "), 1},
		{"PEM without END", strings.ReplaceAll(strings.Split(text, "-----END")[0], "\n", ""), 1},
		{"PEM URL-encoded as in paths", url.PathEscape(text), 1},
		{"PEM URL-encoded as in forms", url.QueryEscape(text), 1},
		{"PEM with its chain", strings.ReplaceAll(chain, "\n", ""), 2},
		{"PEM with text before it", strings.ReplaceAll("subject=CN = Lipa\n"+text, "\n", " "), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			certs, err := httpsig.ParseCertificates(tt.header)
			if err != nil || len(certs) != tt.certificates || !certs[0].Equal(i.Cert) {
				t.Errorf("got %d certificates, %v", len(certs), err)
			}
		})
	}
	for _, tt := range []struct {
		name, header string
		err          error
	}{
		{"nothing", "", httpsig.ErrMissing},
		{"no base64", "certificate!", httpsig.ErrFormat},
		{"half a percent sign", "%4", httpsig.ErrFormat},
		{"empty PEM", "-----BEGIN CERTIFICATE----------END CERTIFICATE-----", httpsig.ErrFormat},
		{"a private key", strings.ReplaceAll(string(i.KeyPEM), "\n", ""), httpsig.ErrFormat},
		{"a private key's DER as certificate", base64.StdEncoding.EncodeToString([]byte{0x30, 0x03, 0x02, 0x01, 0x00}), httpsig.ErrCertificate},
		{"half a certificate", b64[:len(b64)/2], httpsig.ErrCertificate},
		{"bytes behind it", base64.StdEncoding.EncodeToString(append(i.Cert.Raw[:len(i.Cert.Raw):len(i.Cert.Raw)], 1)), httpsig.ErrCertificate},
		{"nine certificates", strings.ReplaceAll(strings.Repeat(text, 9), "\n", ""), httpsig.ErrFormat},
		{"endless", strings.Repeat("A", 40_000), httpsig.ErrFormat},
		{"encoded again and again", again(b64, 6), httpsig.ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := httpsig.ParseCertificate(tt.header); !errors.Is(err, tt.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func again(s string, times int) string {
	for range times {
		s = base64.StdEncoding.EncodeToString([]byte(s))
	}
	return s
}

func TestMemoryKeepsCertificatesAndStaysSmall(t *testing.T) {
	t.Parallel()
	i := seal(t, eidas.ECDSA)
	var m httpsig.Memory
	first, err := m.Certificates(derBase64(i))
	if err != nil {
		t.Fatal(err)
	}
	// The same certificate in ever new forms fills it without end, for whoever wants that.
	for n := range 400 {
		if _, err := m.Certificates(derBase64(i) + strings.Repeat(" ", n)); err != nil {
			t.Fatal(err)
		}
		if second, err := m.Certificates(derBase64(i)); err != nil || second[0] != first[0] {
			t.Fatalf("after %d others it was read anew, %v", n, err)
		}
	}
	for n := range 600 {
		_, _ = m.Certificates(derBase64(i) + strings.Repeat("\t", n))
	}
	if third, err := m.Certificates(derBase64(i)); err != nil || third[0] == first[0] {
		t.Errorf("600 others did not push it out, %v", err)
	}
	for range 2 {
		if _, err := m.Certificates("none"); !errors.Is(err, httpsig.ErrFormat) {
			t.Errorf("got %v", err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 100 {
				_, _ = m.Certificates(derBase64(i) + strings.Repeat(" ", n))
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add(`Signature keyId="SN=1,CA=CN=x",algorithm="rsa-sha256",headers="digest x-request-id",signature="AQID",created=1`)
	f.Add(`keyId="CA=/C=SI/O=\"a\\,b\"/CN=\xC5\BD,SN=0x1F",headers="(request-target)",signature=AA==`)
	f.Add(`keyId="SN%3D1%2CCA%3D2.5.4.97=#0C0141+DC=a;DC=b",headers="date",signature=AA`)
	cert := issued(1)
	i := &x509.Certificate{SerialNumber: cert.SerialNumber, Issuer: cert.Issuer, PublicKey: seal(f, eidas.RSA).Cert.PublicKey}
	f.Fuzz(func(t *testing.T, header string) {
		s, err := httpsig.Parse(header)
		if err != nil {
			var e *httpsig.Error
			if !errors.As(err, &e) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if len(s.Headers) == 0 || len(s.Headers) > 30 || len(s.Value) == 0 || s.Serial == "" || s.Issuer == "" {
			t.Errorf("accepted without what it needs: %+v", s)
		}
		_ = s.Names(i)
		if err := s.Verify(request("GET", "/v1/accounts?a=b", nil), i, nil, nil); err == nil {
			t.Error("a forged signature verifies")
		}
	})
}

func FuzzParseCertificates(f *testing.F) {
	i := seal(f, eidas.ECDSA)
	f.Add(derBase64(i))
	f.Add(strings.ReplaceAll(string(i.ChainPEM), "\n", " "))
	f.Add(url.QueryEscape(pemOf(i)))
	f.Fuzz(func(t *testing.T, header string) {
		certs, err := httpsig.ParseCertificates(header)
		if (err == nil) != (len(certs) > 0) {
			t.Errorf("%d certificates, %v", len(certs), err)
		}
	})
}

func FuzzVerifyDigest(f *testing.F) {
	f.Add(httpsig.Digest([]byte("a")), []byte("a"))
	f.Add("SHA-512=AAAA, SHA-256 = BBBB", []byte("{}\r\n"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if err := httpsig.VerifyDigest(header, body); err == nil {
			if httpsig.VerifyDigest(header, append(body, 'x')) == nil {
				t.Errorf("%q fits two bodies", header)
			}
		}
		if err := httpsig.VerifyDigest(httpsig.Digest(body), body); err != nil {
			t.Error(err)
		}
	})
}

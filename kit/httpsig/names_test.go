package httpsig_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kontor/kit/httpsig"
)

// named is what Parse makes of a header with this keyId.
func named(t testing.TB, keyID string) httpsig.Signature {
	t.Helper()
	s, err := httpsig.Parse(`keyId="` + keyID + `",algorithm="rsa-sha256",headers="digest",signature="AAAA"`)
	if err != nil {
		t.Fatalf("%s: %v", keyID, err)
	}
	return s
}

// issued is as much of a certificate as a keyId speaks of.
func issued(serial int64) *x509.Certificate {
	oid := func(arcs ...int) asn1.ObjectIdentifier { return arcs }
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Issuer: pkix.Name{Names: []pkix.AttributeTypeAndValue{
			{Type: oid(2, 5, 4, 6), Value: "SI"},
			{Type: oid(2, 5, 4, 10), Value: "Žiga, Sin & Co. d.o.o."},
			{Type: oid(2, 5, 4, 11), Value: "CA/RSA 10/2017"},
			{Type: oid(2, 5, 4, 7), Value: "Kraków"},
			{Type: oid(2, 5, 4, 97), Value: "NTRSI-1234567"},
			{Type: oid(1, 2, 840, 113549, 1, 9, 1), Value: "ca@ziga.example"},
			{Type: oid(0, 9, 2342, 19200300, 100, 1, 25), Value: "example"},
			{Type: oid(0, 9, 2342, 19200300, 100, 1, 25), Value: "ziga"},
			{Type: oid(2, 5, 4, 3), Value: `Žiga "Qualified" CA 2`},
		}},
		Subject: pkix.Name{Names: []pkix.AttributeTypeAndValue{{Type: oid(2, 5, 4, 3), Value: "Lipa d.o.o."}}},
	}
}

func TestKeyIDsThatNameTheCertificate(t *testing.T) {
	t.Parallel()
	cert := issued(0x1234AB)
	for _, tt := range []struct{ name, keyID string }{
		{"serial in capital letters", `SN=1234AB,CA=C=SI`},
		{"serial in small letters", `SN=1234ab,CA=C=SI`},
		{"serial with 0x", `SN=0x1234ab,CA=C=SI`},
		{"serial with leading zeros", `SN=00001234AB,CA=C=SI`},
		{"serial with colons", `SN=12:34:AB,CA=C=SI`},
		{"serial in decimal", `SN=1193131,CA=C=SI`},
		{"serial behind the issuer", `CA=C=SI,SN=1234AB`},
		{"small letters and a blank", `sn=1234AB, ca=C=SI`},
		{"a semicolon between the two", `SN=1234AB;CA=C=SI`},
		{"DN and slashes", `SN=1234AB,DN=/C=SI/O=Žiga, Sin & Co. d.o.o./OU=CA/RSA 10/2017`},
		{"no word before the name", `SN=1234AB,C=SI,OU=CA/RSA 10/2017`},
		{"common name with quotes that are escaped for the header", `SN=1234AB,CA=CN=Žiga \"Qualified\" CA 2`},
		{"common name with quotes that are escaped for the name and for the header", `SN=1234AB,CA=CN=Žiga \\\"Qualified\\\" CA 2`},
		{"a comma that is escaped", `SN=1234AB,CA=O=Žiga\, Sin & Co. d.o.o.,C=SI`},
		{"a comma that is escaped twice", `SN=1234AB,CA=O=Žiga\\, Sin & Co. d.o.o.,C=SI`},
		{"a comma that is not escaped", `SN=1234AB,CA=O=Žiga, Sin & Co. d.o.o.,C=SI`},
		{"a comma within quotes", `SN=1234AB,CA=O=\"Žiga, Sin & Co. d.o.o.\",C=SI`},
		{"bytes in hexadecimal", `SN=1234AB,CA=O=\C5\BDiga\2C Sin & Co. d.o.o.,C=SI`},
		{"bytes as OpenSSL writes them", `SN=1234AB,CA=/O=\xC5\xBDiga, Sin & Co. d.o.o./C=SI`},
		{"the order of X.500 and blanks", `SN=1234AB,CA=C = SI, O = \"Žiga, Sin & Co. d.o.o.\", OU = CA/RSA 10/2017`},
		{"semicolons between attributes", `SN=1234AB,CA=C=SI;OU=CA/RSA 10/2017`},
		{"a name with several attributes in one", `SN=1234AB,CA=C=SI+OU=CA/RSA 10/2017`},
		{"%20 for blanks", `SN=1234AB,CA=O=Žiga,%20Sin%20&%20Co.%20d.o.o.,C=SI`},
		{"plus signs for blanks", `SN=1234AB,CA=O=Žiga,+Sin+%26+Co.+d.o.o.,C=SI`},
		{"encoded whole", `SN%3D1234AB%2CCA%3DO%3D%C5%BDiga%2C%20Sin%20%26%20Co.%20d.o.o.%2CC%3DSI`},
		{"other case, more blanks", `SN=1234AB,CA=ou=ca/rsa  10/2017,c=si`},
		{"organizationIdentifier by name", `SN=1234AB,CA=organizationIdentifier=NTRSI-1234567`},
		{"organizationIdentifier by number", `SN=1234AB,CA=2.5.4.97=NTRSI-1234567`},
		{"organizationIdentifier by number with OID", `SN=1234AB,CA=OID.2.5.4.97=NTRSI-1234567`},
		{"organizationIdentifier in DER", `SN=1234AB,CA=2.5.4.97=#0C0D4E545253492D31323334353637,C=SI`},
		{"an attribute whose name nobody knows", `SN=1234AB,CA=orgIdent=NTRSI-1234567`},
		{"E", `SN=1234AB,CA=CN=Žiga \"Qualified\" CA 2, E=ca@ziga.example`},
		{"emailAddress", `SN=1234AB,CA=emailAddress=ca@ziga.example`},
		{"1.2.840.113549.1.9.1", `SN=1234AB,CA=1.2.840.113549.1.9.1=ca@ziga.example`},
		{"both domain components", `SN=1234AB,CA=DC=ziga,DC=example`},
		{"Latin-1", "SN=1234AB,CA=L=Krak\xf3w,C=SI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := named(t, tt.keyID).Names(cert); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKeyIDsThatNameAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, keyID, says string }{
		{"another serial", `SN=1234AC,CA=C=SI`, `the serial number is "1234AC", but that of the certificate is 1234AB (decimal 1193131)`},
		{"a serial with a sign", `SN=-1234AB00,CA=C=SI`, "serial number"},
		{"a serial that is a word", `SN=seal,CA=C=SI`, "serial number"},
		{"a serial without end", `SN=` + strings.Repeat("1", 3000) + `,CA=C=SI`, "serial number"},
		{"another country", `SN=1234AB,CA=OU=CA/RSA 10/2017,C=HR`, `the issuer's C is "HR", but that of the certificate is "SI"`},
		{"an attribute too many", `SN=1234AB,CA=C=SI,ST=Ljubljana`, `the issuer has ST="Ljubljana"`},
		{"a component twice", `SN=1234AB,CA=DC=ziga,DC=ziga`, `the issuer's DC is "ziga"`},
		{"the holder in place of the issuer", `SN=1234AB,CA=CN=Lipa d.o.o.`, "names the holder"},
		{"no name", `SN=1234AB,CA=Lipa`, "not written as a name"},
		{"only separators", `SN=1234AB,CA=,,/,`, "not written as a name"},
		{"attributes without end", `SN=1234AB,CA=` + strings.Repeat("C=SI,", 100), "more than 64 attributes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := named(t, tt.keyID).Names(issued(0x1234AB))
			var e *httpsig.Error
			if !errors.Is(err, httpsig.ErrSignature) || !errors.As(err, &e) || e.Part != "keyId" || !strings.Contains(e.Reason, tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What Sign writes has to be read by others, so it keeps to plain signs; and Names has to
// read it back, whatever an issuer is called.
func TestOwnKeyIDsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cert := issued(rapid.Int64Range(1, 1<<62).Draw(t, "serial"))
		for i := range cert.Issuer.Names {
			cert.Issuer.Names[i].Value = rapid.OneOf(rapid.String(), rapid.StringMatching(`[ "\\,+=#%/;<>A-Za-z]{0,8}`)).Draw(t, "value")
		}
		keyID := httpsig.KeyID(cert)
		if strings.ContainsFunc(keyID, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Fatalf("%s has signs that need quoting", keyID)
		}
		s, err := httpsig.Parse(`keyId="` + keyID + `",headers="digest",signature="AAAA"`)
		if err == nil {
			err = s.Names(cert)
		}
		if err != nil {
			t.Fatalf("%s: %v", keyID, err)
		}
	})
}

// OpenSSL writes the names of genuine issuers in every notation it has.
func TestGenuineIssuersInTheNotationsOfOpenSSL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	files, _ := filepath.Glob("../../../shared/fixtures/eidas/real*/*.pem")
	if len(files) == 0 {
		t.Skip("not beside this repository: ../../../shared/fixtures/eidas")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, notation := range []string{"RFC2253", "oneline", "compat", "oneline,-esc_msb,utf8", "RFC2253,oid", "RFC2253,dump_all,dump_der", "lname,sep_semi_plus_space,esc_2253,utf8", "dn_rev,sep_comma_plus_space,sname,esc_2253,utf8"} {
			out, err := exec.Command("openssl", "x509", "-in", file, "-noout", "-serial", "-issuer", "-nameopt", notation).Output()
			if err != nil {
				t.Fatal(err)
			}
			serial, issuer, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			serial, issuer = strings.TrimPrefix(serial, "serial="), strings.TrimPrefix(issuer, "issuer=")
			escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(issuer)
			keyIDs := []string{"SN=" + serial + ",CA=" + escaped, "SN=" + cert.SerialNumber.String() + ",DN=" + strings.ReplaceAll(escaped, " ", "%20")}
			if !strings.Contains(issuer, `"`) {
				keyIDs = append(keyIDs, "SN="+serial+",CA="+issuer) // as it is, with the backslashes of the name
			}
			for _, keyID := range keyIDs {
				if err := named(t, keyID).Names(cert); err != nil {
					t.Errorf("%s: %s: %v", notation, keyID, err)
				}
			}
		}
		if err := named(t, httpsig.KeyID(cert)).Names(cert); err != nil {
			t.Errorf("our own %s: %v", httpsig.KeyID(cert), err)
		}
	}
}

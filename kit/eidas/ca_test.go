package eidas_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

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

// request is a good one; the tables below change one thing of it at a time.
func request() eidas.Request {
	return eidas.Request{
		Kind:                   eidas.QWAC,
		Organization:           "Lipa Plačila d.o.o.",
		OrganizationIdentifier: "PSDSI-BS-7-10-26",
		Roles:                  []eidas.Role{eidas.AI, eidas.PI},
		DNSNames:               []string{"lipa.example.com", "*.lipa.example.com"},
	}
}

func TestIssuedCertificateSaysWhatWasAsked(t *testing.T) {
	ca := newCA(t)
	for _, tt := range []struct {
		name   string
		change func(*eidas.Request)
		want   eidas.Identity
	}{
		{"QWAC with all that can be left open", func(r *eidas.Request) {}, eidas.Identity{
			OrganizationIdentifier: "PSDSI-BS-7-10-26", Organization: "Lipa Plačila d.o.o.", CommonName: "lipa.example.com", Country: "SI",
			Roles: []eidas.Role{eidas.AI, eidas.PI}, NCAName: "Bank of Slovenia", NCAId: "SI-BS", QcCompliance: true, QcType: eidas.Web,
			DNSNames: []string{"lipa.example.com", "*.lipa.example.com"},
		}},
		{"QSealC of a bank of an unlisted authority", func(r *eidas.Request) {
			r.Kind, r.DNSNames, r.Roles, r.OrganizationIdentifier = eidas.QSealC, nil, []eidas.Role{eidas.AS, eidas.PI, eidas.AI, eidas.IC}, "PSDAT-FMA-1"
		}, eidas.Identity{
			OrganizationIdentifier: "PSDAT-FMA-1", Organization: "Lipa Plačila d.o.o.", CommonName: "Lipa Plačila d.o.o.", Country: "AT",
			Roles: []eidas.Role{eidas.AS, eidas.PI, eidas.AI, eidas.IC}, NCAName: "Competent Authority AT-FMA", NCAId: "AT-FMA", QcCompliance: true, QcType: eidas.ESeal,
		}},
		{"QWAC with an RSA key and the role Unspecified", func(r *eidas.Request) { r.Key, r.Roles = eidas.RSA, []eidas.Role{eidas.Unspecified} }, eidas.Identity{
			OrganizationIdentifier: "PSDSI-BS-7-10-26", Organization: "Lipa Plačila d.o.o.", CommonName: "lipa.example.com", Country: "SI",
			Roles: []eidas.Role{eidas.Unspecified}, NCAName: "Bank of Slovenia", NCAId: "SI-BS", QcCompliance: true, QcType: eidas.Web,
			DNSNames: []string{"lipa.example.com", "*.lipa.example.com"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			tt.change(&r)
			issued, err := ca.Issue(r)
			if err != nil {
				t.Fatal(err)
			}
			got, found, err := eidas.Parse(issued.Cert)
			if err != nil || len(found) != 0 {
				t.Fatalf("got %v, findings %v", err, found)
			}
			if len(got.SerialNumber) != 32 {
				t.Errorf("serial number %s is not 16 bytes long", got.SerialNumber)
			}
			got.SerialNumber = ""
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if err := eidas.Usable(issued.Cert); err != nil {
				t.Error(err)
			}
			if !eidas.IsSandbox(issued.Cert) || !eidas.IsSandbox(ca.Root) {
				t.Error("not marked as of a sandbox")
			}
			if _, err := issued.Cert.Verify(x509.VerifyOptions{Roots: ca.Roots(), Intermediates: ca.Intermediates(), CurrentTime: now,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	ca := newCA(t)
	for _, tt := range []struct {
		name   string
		change func(*eidas.Request)
	}{
		{"no kind", func(r *eidas.Request) { r.Kind = "" }},
		{"QWAC without a domain", func(r *eidas.Request) { r.DNSNames = nil }},
		{"QSealC with a domain", func(r *eidas.Request) { r.Kind = eidas.QSealC }},
		{"domain that is none", func(r *eidas.Request) { r.DNSNames = []string{"lipa..com"} }},
		{"no organization", func(r *eidas.Request) { r.Organization = "" }},
		{"organization with a line break", func(r *eidas.Request) { r.Organization = "Lipa\nd.o.o." }},
		{"identifier of another scheme", func(r *eidas.Request) { r.OrganizationIdentifier = "VATSI-12345678" }},
		{"identifier without a number", func(r *eidas.Request) { r.OrganizationIdentifier = "PSDSI-BS-" }},
		{"no role", func(r *eidas.Request) { r.Roles = nil }},
		{"unknown role", func(r *eidas.Request) { r.Roles = []eidas.Role{"PSP_XX"} }},
		{"role named twice", func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AI, eidas.AI} }},
		{"Unspecified beside another role", func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AI, eidas.Unspecified} }},
		{"end before the beginning", func(r *eidas.Request) { r.NotBefore, r.NotAfter = now, now.Add(-time.Second) }},
		{"more than 397 days", func(r *eidas.Request) { r.NotBefore, r.NotAfter = now, now.AddDate(0, 0, 398) }},
		{"unknown defect", func(r *eidas.Request) { r.Defect = "dented" }},
		{"unknown key algorithm", func(r *eidas.Request) { r.Key = "DSA" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			tt.change(&r)
			if _, err := ca.Issue(r); !errors.Is(err, eidas.ErrRequest) {
				t.Errorf("got %v, want %v", err, eidas.ErrRequest)
			}
		})
	}
}

func TestDefects(t *testing.T) {
	ca := newCA(t)
	for _, defect := range eidas.Defects() {
		t.Run(string(defect), func(t *testing.T) {
			r := request()
			r.Defect = defect
			issued, err := ca.Issue(r)
			if err != nil {
				t.Fatal(err)
			}
			_, found, err := eidas.Parse(issued.Cert)
			grave := slices.ContainsFunc(found, func(f eidas.Finding) bool { return f.Grave })
			var ok bool
			switch defect {
			case eidas.Expired:
				ok = now.After(issued.Cert.NotAfter)
			case eidas.NotYetValid:
				ok = now.Before(issued.Cert.NotBefore)
			case eidas.NoStatement:
				ok = errors.Is(err, eidas.ErrNoStatement)
			case eidas.RoleNameMismatch:
				ok = errors.Is(err, eidas.ErrRoleName)
			case eidas.NotQualified:
				ok = err == nil && grave
			case eidas.WeakKey:
				ok = errors.Is(eidas.Usable(issued.Cert), eidas.ErrWeak)
			}
			if !ok {
				t.Errorf("the defect does not show: %v, %v, %s to %s", err, found, issued.Cert.NotBefore, issued.Cert.NotAfter)
			}
		})
	}
}

func TestOpenSSLAcceptsWhatIsIssued(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca, err := eidas.NewCA("Kontor Test", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ca.URL = "http://ca.kontor.example"
	dir := t.TempDir()
	if err := ca.Save(dir); err != nil {
		t.Fatal(err)
	}
	seal := request()
	seal.Kind, seal.DNSNames = eidas.QSealC, nil
	for _, tt := range []struct {
		name    string
		issue   func() (eidas.Issued, error)
		purpose string
	}{
		{"a QWAC as client", func() (eidas.Issued, error) { return ca.Issue(request()) }, "sslclient"},
		{"a QWAC as server", func() (eidas.Issued, error) { return ca.Issue(request()) }, "sslserver"},
		{"a QSealC", func() (eidas.Issued, error) { return ca.Issue(seal) }, "any"},
		{"a server certificate", func() (eidas.Issued, error) {
			return ca.IssueServer([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
		}, "sslserver"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			issued, err := tt.issue()
			if err != nil {
				t.Fatal(err)
			}
			file, _, err := issued.Save(dir, tt.purpose)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(openssl, "verify", "-x509_strict", "-purpose", tt.purpose, "-CAfile", filepath.Join(dir, eidas.CAFile), "-untrusted", file, file).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestCAOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if _, err := eidas.LoadCA(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("before the first start: got %v, want %v", err, fs.ErrNotExist)
	}
	ca := newCA(t)
	if err := ca.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := eidas.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Now = ca.Now
	issued, err := loaded.Issue(request())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issued.Cert.Verify(x509.VerifyOptions{Roots: ca.Roots(), Intermediates: ca.Intermediates(), CurrentTime: now}); err != nil {
		t.Errorf("a certificate of the loaded CA does not chain to the saved one: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]fs.FileMode{eidas.CAFile: 0o644, "ca-keys.pem": 0o600}[e.Name()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", e.Name(), info.Mode().Perm(), want)
		}
	}

	file := filepath.Join(dir, "ca-keys.pem")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := eidas.LoadCA(dir); !errors.Is(err, eidas.ErrCA) {
		t.Errorf("a truncated file: got %v, want %v", err, eidas.ErrCA)
	}
}

func TestIssuedFilesServeTLS(t *testing.T) {
	ca := newCA(t)
	issued, err := ca.IssueServer([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(issued.ChainPEM, issued.KeyPEM); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if err := issued.Cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	digest := sha256.Sum256([]byte("challenge"))
	if _, err := issued.TLS().PrivateKey.(crypto.Signer).Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
		t.Error(err)
	}
	if _, err := ca.IssueServer(nil, nil); !errors.Is(err, eidas.ErrRequest) {
		t.Errorf("a server without a name: got %v, want %v", err, eidas.ErrRequest)
	}
}

func TestParseOrganizationIdentifier(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     eidas.OrganizationIdentifier
		err      error
	}{
		{"the plain form", "PSDSI-BS-1234", eidas.OrganizationIdentifier{Country: "SI", Authority: "BS", Number: "1234"}, nil},
		{"a number may contain hyphens", "PSDFI-FINFSA-2858394-9", eidas.OrganizationIdentifier{Country: "FI", Authority: "FINFSA", Number: "2858394-9"}, nil},
		{"a tax number identifies no payment service provider", "VATSI-12345678", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
		{"the authority is in capitals", "PSDSI-bs-1234", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
		{"the authority has eight letters at most", "PSDSI-ABCDEFGHI-1", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
		{"the number is not empty", "PSDSI-BS-", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
		{"control characters do not pass", "PSDSI-BS-1\x00", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
		{"nothing is not an identifier", "", eidas.OrganizationIdentifier{}, eidas.ErrOrganizationIdentifier},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := eidas.ParseOrganizationIdentifier(tt.in)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
			if err == nil && got.String() != tt.in {
				t.Errorf("got back %s", got)
			}
		})
	}
}

func BenchmarkIssue(b *testing.B) {
	ca := newCA(b)
	for b.Loop() {
		if _, err := ca.Issue(request()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewCA(b *testing.B) {
	for b.Loop() {
		newCA(b)
	}
}

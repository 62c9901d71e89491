package eidas_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kontor/kit/eidas"
)

// fixtures is where the collected certificates of real and sandbox issuers lie, seen
// from this folder. They are not part of the repository.
const fixtures = "../../../shared/fixtures/eidas"

func fixture(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("not beside this repository: ", fixtures)
	}
	data, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCertificatesOfOthers(t *testing.T) {
	all := []eidas.Role{eidas.AS, eidas.PI, eidas.AI, eidas.IC}
	for _, tt := range []struct {
		name  string
		file  string
		org   string
		roles []eidas.Role // in any order
		kind  eidas.QcType
		rules []string // findings that must be among those reported
		grave bool     // whether any finding is grave
		err   error
		weak  error // from Usable
	}{
		{"genuine TPP with a key usage outside the table is accepted", "real/qwac-safeconnect-gb-fca-827001-ai-pi.pem",
			"PSDGB-FCA-827001", []eidas.Role{eidas.AI, eidas.PI}, eidas.Web, []string{"key-usage"}, false, nil, nil},
		{"genuine bank with email protection is accepted", "real/qwac-creditas-cz-cnb-63492555-as-pi-ai-ic.pem",
			"PSDCZ-CNB-63492555", all, eidas.Web, []string{"ext-key-usage-other"}, false, nil, nil},
		{"genuine bank with CRLs in a directory is accepted", "real/qwac-partnerbanka-hr-hnb-71221608291-as.pem",
			"PSDHR-HNB-71221608291", []eidas.Role{eidas.AS}, eidas.Web, []string{"crl-location"}, false, nil, nil},
		{"genuine bank with all four roles is accepted", "real-unverified/qwac-comdirect-de-bafin-108549-as-ai-pi-ic.pem",
			"PSDDE-BAFIN-108549", all, eidas.Web, nil, false, nil, nil},
		{"provider's test certificate is accepted", "real-unverified/qwac-hanseaticbank-dtrust-test-ca-de-bafin-104114.pem",
			"PSDDE-BAFIN-104114", []eidas.Role{eidas.AS, eidas.AI, eidas.PI}, eidas.Web, nil, false, nil, nil},
		{"an authority of no country is for sandboxes only", "real-unverified/qseal-example-tpp-eszigno-test-ca3.pem",
			"", nil, eidas.ESeal, []string{"nca-country", "qcpds-language-case"}, true, nil, nil},
		{"a pre-certificate is no certificate", "real-unverified/qwac-precert-moneymonk-nl-dnb-r161162-ai.pem",
			"PSDNL-DNB-R161162", []eidas.Role{eidas.AI}, eidas.Web, nil, false, nil, eidas.ErrCriticalExtension},
		{"a role named as another is refused", "sandbox-quirks/altered-moneymonk-role-oid-name-mismatch.pem",
			"", nil, "", nil, false, eidas.ErrRoleName, eidas.ErrCriticalExtension},
		{"no role at all is refused", "sandbox-quirks/altered-singoldtal-roles-empty.pem",
			"", nil, "", nil, false, eidas.ErrMalformed, eidas.ErrCriticalExtension},
		{"content in QcCompliance is for sandboxes only", "sandbox-quirks/ing-sandbox-qseal-qccompliance-with-empty-utf8string.pem",
			"", nil, eidas.ESeal, []string{"qccompliance-content", "subject"}, true, nil, nil},
		{"one statement without its list is refused", "sandbox-quirks/adorsys-qcstatement-not-in-sequence-of.pem",
			"", nil, "", nil, false, eidas.ErrMalformed, nil},
		{"long role names are refused", "sandbox-quirks/forgerock-long-role-names.pem",
			"", nil, "", nil, false, eidas.ErrRoleName, nil},
		{"roles flattened into one sequence are refused", "sandbox-quirks/wso2-qseal-flattened-roles-sha1.pem",
			"", nil, "", nil, false, eidas.ErrMalformed, eidas.ErrWeak},
		{"a statement without organizationIdentifier is refused", "sandbox-quirks/obp-three-qctypes-long-pds-lang.pem",
			"", nil, "", nil, false, eidas.ErrOrganizationIdentifier, nil},
		{"an identifier alone is no statement", "sandbox-quirks/zlint-orgid-psd-no-qcstatements.pem",
			"", nil, "", nil, false, eidas.ErrNoStatement, nil},
		{"a genuine QWAC of another trade has no PSD2 statement", "ocsp-crl/qwac-www.harica.gr.cer",
			"", nil, "", nil, false, eidas.ErrNoStatement, nil},
		{"a genuine seal of another trade has no PSD2 statement", "ocsp-crl/qseal-european-commission-ec-cnect.crt",
			"", nil, "", nil, false, eidas.ErrNoStatement, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert := fixture(t, tt.file)
			id, found, err := eidas.Parse(cert)
			t.Logf("%+v\n%+v\n%v", id, found, err)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err := eidas.Usable(cert); !errors.Is(err, tt.weak) {
				t.Errorf("usable: got %v, want %v", err, tt.weak)
			}
			if id.QcType != tt.kind {
				t.Errorf("type: got %q, want %q", id.QcType, tt.kind)
			}
			if tt.org != "" && id.OrganizationIdentifier != tt.org {
				t.Errorf("organizationIdentifier: got %q, want %q", id.OrganizationIdentifier, tt.org)
			}
			if tt.roles != nil && !sameRoles(id.Roles, tt.roles) {
				t.Errorf("roles: got %v, want %v", id.Roles, tt.roles)
			}
			for _, rule := range tt.rules {
				if !slices.ContainsFunc(found, func(f eidas.Finding) bool { return f.Rule == rule }) {
					t.Errorf("finding %s is missing in %v", rule, found)
				}
			}
			if grave := slices.ContainsFunc(found, func(f eidas.Finding) bool { return f.Grave }); grave != tt.grave {
				t.Errorf("grave: got %v, want %v in %v", grave, tt.grave, found)
			}
		})
	}
}

func sameRoles(a, b []eidas.Role) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

package verdict_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/verdict"
	"kontor/kit/eidas"
	"kontor/kit/trustlist"
)

// fixtures is where genuine certificates and the genuine lists of September 2019 lie, seen
// from this folder; journal is who signed the list of the lists then.
const (
	fixtures = "../../../shared/fixtures/eidas"
	journal  = "d2064fdd70f6982dcc516b86d9d5c56aea939417c624b2e478c0b29de54f8474"
)

// lists2019 verifies the lists once for all tests.
var lists2019 = sync.OnceValues(func() (*trustlist.Set, error) {
	names, err := filepath.Glob(filepath.Join(fixtures, "trusted-lists", "*.xml"))
	if err != nil {
		return nil, err
	}
	var files []trustlist.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, trustlist.File{Name: filepath.Base(name), Data: data})
	}
	pin, err := trustlist.ParsePin(journal)
	if err != nil {
		return nil, err
	}
	return trustlist.Open(files, []trustlist.Pin{pin})
})

func genuineLists(t *testing.T) *trustlist.Set {
	t.Helper()
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("not beside this repository: ", fixtures)
	}
	set, err := lists2019()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	data := fixture(t, name)
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

const decade = 10 * 365 * 24 * time.Hour

// The genuine certificates are accepted by the genuine lists, and every sample of others
// is refused for what is wrong with it, not only for its issuer, which no list knows.
func TestCertificatesOfOthers(t *testing.T) {
	t.Parallel()
	set := genuineLists(t)
	for _, tt := range []struct {
		name, file string
		use        eidas.QcType
		role       eidas.Role
		at         string // "": a day after it begins
		stale      time.Duration
		refused    string // the checks that refuse, in order, and words of the last reason
		findings   string // that must be among those
		service    string
	}{
		{"a genuine TPP", "real/qwac-safeconnect-gb-fca-827001-ai-pi.pem", eidas.Web, eidas.AI, "", 0, "", "key-usage revocation-unknown", "PT"},
		{"a genuine TPP that wants more than its roles", "real/qwac-safeconnect-gb-fca-827001-ai-pi.pem", eidas.Web, eidas.IC, "", 0, "entitled: PSP_IC", "", "PT"},
		{"a genuine TPP after its time", "real/qwac-safeconnect-gb-fca-827001-ai-pi.pem", eidas.Web, eidas.AI, "2021-10-01", decade, "valid: it ended on 2021-09-17", "list-stale", "PT"},
		{"a genuine QWAC as a seal", "real/qwac-safeconnect-gb-fca-827001-ai-pi.pem", eidas.ESeal, "", "", 0, "granted statements: \"web\", not \"eseal\"", "", "PT"},
		{"a genuine bank with all roles", "real/qwac-creditas-cz-cnb-63492555-as-pi-ai-ic.pem", eidas.Web, eidas.IC, "", 0, "", "ext-key-usage-other", "CZ"},
		{"a genuine bank of 2023 by the lists of 2019, on demand", "real/qwac-partnerbanka-hr-hnb-71221608291-as.pem", eidas.Web, eidas.AS, "", decade, "", "crl-location list-stale", "HR"},
		{"a genuine bank of 2023 by the lists of 2019, otherwise", "real/qwac-partnerbanka-hr-hnb-71221608291-as.pem", eidas.Web, eidas.AS, "", 0, "current current: the trusted list of HR should have been replaced", "", "HR"},
		{"a genuine bank whose country's list is missing", "real-unverified/qwac-comdirect-de-bafin-108549-as-ai-pi-ic.pem", eidas.Web, eidas.AI, "", 0, "path: no service of a trusted list issued it", "", ""},
		{"a test certificate of a genuine provider", "real-unverified/qwac-hanseaticbank-dtrust-test-ca-de-bafin-104114.pem", eidas.Web, eidas.AI, "", 0, "path: Test CA", "", ""},
		{"an authority of no country", "real-unverified/qseal-example-tpp-eszigno-test-ca3.pem", eidas.ESeal, eidas.AI, "", decade, "path statements: EU-NCA", "qcpds-language-case", ""},
		{"a pre-certificate", "real-unverified/qwac-precert-moneymonk-nl-dnb-r161162-ai.pem", eidas.Web, eidas.AI, "", decade, "sound path:", "", ""},
		{"a role named as another", "sandbox-quirks/altered-moneymonk-role-oid-name-mismatch.pem", eidas.Web, eidas.AI, "", decade, "sound path statements: is PSP_AI, not \"PSP_AS\"", "", ""},
		{"no role at all", "sandbox-quirks/altered-singoldtal-roles-empty.pem", eidas.Web, eidas.AI, "", decade, "sound path statements: RolesOfPSP is empty", "", ""},
		{"content where there must be none", "sandbox-quirks/ing-sandbox-qseal-qccompliance-with-empty-utf8string.pem", eidas.ESeal, eidas.AI, "", decade, "path statements statements: different authorities", "subject", ""},
		{"a statement without its list", "sandbox-quirks/adorsys-qcstatement-not-in-sequence-of.pem", eidas.Web, eidas.AI, "", decade, "path statements: is not a SEQUENCE", "", ""},
		{"long role names", "sandbox-quirks/forgerock-long-role-names.pem", eidas.Web, eidas.AI, "", decade, "path statements: is PSP_IC, not", "", ""},
		{"flattened roles, and SHA-1", "sandbox-quirks/wso2-qseal-flattened-roles-sha1.pem", eidas.ESeal, eidas.AI, "", decade, "sound path statements: has 8 elements", "", ""},
		{"three types", "sandbox-quirks/obp-three-qctypes-long-pds-lang.pem", eidas.Web, eidas.AI, "", decade, "path holder: the subject has 0", "", ""},
		{"an identifier alone", "sandbox-quirks/zlint-orgid-psd-no-qcstatements.pem", eidas.Web, eidas.AI, "", decade, "path statements: no PSD2 statement", "", ""},
		{"a genuine QWAC of another trade", "ocsp-crl/qwac-www.harica.gr.cer", eidas.Web, "", "", decade, "path statements: no PSD2 statement", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cert := certificate(t, tt.file)
			q := verdict.Question{Chain: []*x509.Certificate{cert}, Use: tt.use, Role: tt.role, At: cert.NotBefore.AddDate(0, 0, 1)}
			if tt.at != "" {
				q.At, _ = time.Parse("2006-01-02", tt.at)
			}
			v := (&verdict.Judge{Set: set, StaleMax: tt.stale}).On(q)
			var checks []string
			reason := ""
			for _, r := range v.Refusals {
				checks, reason = append(checks, string(r.Check)), r.Reason
			}
			want, words, _ := strings.Cut(tt.refused, ":")
			if got := strings.Join(checks, " "); got != want || !strings.Contains(reason, strings.TrimSpace(words)) || v.Accepted != (want == "") {
				t.Errorf("refused: %+v", v.Refusals)
			}
			for rule := range strings.FieldsSeq(tt.findings) {
				if !slices.ContainsFunc(v.Findings, func(f verdict.Finding) bool { return f.Rule == rule }) {
					t.Errorf("%s is not found: %+v", rule, v.Findings)
				}
			}
			if tt.service != "" && (v.Service == nil || v.Service.Territory != tt.service || len(v.Lists) != 2 || len(v.Path) != 2) {
				t.Errorf("vouched for by %+v, path %v, lists %v", v.Service, v.Path, v.Lists)
			}
		})
	}
}

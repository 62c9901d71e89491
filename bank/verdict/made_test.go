package verdict_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/bank/tpp"
	"kontor/bank/verdict"
	"kontor/kit/eidas"
	"kontor/kit/trustlist"
	"kontor/kit/trustlist/trustlisttest"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const withdrawn = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn"

// both says that a service issues for TLS and for seals.
var both = []string{trustlist.ForWebSiteAuthentication, trustlist.ForESeals}

// list is a set in which Slovenia has one service with these periods.
func list(t *testing.T, cert *x509.Certificate, periods ...trustlisttest.Period) *trustlist.Set {
	t.Helper()
	eu, si := trustlisttest.NewSigner("EU"), trustlisttest.NewSigner("SI")
	for i := range periods {
		if periods[i].Type == "" {
			periods[i].Type = trustlist.IssuesQualified
		}
	}
	set, err := trustlist.Open([]trustlist.File{
		{Name: "eu-lotl.xml", Data: eu.Sign(trustlisttest.List{Type: trustlist.TypeLists, Territory: "EU", Sequence: 1, NextUpdate: noon.AddDate(0, 3, 0),
			Pointers: []trustlisttest.Pointer{{Territory: "SI", Signers: []trustlisttest.Signer{si}}}}.XML())},
		{Name: "SI.xml", Data: si.Sign(trustlisttest.List{Type: trustlist.TypeNational, Territory: "SI", Sequence: 2, NextUpdate: noon.AddDate(0, 1, 0),
			Services: []trustlisttest.Service{{Cert: cert, Periods: periods}}}.XML())},
	}, []trustlist.Pin{eu.Pin()})
	if err != nil || len(set.Problems) > 0 {
		t.Fatal(err, set)
	}
	return set
}

// issuingKey takes the last key of the CA's file, which is that of the issuing CA.
func issuingKey(t *testing.T, ca *eidas.CA) crypto.Signer {
	t.Helper()
	dir := t.TempDir()
	if err := ca.Save(dir); err != nil {
		t.Fatal(err)
	}
	rest, err := os.ReadFile(filepath.Join(dir, "ca-keys.pem"))
	if err != nil {
		t.Fatal(err)
	}
	var last *pem.Block
	for block := new(pem.Block); block != nil; {
		if block, rest = pem.Decode(rest); block != nil {
			last = block
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(last.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(crypto.Signer)
}

func TestAServiceVouches(t *testing.T) {
	t.Parallel()
	ca, err := eidas.NewCA("Sava Trust", noon.AddDate(-1, 0, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	ca.Now = func() time.Time { return noon }
	issue := func(kind eidas.Kind, defect eidas.Defect) *x509.Certificate {
		r := eidas.Request{Kind: kind, Organization: "Alpa", OrganizationIdentifier: "PSDSI-BS-7402113", Roles: []eidas.Role{eidas.AI}, Defect: defect}
		if kind == eidas.QWAC {
			r.DNSNames = []string{"alpa.example"}
		}
		issued, err := ca.Issue(r)
		if err != nil {
			t.Fatal(err)
		}
		return issued.Cert
	}
	qwac, seal, unstated := issue(eidas.QWAC, ""), issue(eidas.QSealC, ""), issue(eidas.QWAC, eidas.NotQualified)
	stray, err := x509.ParseCertificate(ca.Root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	from := noon.AddDate(-1, 0, 0)
	granted := trustlisttest.Period{Status: trustlist.Granted, From: from, Uses: both}
	says := func(qualifiers ...string) trustlisttest.Period {
		p := granted
		p.Extensions = `<Extension Critical="true"><q:Qualifications><q:QualificationElement><q:Qualifiers>`
		for _, qualifier := range qualifiers {
			p.Extensions += `<q:Qualifier uri="` + qualifier + `"/>`
		}
		p.Extensions += `</q:Qualifiers><q:CriteriaList assert="all"><q:KeyUsage><q:KeyUsageBit name="digitalSignature">true</q:KeyUsageBit></q:KeyUsage></q:CriteriaList></q:QualificationElement></q:Qualifications></Extension>`
		return p
	}
	crl := func(reason int) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(48 * time.Hour)}
		if reason >= 0 {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: qwac.SerialNumber, RevocationTime: noon.Add(-time.Hour), ReasonCode: reason}}
		}
		der, err := x509.CreateRevocationList(rand.Reader, l, ca.Issuing, issuingKey(t, ca))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for _, tt := range []struct {
		name    string
		leaf    *x509.Certificate
		use     eidas.QcType
		set     *trustlist.Set
		change  func(*verdict.Judge, *verdict.Question)
		refused string // checks with codes
	}{
		{"a QWAC of a granted service", qwac, eidas.Web, list(t, ca.Issuing, granted), nil, ""},
		{"a QSealC of a granted service", seal, eidas.ESeal, list(t, ca.Issuing, granted), nil, ""},
		{"a QSealC for TLS", seal, eidas.Web, list(t, ca.Issuing, granted), nil, "statements CERTIFICATE_INVALID"},
		{"a QWAC whose issuer stands under the service, and came along", qwac, eidas.Web, list(t, ca.Root, granted), func(_ *verdict.Judge, q *verdict.Question) { q.Chain = append(q.Chain, ca.Issuing) }, ""},
		{"a QWAC whose issuer stands under the service, and did not", qwac, eidas.Web, list(t, ca.Root, granted), nil, "path CERTIFICATE_INVALID"},
		{"a root that came along vouches for nobody", qwac, eidas.Web, list(t, trustlisttest.NewSigner("x").Cert, granted), func(_ *verdict.Judge, q *verdict.Question) { q.Chain = append(q.Chain, ca.Issuing, stray) }, "path CERTIFICATE_INVALID"},
		{"a service that has been withdrawn since", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: withdrawn, From: noon.Add(time.Hour), Uses: both}, granted), func(_ *verdict.Judge, q *verdict.Question) { q.At = noon.Add(2 * time.Hour) }, "granted CERTIFICATE_INVALID"},
		{"a service that will be withdrawn", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: withdrawn, From: noon.Add(time.Hour), Uses: both}, granted), nil, ""},
		{"a service that was granted only afterwards", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: trustlist.Granted, From: noon, Uses: both}, trustlisttest.Period{Status: withdrawn, From: from, Uses: both}), nil, "granted CERTIFICATE_INVALID"},
		{"a service that did not exist when it issued", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: trustlist.Granted, From: noon, Uses: both}), nil, "granted CERTIFICATE_INVALID"},
		{"a service for seals only", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: trustlist.Granted, From: from, Uses: both[1:]}), nil, "granted CERTIFICATE_INVALID"},
		{"a service that did not issue for TLS then", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: trustlist.Granted, From: noon, Uses: both}, trustlisttest.Period{Status: trustlist.Granted, From: from, Uses: both[1:]}), nil, "granted CERTIFICATE_INVALID"},
		{"a service of another kind", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Type: "http://uri.etsi.org/TrstSvc/Svctype/CA/PKC", Status: trustlist.Granted, From: from, Uses: both}), nil, "path CERTIFICATE_INVALID"},
		{"a service of which the list says what nobody understands", qwac, eidas.Web, list(t, ca.Issuing, trustlisttest.Period{Status: trustlist.Granted, From: from, Uses: both, Extensions: `<Extension Critical="true"><Moon>full</Moon></Extension>`}), nil, "granted CERTIFICATE_INVALID"},
		{"the list says that it is not qualified", qwac, eidas.Web, list(t, ca.Issuing, says(trustlist.NotQualified)), nil, "granted CERTIFICATE_INVALID"},
		{"the list says that it is for signatures", qwac, eidas.Web, list(t, ca.Issuing, says(trustlist.QCForESig)), nil, "statements CERTIFICATE_INVALID"},
		{"a certificate that does not say that it is qualified", unstated, eidas.Web, list(t, ca.Issuing, granted), nil, "statements CERTIFICATE_INVALID"},
		{"but the list does", unstated, eidas.Web, list(t, ca.Issuing, says(trustlist.QCStatement, trustlist.QCForWSA)), nil, ""},
		{"a certificate that has ended", issue(eidas.QWAC, eidas.Expired), eidas.Web, list(t, ca.Issuing, granted), nil, "valid CERTIFICATE_EXPIRED"},
		{"a certificate that has not begun", issue(eidas.QWAC, eidas.NotYetValid), eidas.Web, list(t, ca.Issuing, granted), nil, "valid CERTIFICATE_EXPIRED"},
		{"lists that are a week late", qwac, eidas.Web, list(t, ca.Issuing, granted), func(_ *verdict.Judge, q *verdict.Question) { q.At = noon.AddDate(0, 1, 7) }, "current CERTIFICATE_INVALID"},
		{"lists that are a week late, of which ten days are allowed", qwac, eidas.Web, list(t, ca.Issuing, granted), func(j *verdict.Judge, q *verdict.Question) {
			q.At, j.StaleMax = noon.AddDate(0, 1, 7), 240*time.Hour
		}, ""},
		{"no lists", qwac, eidas.Web, nil, nil, "path CERTIFICATE_INVALID"},
		{"a revoked certificate", qwac, eidas.Web, list(t, ca.Issuing, granted), func(_ *verdict.Judge, q *verdict.Question) { q.CRLs = [][]byte{crl(1)} }, "unrevoked CERTIFICATE_REVOKED"},
		{"a certificate that is not in the revocation list", qwac, eidas.Web, list(t, ca.Issuing, granted), func(j *verdict.Judge, q *verdict.Question) { j.MustAnswer, q.CRLs = true, [][]byte{crl(-1)} }, ""},
		{"no answer although there must be one", qwac, eidas.Web, list(t, ca.Issuing, granted), func(j *verdict.Judge, q *verdict.Question) { j.MustAnswer, q.OCSP = true, [][]byte{{1}} }, "unrevoked CERTIFICATE_INVALID"},
		{"a holder on the stop list", qwac, eidas.Web, list(t, ca.Issuing, granted), func(j *verdict.Judge, _ *verdict.Question) {
			j.Blocked = func(id tpp.ID) bool { return id == "PSDSI-BS-7402113" }
		}, "unblocked CERTIFICATE_BLOCKED"},
		{"a role that it gives", qwac, eidas.Web, list(t, ca.Issuing, granted), func(_ *verdict.Judge, q *verdict.Question) { q.Role = eidas.AI }, ""},
		{"a role that it does not give", qwac, eidas.Web, list(t, ca.Issuing, granted), func(_ *verdict.Judge, q *verdict.Question) { q.Role = eidas.PI }, "entitled ROLE_INVALID"},
		{"no certificate", nil, eidas.Web, list(t, ca.Issuing, granted), nil, "presented CERTIFICATE_MISSING"},
		{"the certificate of the CA itself", ca.Issuing, eidas.Web, list(t, ca.Issuing, granted), nil, "sound CERTIFICATE_INVALID, path CERTIFICATE_INVALID, statements CERTIFICATE_INVALID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j, q := &verdict.Judge{Set: tt.set}, verdict.Question{Chain: []*x509.Certificate{tt.leaf}, Use: tt.use, At: noon}
			if tt.change != nil {
				tt.change(j, &q)
			}
			v := j.On(q)
			var refused []string
			for _, r := range v.Refusals {
				refused = append(refused, string(r.Check)+" "+r.Code)
				if r.Reason == "" {
					t.Errorf("%s gives no reason", r.Check)
				}
			}
			if got := strings.Join(refused, ", "); got != tt.refused || v.Accepted != (got == "") {
				t.Errorf("got %+v", v.Refusals)
			}
			if !v.Accepted && (v.Code != v.Refusals[0].Code || v.Reason != v.Refusals[0].Reason) {
				t.Errorf("the first reason is not the one that counts: %s %s", v.Code, v.Reason)
			}
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var back verdict.Verdict
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(back); err != nil || string(again) != string(data) {
				t.Errorf("stored and read again it differs:\n%s\n%s", data, again)
			}
		})
	}
}

package pain_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kontor/bank/core"
	"kontor/edge/pain"
	"kontor/kit/day"
	"kontor/kit/money"
)

const shared = "../../../shared/"

// judge lets libxml2 hold documents against the schema of their version, and says which of
// them are valid. It knows nothing (nil) where it cannot be asked.
func judge(t *testing.T, version string, documents ...string) (valid map[string]bool) {
	t.Helper()
	schema := filepath.Join(shared, "specs/iso20022/xsd", version+".xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Log("not held against the schema, which is not beside this repository: ", err)
		return nil
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Log("not held against the schema: xmllint (package libxml2-utils) is not installed")
		return nil
	}
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--schema", schema}
	for i, d := range documents {
		name := filepath.Join(dir, strconv.Itoa(i)+".xml")
		if err := os.WriteFile(name, []byte(d), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	out, _ := exec.Command("xmllint", args...).CombinedOutput()
	valid = map[string]bool{}
	for i, d := range documents {
		valid[d] = strings.Contains(string(out), string(filepath.Separator)+strconv.Itoa(i)+".xml validates")
	}
	return valid
}

// wantValid fails when a document is not what its schema wants.
func wantValid(t *testing.T, version string, documents ...string) {
	t.Helper()
	for d, valid := range judge(t, version, documents...) {
		if !valid {
			t.Errorf("not valid as %s:\n%.3000s", version, d)
		}
	}
}

// judgeAll is judge for the documents of a table, each version in one go.
func judgeAll(t *testing.T, documents map[string][]string) (valid map[string]bool) {
	t.Helper()
	for version, l := range documents {
		for d, ok := range judge(t, version, l...) {
			if valid == nil {
				valid = map[string]bool{}
			}
			valid[d] = ok
		}
	}
	return valid
}

// basic is the plain document in each version.
func basic(version string) string {
	if version == pain.Version09 {
		return later
	}
	return plain
}

// versions lists those that a case is for: one by its last figures, or both.
func versions(which string) (l []string) {
	for _, v := range pain.Versions() {
		if which == "both" || strings.HasSuffix(v, which) {
			l = append(l, v)
		}
	}
	return l
}

// plain is a document of one payment with nothing but what every order has.
const plain = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03">
<CstmrCdtTrfInitn>
<GrpHdr><MsgId>MSG-2026-0815</MsgId><CreDtTm>2026-06-15T09:30:00</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>12.50</CtrlSum><InitgPty><Nm>Pay App</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>PI-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>2026-06-16</ReqdExctnDt><Dbtr><Nm>Zoe Roth</Nm></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BIC>KONTROBUXXX</BIC></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt><Cdtr><Nm>Bäckerei Söhne</Nm></Cdtr><CdtrAcct><Id><IBAN>AT611904300234573201</IBAN></Id></CdtrAcct></CdtTrfTxInf>
</PmtInf>
</CstmrCdtTrfInitn>
</Document>`

// later is plain as version 09.
var later = strings.NewReplacer("pain.001.001.03", "pain.001.001.09", "<BIC>", "<BICFI>", "</BIC>", "</BICFI>",
	"<ReqdExctnDt>2026-06-16</ReqdExctnDt>", "<ReqdExctnDt><Dt>2026-06-16</Dt></ReqdExctnDt>").Replace(plain)

// with replaces one place of a document, and is sure that it was there.
func with(t testing.TB, document string, oldnew ...string) string {
	t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if strings.Count(document, oldnew[i]) != 1 {
			t.Fatalf("%q stands %d times in the document", oldnew[i], strings.Count(document, oldnew[i]))
		}
		document = strings.Replace(document, oldnew[i], oldnew[i+1], 1)
	}
	return document
}

func order() pain.Order {
	return pain.Order{
		Version: pain.Version03, MessageID: "MSG-2026-0815", CreationTime: time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC),
		InitiatingParty: "Pay App", ControlSum: "12.50", DebtorAgent: "KONTROBUXXX",
		Bulk: core.Bulk{
			DebtorAccount: core.AccountReference{IBAN: "DE89370400440532013000"}, DebtorName: "Zoe Roth",
			RequestedExecutionDate: day.New(2026, 6, 16), PaymentInformationID: "PI-1",
			Payments: []core.Payment{{
				EndToEndID: "E-1", Amount: money.Amount{Minor: 1250, Currency: "EUR"},
				CreditorName: "Bäckerei Söhne", CreditorAccount: core.AccountReference{IBAN: "AT611904300234573201"},
			}},
		},
	}
}

// differ compares orders.
func differ(got, want pain.Order) string {
	return cmp.Diff(want, got, cmp.Comparer(func(a, b day.Day) bool { return a == b }), cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal))
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		name, file string
		want       error
		payments   int
	}{
		{"the German sample has two payments", "specs/iso20022/samples-valid/pain.001.001.03.xml", nil, 2},
		{"the Lithuanian sample has a byte order mark and an address in lines", "specs/iso20022/samples-valid/sepa_payment_naujas_1.xml", nil, 1},
		{"the sample of a Ruby library has two payments", "fixtures/statements/pain-sepa_king/pain.001.001.03.xml", nil, 2},
		{"the older German version is known and not offered", "fixtures/statements/pain-sepa_king/pain.001.002.03.xml", pain.ErrVersion, 0},
		{"the second German version is known and not offered", "fixtures/statements/pain-sepa_king/pain.001.003.03.xml", pain.ErrVersion, 0},
		{"the Swiss version is known and not offered", "fixtures/statements/pain-sepa_king/pain.001.001.03.ch.02.xml", pain.ErrVersion, 0},
		{"a direct debit is no payment order", "fixtures/statements/pain-sepa_king/pain.008.002.02.xml", pain.ErrFormat, 0},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(shared + s.file)
			if err != nil {
				t.Skip("not beside this repository: ", err)
			}
			o, err := pain.Parse(b, pain.Limits{})
			if !errors.Is(err, s.want) || len(o.Bulk.Payments) != s.payments {
				t.Errorf("%d payments, %v; want %d, %v", len(o.Bulk.Payments), err, s.payments, s.want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for version, document := range map[string]string{pain.Version03: plain, pain.Version09: later} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			wantValid(t, version, document)
			got, err := pain.Parse([]byte(document), pain.Limits{})
			want := order()
			want.Version = version
			if d := differ(got, want); d != "" || err != nil {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

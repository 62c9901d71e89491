package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/report"
)

const schemas = "../../../shared/specs/iso20022/xsd"

// validate lets libxml2 hold documents against the schema of their format.
func validate(t *testing.T, f report.Format, documents ...[]byte) {
	t.Helper()
	schema := filepath.Join(schemas, string(f)+".xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Skip("not beside this repository: ", err)
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint (package libxml2-utils) is not installed")
	}
	args := []string{"--nonet", "--noout", "--schema", schema}
	dir := t.TempDir()
	for i, d := range documents {
		name := filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i/26)+".xml")
		if err := os.WriteFile(name, d, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if out, err := exec.Command("xmllint", args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%.4000s\n%.6000s", f, err, out, documents[0])
	}
}

func camts() (formats []report.Format) {
	for _, f := range report.Formats() {
		if strings.HasPrefix(string(f), "camt") {
			formats = append(formats, f)
		}
	}
	return formats
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, f := range camts() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			pending := whole("-3", "EUR")
			pending.Pending = true
			entries := []core.Transaction{whole("-1.5", "EUR"), whole("1000", "EUR"), batch("-7.25", "EUR"),
				{Amount: text("5"), Currency: text("EUR")}, {Amount: text("-0.00"), Currency: text("EUR")}}
			if f.Pending() {
				entries = append(entries, pending)
			}
			h := head(t, "EUR")
			second := pair(h, "EUR", -5, 99620)
			second.Page, second.Last = 2, false
			bare := report.Head{ID: "x", Account: core.Account{Reference: core.AccountReference{MSISDN: "+40 721 000 000"}}}
			if f.NeedsBalances() {
				bare.Balances = h.Balances[:1]
			}
			validate(t, f, write(t, f, h, entries...), write(t, f, pair(h, "EUR", 0, 99625), entries...),
				write(t, f, second, entries...), write(t, f, bare), write(t, f, bare, entries...))
		})
	}
}

// wellFormed reads all of an XML document.
func wellFormed(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// entries returns what a document says between its head and its end.
func entries(t *testing.T, document []byte) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(document), "\n<Ntry>")
	if !ok {
		t.Fatalf("no entry: %s", document)
	}
	rest, _, _ = strings.Cut("<Ntry>"+rest, "\n</")
	return rest
}

func TestEntryOfCamt(t *testing.T) {
	t.Parallel()
	const v2 = `<Ntry><NtryRef>E-1</NtryRef><Amt Ccy="EUR">1.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>` +
		`<BookgDt><Dt>2026-06-15</Dt></BookgDt><ValDt><Dt>2026-06-16</Dt></ValDt><AcctSvcrRef>6e0a4bfa3f0e4b7c8c1d000000000001</AcctSvcrRef>` +
		`<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn><Prtry><Cd>117</Cd></Prtry></BkTxCd>` +
		`<NtryDtls><TxDtls><Refs><EndToEndId>INV 2026/0815</EndToEndId><MndtId>MD-77</MndtId><ChqNb>000123</ChqNb></Refs>` +
		`<AmtDtls><TxAmt><Amt Ccy="EUR">1.50</Amt><CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>EUR</TrgtCcy><UnitCcy>USD</UnitCcy><XchgRate>1.08673</XchgRate>` +
		`<CtrctId>FX-1</CtrctId><QtnDt>2026-06-14T00:00:00</QtnDt></CcyXchg></TxAmt>` +
		`<PrtryAmt><Tp>currencyExchange</Tp><Amt Ccy="EUR">1.50</Amt><CcyXchg><SrcCcy>GBP</SrcCcy><XchgRate>0.1234567890</XchgRate></CcyXchg></PrtryAmt></AmtDtls>` +
		`<RltdPties><Dbtr><Nm>Zoë O'Neil</Nm></Dbtr><DbtrAcct><Id><Othr><Id>1234567890</Id><SchmeNm><Cd>BBAN</Cd></SchmeNm></Othr></Id></DbtrAcct>` +
		`<UltmtDbtr><Nm>Αθηνά</Nm></UltmtDbtr><Cdtr><Nm>Müller &amp; Söhne "Backstube" &lt;GmbH&gt;</Nm>` +
		`<Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id></Cdtr>` +
		`<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></CdtrAcct><UltmtCdtr><Nm>Ćirić</Nm></UltmtCdtr></RltdPties>` +
		`<RltdAgts><DbtrAgt><FinInstnId><BIC>KONTROBUXXX</BIC></FinInstnId></DbtrAgt><CdtrAgt><FinInstnId><BIC>COBADEFF</BIC></FinInstnId></CdtrAgt></RltdAgts>` +
		`<Purp><Cd>SUPP</Cd></Purp><RmtInf><Ustrd>Rechnung 4711, Brötchen für Juni — 100 % 🥐</Ustrd><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf>` +
		`</TxDtls></NtryDtls><AddtlNtryInf>Card fee second line</AddtlNtryInf></Ntry>`
	v8 := strings.NewReplacer(
		"<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>",
		"</Refs>", `</Refs><Amt Ccy="EUR">1.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>`,
		"<Dbtr>", "<Dbtr><Pty>", "</Dbtr>", "</Pty></Dbtr>", "<Cdtr>", "<Cdtr><Pty>", "</Cdtr>", "</Pty></Cdtr>",
		"<UltmtDbtr>", "<UltmtDbtr><Pty>", "</UltmtDbtr>", "</Pty></UltmtDbtr>",
		"<UltmtCdtr>", "<UltmtCdtr><Pty>", "</UltmtCdtr>", "</Pty></UltmtCdtr>",
		"<BIC>", "<BICFI>", "</BIC>", "</BICFI>",
	).Replace(v2)
	for _, f := range camts() {
		want := v2
		if strings.HasSuffix(string(f), "08") {
			want = v8
		}
		if got := entries(t, write(t, f, head(t, "EUR"), whole("-1.5", "EUR"))); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", f, got, want)
		}
	}
}

func TestAmountsOfCamt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, amount, currency, want string }{
		{"decimals are filled up", "12.5", "EUR", `<Amt Ccy="EUR">12.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
		{"yen have none", "-120.00", "JPY", `<Amt Ccy="JPY">120</Amt><CdtDbtInd>DBIT</CdtDbtInd>`},
		{"dinars have three", "1.2", "KWD", `<Amt Ccy="KWD">1.200</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
		{"negative nothing is a credit", "-0.00", "EUR", `<Amt Ccy="EUR">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
		{"what the bank says beyond the cents stays", "0.005", "EUR", `<Amt Ccy="EUR">0.005</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
		{"half a yen, too", "-0.5", "JPY", `<Amt Ccy="JPY">0.5</Amt><CdtDbtInd>DBIT</CdtDbtInd>`},
		{"a currency that nobody knows has two", "7", "XQQ", `<Amt Ccy="XQQ">7.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
		{"the largest", "-99999999999999.999", "KWD", `<Amt Ccy="KWD">99999999999999.999</Amt><CdtDbtInd>DBIT</CdtDbtInd>`},
		{"leading zeros are none", "0001.10", "EUR", `<Amt Ccy="EUR">1.10</Amt><CdtDbtInd>CRDT</CdtDbtInd>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := entries(t, write(t, report.Camt052V02, head(t, "EUR"), core.Transaction{Amount: text(tt.amount), Currency: text(tt.currency)}))
			if !strings.HasPrefix(got, "<Ntry>"+tt.want+"<Sts>") {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTextsOfCamt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Wörter, ", 40) // 320 characters
	for _, tt := range []struct {
		name   string
		change func(*core.Transaction)
		want   string
	}{
		{"nothing is said of the payment", func(*core.Transaction) {}, "</BkTxCd><NtryDtls><TxDtls><AmtDtls>"},
		{"no code is ISO 20022's unknown one", func(*core.Transaction) {}, "<BkTxCd><Domn><Cd>XTND</Cd><Fmly><Cd>NTAV</Cd><SubFmlyCd>NTAV</SubFmlyCd></Fmly></Domn></BkTxCd>"},
		{"a code that is none of ISO 20022", func(e *core.Transaction) { e.BankTransactionCode = text("PMNT-transfer") }, "<BkTxCd><Prtry><Cd>PMNT-transfer</Cd></Prtry></BkTxCd>"},
		{"escapes of JSON", func(e *core.Transaction) {
			e.DebtorName = core.Text(`\u0160\u00e1r\u006ba \ud83e\udd50 \"a\" \/ \\ \n\ud83e.`)
		}, `<Nm>Šárka 🥐 "a" / \  ` + "\uFFFD" + `.</Nm>`},
		{"half a pair before what is none of the other half", func(e *core.Transaction) { e.DebtorName = core.Text(`a\ud83e\ue000b`) }, "<Nm>a\uFFFD\uE000b</Nm>"},
		{"controls", func(e *core.Transaction) { e.DebtorName = core.Text(`a\u0000b\u0007c\u0085d\uFFFFe`) }, "<Nm>abc de</Nm>"},
		{"a name of nothing", func(e *core.Transaction) { e.DebtorName, e.CreditorName = core.Text(`\u0000`), core.Text(` \n `) }, "</AmtDtls></TxDtls>"},
		{"a name is cut at a character", func(e *core.Transaction) { e.DebtorName = text(strings.Repeat("ő", 141)) }, "<Nm>" + strings.Repeat("ő", 140) + "</Nm>"},
		{"a long text comes in pieces at blanks", func(e *core.Transaction) { e.Remittance = text(long) }, "<RmtInf><Ustrd>" + strings.Repeat("Wörter, ", 17) + "</Ustrd><Ustrd>" + strings.Repeat("Wörter, ", 17) + "</Ustrd><Ustrd>" + strings.Repeat("Wörter, ", 5) + "Wörter,</Ustrd></RmtInf>"},
		{"a long word is broken", func(e *core.Transaction) { e.Remittance = text(strings.Repeat("ű", 150)) }, "<Ustrd>" + strings.Repeat("ű", 140) + "</Ustrd><Ustrd>" + strings.Repeat("ű", 10) + "</Ustrd>"},
		{"a structured text that is no reference", func(e *core.Transaction) { e.RemittanceStructured = text(strings.Repeat("1", 36)) }, "<Strd><AddtlRmtInf>" + strings.Repeat("1", 36) + "</AddtlRmtInf></Strd>"},
		{"an account that is masked", func(e *core.Transaction) { e.DebtorAccount.MaskedPAN = text("525412******3241") }, "<DbtrAcct><Id><Othr><Id>525412******3241</Id><SchmeNm><Prtry>maskedPan</Prtry></SchmeNm></Othr></Id></DbtrAcct>"},
		{"an IBAN that is none", func(e *core.Transaction) { e.DebtorAccount.IBAN = text("none of yours") }, "<DbtrAcct><Id><Othr><Id>none of yours</Id></Othr></Id></DbtrAcct>"},
		{"a BIC that is none", func(e *core.Transaction) { e.DebtorAgent = text("20041010") }, "<DbtrAgt><FinInstnId><Othr><Id>20041010</Id></Othr></FinInstnId></DbtrAgt>"},
		{"a purpose that is none", func(e *core.Transaction) { e.PurposeCode = text("for bread") }, "<Purp><Prtry>for bread</Prtry></Purp>"},
		{"days that there are not", func(e *core.Transaction) { e.BookingDate, e.ValueDate = text("2026-02-29"), text("0000-01-01") }, "</Sts><BkTxCd>"},
		{"an exchange without a rate", func(e *core.Transaction) {
			e.Exchange = []core.TextExchange{{SourceCurrency: text("USD"), Rate: text("1,08")}}
		}, `<TxAmt><Amt Ccy="EUR">1.00</Amt></TxAmt>`},
		{"a batch that tells no details", func(e *core.Transaction) { e.Batch, e.BatchCount = true, text("12") }, `<NtryDtls><Btch><NbOfTxs>12</NbOfTxs><TtlAmt Ccy="EUR">1.00</TtlAmt><CdtDbtInd>CRDT</CdtDbtInd></Btch><TxDtls>`},
		{"a batch that tells no count", func(e *core.Transaction) {
			e.Batch, e.Entries = true, []core.Transaction{{ID: text("P-1"), AdditionalInformation: text("June")}, {}}
		}, `<NbOfTxs>2</NbOfTxs><TtlAmt Ccy="EUR">1.00</TtlAmt><CdtDbtInd>CRDT</CdtDbtInd></Btch><TxDtls><Refs><AcctSvcrRef>P-1</AcctSvcrRef></Refs><AddtlTxInf>June</AddtlTxInf></TxDtls></NtryDtls></Ntry>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := core.Transaction{Amount: text("1"), Currency: text("EUR")}
			tt.change(&e)
			document := write(t, report.Camt053V02, head(t, "EUR"), e)
			if got := entries(t, document); !strings.Contains(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			validate(t, report.Camt053V02, document)
		})
	}
}

func TestPagesOfCamt(t *testing.T) {
	t.Parallel()
	h := pair(head(t, "EUR"), "EUR", 1, 1)
	for _, tt := range []struct {
		name             string
		page             int
		last             bool
		pagination       string
		opening, closing string // subtype
	}{
		{"no pages", 0, false, "</CreDtTm></GrpHdr>", "", ""},
		{"the only page", 1, true, "<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn>", "", ""},
		{"the first of several", 1, false, "<PgNb>1</PgNb><LastPgInd>false</LastPgInd>", "", "<SubTp><Cd>INTM</Cd></SubTp>"},
		{"one in the middle", 2, false, "<PgNb>2</PgNb><LastPgInd>false</LastPgInd>", "<SubTp><Cd>INTM</Cd></SubTp>", "<SubTp><Cd>INTM</Cd></SubTp>"},
		{"the last one", 3, true, "<PgNb>3</PgNb><LastPgInd>true</LastPgInd>", "<SubTp><Cd>INTM</Cd></SubTp>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := h
			h.Page, h.Last = tt.page, tt.last
			got := string(write(t, report.Camt053V08, h))
			for _, want := range []string{
				tt.pagination, "<Cd>OPBD</Cd></CdOrPrtry>" + tt.opening + "</Tp>", "<Cd>CLBD</Cd></CdOrPrtry>" + tt.closing + "</Tp>",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}

package tour

import (
	"bytes"
	"strings"
	"testing"

	"kontor/xs2aclient"
)

func entriesOf(amounts ...string) (page xs2aclient.TransactionPage) {
	for _, a := range amounts {
		page.Booked = append(page.Booked, xs2aclient.Transaction{Amount: xs2aclient.Amount{Currency: "EUR", Amount: a}})
	}
	return page
}

func TestStatementsAreHeldToTheirSums(t *testing.T) {
	t.Parallel()
	camt := func(closing, entry string) string {
		return `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
			<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Bal>
			<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">` + closing + `</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
			<Ntry><Amt Ccy="EUR">` + entry + `</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts></Ntry></Stmt></BkToCstmrStmt></Document>`
	}
	mt940 := func(closing, entry string) string {
		return strings.Join([]string{":20:1", ":60F:D260101EUR10,", ":61:2601020102C" + entry + "NTRFNONREF//1", ":86:/REMI/x", ":62F:C260103EUR" + closing, "-", ""}, "\r\n")
	}
	mt942 := func(sum string) string {
		return strings.Join([]string{":34F:EUR0,", ":61:2601020102C30,5NTRFNONREF", ":61:260102ED1,NTRFNONREF", ":90D:1EUR" + sum, ":90C:1EUR30,50", "-", ""}, "\r\n")
	}
	pending := entriesOf("30.50")
	pending.Pending = entriesOf("-1").Booked
	for name, tt := range map[string]struct {
		text, kind string
		asJSON     xs2aclient.TransactionPage
		ok         bool
	}{
		"camt whose entries lead to the closing balance":  {camt("20.50", "30.50"), "camt.053.001.08", entriesOf("30.50"), true},
		"camt whose entries do not":                       {camt("20.51", "30.50"), "camt.053.001.08", entriesOf("30.50"), false},
		"camt with another amount than JSON":              {camt("20.50", "30.50"), "camt.053.001.08", entriesOf("30.51"), false},
		"camt with fewer entries than JSON":               {camt("20.50", "30.50"), "camt.053.001.08", entriesOf("30.50", "0.00"), false},
		"MT940 whose entries lead to the closing balance": {mt940("20,5", "30,5"), "MT940", entriesOf("30.5"), true},
		"MT940 whose entries do not":                      {mt940("20,5", "30,4"), "MT940", entriesOf("30.4"), false},
		"MT942 that tells its sums":                       {mt942("1,"), "MT942", pending, true},
		"MT942 that tells others":                         {mt942("2,"), "MT942", pending, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := parseMT([]byte(tt.text), "EUR")
			if strings.HasPrefix(tt.kind, "camt") {
				s, err = parseCamt([]byte(tt.text))
			}
			if err = all(err, s.holds(tt.asJSON)); s.kind != tt.kind || (err == nil) != tt.ok {
				t.Errorf("%s: %v", s.kind, err)
			}
		})
	}
}

func TestTheSameExchangeIsToldOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &printer{out: &out}
	for _, line := range []string{"a", "a", "a", "b"} {
		p.again(line)
	}
	p.line("c")
	p.again("d")
	p.line("e")
	if want := "a (3 times)\nb\nc\nd\ne\n"; out.String() != want {
		t.Errorf("%q, not %q", out.String(), want)
	}
}

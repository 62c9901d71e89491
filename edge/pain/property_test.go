package pain_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"kontor/bank/core"
	"kontor/edge/pain"
	"kontor/kit/day"
	"kontor/kit/money"
)

// write makes a document of an order, as a program of a TPP might. salt decides what may be
// said in more than one way.
func write(o pain.Order, salt int) string {
	var b strings.Builder
	put := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	escape := func(s string) string {
		var e strings.Builder
		for i, r := range s {
			switch {
			case (i+salt)%5 == 0 && r != ']':
				fmt.Fprintf(&e, "&#x%X;", r)
			case (i+salt)%7 == 0 && r != ']':
				fmt.Fprintf(&e, "<![CDATA[%c]]><!-- - -->", r)
			default:
				xml.EscapeText(&e, []byte(string(r)))
			}
		}
		return e.String()
	}
	element := func(name, text string) {
		if text != "" {
			put("<%s>%s</%s>\n", name, escape(text), name)
		}
	}
	party := func(name, text string) {
		put("<%s>", name)
		element("Nm", text)
		put("</%s>", name)
	}
	account := func(name string, a core.AccountReference) {
		put("<%s><Id>", name)
		element("IBAN", a.IBAN)
		if o := a.Other; o.Identification != "" {
			put("<Othr>")
			element("Id", o.Identification)
			if o.SchemeNameCode+o.SchemeNameProprietary != "" {
				put("<SchmeNm>")
				element("Cd", o.SchemeNameCode)
				element("Prtry", o.SchemeNameProprietary)
				put("</SchmeNm>")
			}
			element("Issr", o.Issuer)
			put("</Othr>")
		}
		put("</Id>")
		element("Ccy", a.Currency)
		put("</%s>", name)
	}
	v09 := o.Version == pain.Version09
	bic := "BIC"
	if v09 {
		bic = "BICFI"
	}
	kind := func() {
		if o.ServiceLevel+o.LocalInstrument != "" {
			put("<PmtTpInf>")
			if o.ServiceLevel != "" {
				put("<SvcLvl><Cd>%s</Cd></SvcLvl>", escape(o.ServiceLevel))
			}
			if o.LocalInstrument != "" {
				put("<LclInstrm><Cd>%s</Cd></LclInstrm>", escape(o.LocalInstrument))
			}
			put("</PmtTpInf>")
		}
	}
	k := o.Bulk
	put(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%s"><CstmrCdtTrfInitn><GrpHdr>`, o.Version)
	element("MsgId", o.MessageID)
	element("CreDtTm", o.CreationTime.Format(time.RFC3339Nano))
	put("<NbOfTxs>%d</NbOfTxs>", len(k.Payments))
	element("CtrlSum", o.ControlSum)
	party("InitgPty", o.InitiatingParty)
	put("</GrpHdr><PmtInf>")
	element("PmtInfId", k.PaymentInformationID)
	put("<PmtMtd>TRF</PmtMtd>")
	if k.BatchBooking != nil {
		put("<BtchBookg>%t</BtchBookg>", *k.BatchBooking)
	}
	if salt%2 == 0 {
		kind()
	}
	put("<ReqdExctnDt>")
	switch {
	case !v09:
		put("%s", k.RequestedExecutionDate)
	case k.RequestedExecutionTime.IsZero():
		element("Dt", k.RequestedExecutionDate.String())
	default:
		element("DtTm", k.RequestedExecutionTime.Format(time.RFC3339Nano))
	}
	put("</ReqdExctnDt>")
	party("Dbtr", k.DebtorName)
	account("DbtrAcct", k.DebtorAccount)
	put("<DbtrAgt><FinInstnId>")
	element(bic, o.DebtorAgent)
	put("</FinInstnId></DbtrAgt>")
	for _, p := range k.Payments {
		put("<CdtTrfTxInf><PmtId>")
		element("InstrId", p.InstructionID)
		element("EndToEndId", p.EndToEndID)
		put("</PmtId>")
		if salt%2 == 1 {
			kind()
		}
		put(`<Amt><InstdAmt Ccy="%s">%s</InstdAmt></Amt>`, p.Amount.Currency, p.Amount)
		element("ChrgBr", p.ChargeBearer)
		if p.UltimateDebtor != "" {
			party("UltmtDbtr", p.UltimateDebtor)
		}
		if p.CreditorAgent+p.CreditorAgentName != "" {
			put("<CdtrAgt><FinInstnId>")
			element(bic, p.CreditorAgent)
			element("Nm", p.CreditorAgentName)
			put("</FinInstnId></CdtrAgt>")
		}
		put("<Cdtr>")
		element("Nm", p.CreditorName)
		if a := p.CreditorAddress; a != nil {
			put("<PstlAdr>")
			element("StrtNm", a.StreetName)
			element("BldgNb", a.BuildingNumber)
			element("PstCd", a.PostCode)
			element("TwnNm", a.TownName)
			element("Ctry", a.Country)
			put("</PstlAdr>")
		}
		if p.CreditorID != "" {
			put("<Id><OrgId><Othr>")
			element("Id", p.CreditorID)
			put("</Othr></OrgId></Id>")
		}
		put("</Cdtr>")
		account("CdtrAcct", p.CreditorAccount)
		if p.UltimateCreditor != "" {
			party("UltmtCdtr", p.UltimateCreditor)
		}
		if p.PurposeCode != "" {
			put("<Purp>")
			element("Cd", p.PurposeCode)
			put("</Purp>")
		}
		put("<RmtInf>")
		element("Ustrd", p.Remittance)
		if s := p.Structured; s != nil {
			put("<Strd><CdtrRefInf>")
			if s.ReferenceType != "" {
				put("<Tp><CdOrPrtry>")
				element("Prtry", s.ReferenceType)
				put("</CdOrPrtry>")
				element("Issr", s.ReferenceIssuer)
				put("</Tp>")
			}
			element("Ref", s.Reference)
			put("</CdtrRefInf></Strd>")
		}
		put("</RmtInf></CdtTrfTxInf>")
	}
	put("</PmtInf></CstmrCdtTrfInitn></Document>")
	return b.String()
}

var asciiLetters = &unicode.RangeTable{R16: []unicode.Range16{{Lo: '0', Hi: '9', Stride: 1}, {Lo: 'A', Hi: 'Z', Stride: 1}, {Lo: 'a', Hi: 'z', Stride: 1}}, LatinOffset: 3}

// anyOrder draws an order.
func anyOrder(t *rapid.T) pain.Order {
	words := func(label string, least, most int) string {
		runes := rapid.OneOf(rapid.RuneFrom([]rune(" &<>'\"]äß漢é€🥐-/?:().,+;=%#")), rapid.RuneFrom(nil, asciiLetters))
		return rapid.StringOfN(runes, least, most, -1).Draw(t, label)
	}
	code := func(label, pattern string) string { return rapid.StringMatching(pattern).Draw(t, label) }
	maybe := func(label, pattern string) string { return code(label, "("+pattern+")?") }
	version := rapid.SampledFrom(pain.Versions()).Draw(t, "version")
	bic := "([A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?)"
	account := func() (a core.AccountReference) {
		if rapid.Bool().Draw(t, "IBAN") {
			a.IBAN = code("IBAN", "[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}")
		} else {
			a.Other.Identification, a.Other.Issuer = words("Id", 1, 34), words("Issr", 0, 35)
			if rapid.Bool().Draw(t, "scheme") {
				a.Other.SchemeNameCode = code("scheme", "[C-Z]{4}")
			} else {
				a.Other.SchemeNameProprietary = words("scheme", 0, 35)
			}
		}
		a.Currency = maybe("Ccy", "EUR|USD|RON")
		return a
	}
	moment := func(label string) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, label))
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, label), rapid.SampledFrom([]int64{0, 1, 5e8, 999_999_999}).Draw(t, label)).In(zone)
	}
	o := pain.Order{
		Version: version, MessageID: words("MsgId", 1, 35), CreationTime: moment("CreDtTm"), InitiatingParty: words("InitgPty", 0, 140),
		ServiceLevel: maybe("SvcLvl", "SEPA|URGP"), LocalInstrument: maybe("LclInstrm", "INST"), DebtorAgent: maybe("DbtrAgt", bic),
		Bulk: core.Bulk{
			DebtorAccount: account(), DebtorName: words("Dbtr", 0, 140), PaymentInformationID: words("PmtInfId", 1, 35),
			RequestedExecutionDate: day.New(2026, 1, 1).AddDays(rapid.IntRange(-9000, 9999).Draw(t, "day")),
			BatchBooking:           rapid.Ptr(rapid.Bool(), true).Draw(t, "BtchBookg"),
		},
	}
	if version == pain.Version09 && rapid.Bool().Draw(t, "DtTm") {
		o.Bulk.RequestedExecutionDate, o.Bulk.RequestedExecutionTime = day.Day{}, moment("DtTm")
	}
	total := int64(0) // in thousandths
	for range rapid.IntRange(1, 5).Draw(t, "payments") {
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "RON"}).Draw(t, "currency")
		p := core.Payment{
			EndToEndID: words("EndToEndId", 1, 35), InstructionID: words("InstrId", 0, 35),
			Amount:          money.Amount{Minor: rapid.Int64Range(1, 9_999_999_999_999).Draw(t, "amount"), Currency: currency},
			UltimateDebtor:  words("UltmtDbtr", 0, 140),
			CreditorAccount: account(), CreditorName: words("Cdtr", 0, 140), CreditorAgent: maybe("CdtrAgt", bic), CreditorAgentName: words("CdtrAgtNm", 0, 140),
			CreditorID: words("CdtrId", 0, 35), UltimateCreditor: words("UltmtCdtr", 0, 140), PurposeCode: maybe("Purp", "[A-Z]{4}"),
			ChargeBearer: maybe("ChrgBr", "DEBT|CRED|SHAR|SLEV"), Remittance: words("Ustrd", 0, 140),
		}
		if rapid.Bool().Draw(t, "address") {
			p.CreditorAddress = &core.Address{StreetName: words("street", 0, 70), BuildingNumber: words("number", 0, 16),
				PostCode: words("code", 0, 16), TownName: words("town", 0, 35), Country: code("country", "[A-Z]{2}")}
		}
		if rapid.Bool().Draw(t, "reference") {
			p.Structured = &core.StructuredRemittance{Reference: words("Ref", 1, 35)}
			if rapid.Bool().Draw(t, "kind") {
				p.Structured.ReferenceType, p.Structured.ReferenceIssuer = words("Tp", 1, 35), words("Issr", 0, 35)
			}
		}
		n := p.Amount.Minor
		for d, _ := money.Decimals(currency); d < 3; d++ {
			n *= 10
		}
		total += n
		o.Bulk.Payments = append(o.Bulk.Payments, p)
	}
	if rapid.Bool().Draw(t, "CtrlSum") {
		o.ControlSum = money.Amount{Minor: total, Currency: "KWD"}.String()
	}
	return o
}

func TestWhatIsGeneratedIsRead(t *testing.T) {
	t.Parallel()
	documents := map[string][]string{}
	rapid.Check(t, func(t *rapid.T) {
		want := anyOrder(t)
		document := write(want, rapid.IntRange(0, 50).Draw(t, "salt"))
		got, err := pain.Parse([]byte(document), pain.Limits{})
		if d := differ(got, want); d != "" || err != nil {
			t.Fatalf("%v\n%s\n%s", err, d, document)
		}
		documents[want.Version] = append(documents[want.Version], document)
	})
	for version, d := range documents {
		wantValid(t, version, d[:min(len(d), 40)]...)
	}
}

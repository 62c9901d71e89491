package pain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/edge/pain"
	"kontor/kit/day"
	"kontor/kit/money"
)

const transaction = "/Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf[1]"

// TestWhatIsSaidArrives changes the plain document in one place, and what is expected in another.
func TestWhatIsSaidArrives(t *testing.T) {
	t.Parallel()
	first := func(o *pain.Order) *core.Payment { return &o.Bulk.Payments[0] }
	yes, no := true, false
	cases := []struct {
		name, version string
		change        []string
		want          func(*pain.Order)
	}{
		{"an instruction has its own identifier", "both", []string{"<EndToEndId>", "<InstrId>I-7</InstrId><EndToEndId>"}, func(o *pain.Order) { first(o).InstructionID = "I-7" }},
		{"batch booking is asked for", "both", []string{"</PmtMtd>", "</PmtMtd><BtchBookg>true</BtchBookg>"}, func(o *pain.Order) { o.Bulk.BatchBooking = &yes }},
		{"batch booking is declined, in figures and among blanks", "both", []string{"</PmtMtd>", "</PmtMtd><BtchBookg> 0 </BtchBookg>"}, func(o *pain.Order) { o.Bulk.BatchBooking = &no }},
		{"the service level is told for all payments", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><InstrPrty>NORM</InstrPrty><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>INST</Cd></LclInstrm></PmtTpInf>"},
			func(o *pain.Order) { o.ServiceLevel, o.LocalInstrument = "SEPA", "INST" }},
		{"the service level is told for the payment", "both", []string{"</PmtId>", "</PmtId><PmtTpInf><SvcLvl><Cd>URGP</Cd></SvcLvl></PmtTpInf>"}, func(o *pain.Order) { o.ServiceLevel = "URGP" }},
		{"the service level is told for all, the instrument for the payment", "both",
			[]string{"</PmtMtd>", "</PmtMtd><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>", "</PmtId>", "</PmtId><PmtTpInf><LclInstrm><Cd>INST</Cd></LclInstrm></PmtTpInf>"},
			func(o *pain.Order) { o.ServiceLevel, o.LocalInstrument = "SEPA", "INST" }},
		{"the date has a zone, which does not move it", "03", []string{"2026-06-16<", "2026-06-16+14:00<"}, nil},
		{"the payment is wanted at once", "both", []string{"2026-06-16", "1999-01-01"}, func(o *pain.Order) { o.Bulk.RequestedExecutionDate = day.Day{} }},
		{"the time of execution is told", "09", []string{"<Dt>2026-06-16</Dt>", "<DtTm>2026-06-16T08:00:00.5+02:00</DtTm>"}, func(o *pain.Order) {
			o.Bulk.RequestedExecutionDate, o.Bulk.RequestedExecutionTime = day.Day{}, time.Date(2026, 6, 16, 6, 0, 0, 5e8, time.UTC)
		}},
		{"the document was made in a zone", "both", []string{"T09:30:00<", "T09:30:00.000Z<"}, nil},
		{"who sent it is described at length", "both", []string{"<Nm>Pay App</Nm>", "<Nm>Pay App</Nm><PstlAdr><StrtNm>Ring</StrtNm><TwnNm>Wien</TwnNm><Ctry>AT</Ctry></PstlAdr>" +
			"<Id><OrgId><Othr><Id>123456789</Id><SchmeNm><Cd>COID</Cd></SchmeNm></Othr><Othr><Id>2</Id></Othr></OrgId></Id><CtryOfRes>AT</CtryOfRes><CtctDtls><NmPrfx>DOCT</NmPrfx><PhneNb>+43-1234</PhneNb></CtctDtls>"}, nil},
		{"who sent it has no name", "both", []string{"<InitgPty><Nm>Pay App</Nm></InitgPty>", "<InitgPty/>"}, func(o *pain.Order) { o.InitiatingParty = "" }},
		{"the debtor is described at length", "both", []string{"<Nm>Zoe Roth</Nm>", "<Nm>Zoe Roth</Nm><PstlAdr><AdrLine>Ring 1</AdrLine><AdrLine>Köln</AdrLine></PstlAdr>" +
			"<Id><PrvtId><DtAndPlcOfBirth><BirthDt>1990-01-31</BirthDt><CityOfBirth>Köln</CityOfBirth><CtryOfBirth>DE</CtryOfBirth></DtAndPlcOfBirth></PrvtId></Id>"}, nil},
		{"the debtor's account has a type, a currency and a name", "both", []string{"32013000</IBAN></Id>", "32013000</IBAN></Id><Tp><Cd>CASH</Cd></Tp><Ccy>EUR</Ccy><Nm>Giro</Nm>"},
			func(o *pain.Order) { o.Bulk.DebtorAccount.Currency = "EUR" }},
		{"the debtor's account is a BBAN", "both", []string{"<IBAN>DE89370400440532013000</IBAN>", "<Othr><Id>37040044</Id><SchmeNm><Cd>BBAN</Cd></SchmeNm></Othr>"},
			func(o *pain.Order) { o.Bulk.DebtorAccount = core.AccountReference{BBAN: "37040044"} }},
		{"the creditor's account has a scheme of its own", "both", []string{"<IBAN>AT611904300234573201</IBAN>", "<Othr><Id>12-34/5</Id><SchmeNm><Prtry>GIRO</Prtry></SchmeNm><Issr>Bank</Issr></Othr>"}, func(o *pain.Order) {
			first(o).CreditorAccount = core.AccountReference{Other: core.Other{Identification: "12-34/5", SchemeNameProprietary: "GIRO", Issuer: "Bank"}}
		}},
		{"the creditor's account has a currency", "both", []string{"73201</IBAN></Id>", "73201</IBAN></Id><Ccy>USD</Ccy>"}, func(o *pain.Order) { first(o).CreditorAccount.Currency = "USD" }},
		{"the debtor's bank is not told", "03", []string{"<BIC>KONTROBUXXX</BIC>", "<Othr><Id>NOTPROVIDED</Id></Othr>"}, func(o *pain.Order) { o.DebtorAgent = "" }},
		{"the creditor's bank is told", "03", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><BIC>BKAUATWW</BIC><Nm>Bank Wien</Nm></FinInstnId></CdtrAgt><Cdtr>"},
			func(o *pain.Order) { first(o).CreditorAgent, first(o).CreditorAgentName = "BKAUATWW", "Bank Wien" }},
		{"the creditor's bank is told, with figures in front", "09", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><BICFI>1KAUATW0</BICFI></FinInstnId></CdtrAgt><Cdtr>"}, func(o *pain.Order) { first(o).CreditorAgent = "1KAUATW0" }},
		{"somebody else pays", "both", []string{"<Cdtr>", "<UltmtDbtr><Nm>Mother</Nm></UltmtDbtr><Cdtr>"}, func(o *pain.Order) { first(o).UltimateDebtor = "Mother" }},
		{"somebody else pays it all", "both", []string{"<CdtTrfTxInf>", "<UltmtDbtr><Nm>Mother</Nm></UltmtDbtr><CdtTrfTxInf>"}, func(o *pain.Order) { first(o).UltimateDebtor = "Mother" }},
		{"somebody else is paid", "both", []string{"73201</IBAN></Id></CdtrAcct>", "73201</IBAN></Id></CdtrAcct><UltmtCdtr><Nm>Daughter</Nm></UltmtCdtr>"}, func(o *pain.Order) { first(o).UltimateCreditor = "Daughter" }},
		{"charges are told for all payments", "both", []string{"<CdtTrfTxInf>", "<ChrgBr>SLEV</ChrgBr><CdtTrfTxInf>"}, func(o *pain.Order) { first(o).ChargeBearer = "SLEV" }},
		{"charges are told for the payment", "both", []string{"</Amt>", "</Amt><ChrgBr>DEBT</ChrgBr>"}, func(o *pain.Order) { first(o).ChargeBearer = "DEBT" }},
		{"charges are told for both, and agree", "both", []string{"<CdtTrfTxInf>", "<ChrgBr>SHAR</ChrgBr><CdtTrfTxInf>", "</Amt>", "</Amt><ChrgBr>SHAR</ChrgBr>"}, func(o *pain.Order) { first(o).ChargeBearer = "SHAR" }},
		{"the creditor has an identifier", "both", []string{"Söhne</Nm>", "Söhne</Nm><Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id>"},
			func(o *pain.Order) { first(o).CreditorID = "DE98ZZZ09999999999" }},
		{"the creditor's address is told in parts", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><StrtNm>Ring</StrtNm><BldgNb>1</BldgNb><PstCd>1010</PstCd><TwnNm>Wien</TwnNm><Ctry>AT</Ctry></PstlAdr>"},
			func(o *pain.Order) {
				first(o).CreditorAddress = &core.Address{StreetName: "Ring", BuildingNumber: "1", PostCode: "1010", TownName: "Wien", Country: "AT"}
			}},
		{"the creditor's address is told in lines", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><Ctry>AT</Ctry><AdrLine>Ring 1</AdrLine><AdrLine>1010 Wien</AdrLine></PstlAdr>"},
			func(o *pain.Order) {
				first(o).CreditorAddress = &core.Address{StreetName: "Ring 1", TownName: "1010 Wien", Country: "AT"}
			}},
		{"the creditor's address has a town and lines", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><TwnNm>Wien</TwnNm><Ctry>AT</Ctry><AdrLine>Stiege 2</AdrLine><AdrLine>Ring 1</AdrLine></PstlAdr>"},
			func(o *pain.Order) {
				first(o).CreditorAddress = &core.Address{StreetName: "Stiege 2, Ring 1", TownName: "Wien", Country: "AT"}
			}},
		{"the creditor's address has a street and lines", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><Dept>Brot</Dept><StrtNm>Ring</StrtNm><BldgNb>1</BldgNb><PstCd>1010</PstCd><TwnNm>Wien</TwnNm><Ctry>AT</Ctry><AdrLine>Stiege 2</AdrLine></PstlAdr>"},
			func(o *pain.Order) {
				first(o).CreditorAddress = &core.Address{StreetName: "Ring 1, Brot, Stiege 2", PostCode: "1010", TownName: "Wien", Country: "AT"}
			}},
		{"a category of purpose is told for all payments", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf>"}, func(o *pain.Order) { first(o).CategoryPurpose = "SALA" }},
		{"the creditor's bank is told by the number in the IBAN", "09", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>ATBLZ</Cd></ClrSysId><MmbId>19043</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt><Cdtr>"}, nil},
		{"the creditor's address is empty", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr/>"}, nil},
		{"the purpose is a code", "both", []string{"</CdtTrfTxInf>", "<Purp><Cd>SUPP</Cd></Purp></CdtTrfTxInf>"}, func(o *pain.Order) { first(o).PurposeCode = "SUPP" }},
		{"there is a text", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Ustrd>Rechnung 7 &amp; 8</Ustrd></RmtInf></CdtTrfTxInf>"}, func(o *pain.Order) { first(o).Remittance = "Rechnung 7 & 8" }},
		{"there are two short texts, which become one", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Ustrd>Rechnung 7</Ustrd><Ustrd>Rechnung 8</Ustrd></RmtInf></CdtTrfTxInf>"},
			func(o *pain.Order) { first(o).Remittance = "Rechnung 7 Rechnung 8" }},
		{"there is a reference", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>ISO</Issr></Tp><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></CdtTrfTxInf>"},
			func(o *pain.Order) {
				first(o).Structured = &core.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR", ReferenceIssuer: "ISO"}
			}},
		{"the sum is written another way", "both", []string{"<CtrlSum>12.50<", "<CtrlSum> +0012.5 <"}, func(o *pain.Order) { o.ControlSum = "0012.5" }},
		{"there is no sum", "both", []string{"<CtrlSum>12.50</CtrlSum>", ""}, func(o *pain.Order) { o.ControlSum = "" }},
		{"count and sum are told twice", "both", []string{"</PmtMtd>", "</PmtMtd><NbOfTxs>01</NbOfTxs><CtrlSum>12.5</CtrlSum>"}, nil},
		{"the amount has a currency with three decimals", "both", []string{`"EUR">12.50<`, `"KWD">12.505<`, "Sum>12.50<", "Sum>12.505<"}, func(o *pain.Order) {
			o.ControlSum, first(o).Amount = "12.505", money.Amount{Minor: 12505, Currency: "KWD"}
		}},
		{"the amount has a currency without decimals", "both", []string{`"EUR">12.50<`, `"JPY">12.00<`, "Sum>12.50<", "Sum>12<"}, func(o *pain.Order) {
			o.ControlSum, first(o).Amount = "12", money.Amount{Minor: 12, Currency: "JPY"}
		}},
		{"comments and processing instructions stand everywhere", "both", []string{"<Document", "<!-- a --><?app x?><Document", "E-1<", "E<!-- b -->-<?app?>1<", "</Document>", "</Document>\n<!-- c --><?app y?>\n"}, nil},
		{"a text is in a CDATA section", "both", []string{"Bäckerei Söhne", "Bäckerei <![CDATA[& Söhne <]]>"}, func(o *pain.Order) { first(o).CreditorName = "Bäckerei & Söhne <" }},
		{"a text has references", "both", []string{"Bäckerei Söhne", "B&#228;ckerei &#xE9; &lt;&gt;&quot;&apos;"}, func(o *pain.Order) { first(o).CreditorName = `Bäckerei é <>"'` }},
		{"there is a byte order mark", "both", []string{"<?xml version", "\uFEFF<?xml version"}, nil},
		{"there is no declaration", "both", []string{`<?xml version="1.0" encoding="UTF-8"?>`, ""}, nil},
		{"the declaration says less", "both", []string{` encoding="UTF-8"`, ""}, nil},
		{"the declaration says more", "both", []string{`encoding="UTF-8"`, `encoding = 'utf-8' standalone='yes' `}, nil},
		{"a schema is hinted at", "both", []string{"<Document", `<Document xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"`}, nil},
	}
	documents := map[string][]string{}
	for _, c := range cases {
		for _, version := range versions(c.version) {
			documents[version] = append(documents[version], with(t, basic(version), c.change...))
		}
	}
	valid := judgeAll(t, documents)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, version := range versions(c.version) {
				document, want := with(t, basic(version), c.change...), order()
				if valid != nil && !valid[document] {
					t.Errorf("not valid as %s:\n%s", version, document)
				}
				if want.Version = version; c.want != nil {
					c.want(&want)
				}
				got, err := pain.Parse([]byte(document), pain.Limits{})
				if d := differ(got, want); d != "" || err != nil {
					t.Errorf("%s: %v\n%s", version, err, d)
				}
			}
		})
	}
}

// TestPrefixes reads a document whose elements all have a prefix.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	document := strings.NewReplacer("</", "</p:", "<?", "<?", "<", "<p:", "xmlns=", "xmlns:p=").Replace(plain)
	wantValid(t, pain.Version03, document)
	got, err := pain.Parse([]byte(document), pain.Limits{})
	if d := differ(got, order()); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

// TestWhatWouldBeLost has valid documents that say what no bank behind a connector can be told.
func TestWhatWouldBeLost(t *testing.T) {
	t.Parallel()
	const information = "/Document/CstmrCdtTrfInitn/PmtInf"
	agent03, agent09 := "<FinInstnId><BIC>BKAUATWW</BIC></FinInstnId>", "<FinInstnId><BICFI>BKAUATWW</BICFI></FinInstnId>"
	const account = "<Id><IBAN>AT611904300234573201</IBAN></Id>"
	cases := []struct {
		name, version string
		change        []string
		path          string
	}{
		{"an amount in another currency than is transferred", "both", []string{`<InstdAmt Ccy="EUR">12.50</InstdAmt>`, `<EqvtAmt><Amt Ccy="USD">12.50</Amt><CcyOfTrf>EUR</CcyOfTrf></EqvtAmt>`}, transaction + "/Amt/EqvtAmt"},
		{"a cheque", "both", []string{"<PmtMtd>TRF", "<PmtMtd>CHK"}, information + "/PmtMtd"},
		{"an advice", "both", []string{"<PmtMtd>TRF", "<PmtMtd>TRA"}, information + "/PmtMtd"},
		{"instructions for a cheque", "both", []string{"</Amt>", "</Amt><ChqInstr><ChqTp>CCHQ</ChqTp></ChqInstr>"}, transaction + "/ChqInstr"},
		{"a rate of exchange", "both", []string{"</Amt>", "</Amt><XchgRateInf><XchgRate>1.1</XchgRate></XchgRateInf>"}, transaction + "/XchgRateInf"},
		{"an intermediary bank", "03", []string{"<Cdtr>", "<IntrmyAgt1>" + agent03 + "</IntrmyAgt1><Cdtr>"}, transaction + "/IntrmyAgt1"},
		{"an intermediary bank", "09", []string{"<Cdtr>", "<IntrmyAgt1>" + agent09 + "</IntrmyAgt1><Cdtr>"}, transaction + "/IntrmyAgt1"},
		{"an account of the creditor's bank", "both", []string{"<Cdtr>", "<CdtrAgtAcct>" + account + "</CdtrAgtAcct><Cdtr>"}, transaction + "/CdtrAgtAcct"},
		{"a clearing number", "03", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>4711</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt><Cdtr>"}, transaction + "/CdtrAgt/FinInstnId/ClrSysMmbId"},
		{"a branch", "03", []string{"<Cdtr>", "<CdtrAgt>" + agent03 + "<BrnchId><Id>1</Id></BrnchId></CdtrAgt><Cdtr>"}, transaction + "/CdtrAgt/BrnchId"},
		{"another identifier of a bank", "both", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><Othr><Id>4711</Id></Othr></FinInstnId></CdtrAgt><Cdtr>"}, transaction + "/CdtrAgt/FinInstnId/Othr/Id"},
		{"a purpose in words", "both", []string{"</CdtTrfTxInf>", "<Purp><Prtry>Holidays</Prtry></Purp></CdtTrfTxInf>"}, transaction + "/Purp/Prtry"},
		{"a category of purpose in words", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><CtgyPurp><Prtry>wages</Prtry></CtgyPurp></PmtTpInf>"}, information + "/PmtTpInf/CtgyPurp/Prtry"},
		{"another category of purpose than for all", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf>", "</PmtId>", "</PmtId><PmtTpInf><CtgyPurp><Cd>TAXS</Cd></CtgyPurp></PmtTpInf>"}, transaction + "/PmtTpInf"},
		{"a clearing number of another bank than the IBAN's", "09", []string{"<Cdtr>", "<CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>ATBLZ</Cd></ClrSysId><MmbId>12000</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt><Cdtr>"}, transaction + "/CdtrAgt/FinInstnId/ClrSysMmbId"},
		{"a clearing number of another bank than the debtor's", "09", []string{"<FinInstnId><BICFI>", "<FinInstnId><!--", "</BICFI></FinInstnId>", "--><ClrSysMmbId><MmbId>37040045</MmbId></ClrSysMmbId></FinInstnId>"}, information + "/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId"},
		{"a high priority", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><InstrPrty>HIGH</InstrPrty></PmtTpInf>"}, information + "/PmtTpInf/InstrPrty"},
		{"a service level in words", "03", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><SvcLvl><Prtry>fast</Prtry></SvcLvl></PmtTpInf>"}, information + "/PmtTpInf/SvcLvl/Prtry"},
		{"two service levels", "09", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><SvcLvl><Cd>G001</Cd></SvcLvl></PmtTpInf>"}, information + "/PmtTpInf/SvcLvl[2]/Cd"},
		{"a service level of its own", "both", []string{"</PmtMtd>", "</PmtMtd><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>", "</PmtId>", "</PmtId><PmtTpInf><SvcLvl><Cd>URGP</Cd></SvcLvl></PmtTpInf>"}, transaction + "/PmtTpInf"},
		{"a report to an authority", "both", []string{"</CdtTrfTxInf>", "<RgltryRptg><Dtls><Cd>1</Cd></Dtls></RgltryRptg></CdtTrfTxInf>"}, transaction + "/RgltryRptg"},
		{"a tax", "both", []string{"</CdtTrfTxInf>", "<Tax><RefNb>1</RefNb></Tax></CdtTrfTxInf>"}, transaction + "/Tax"},
		{"an advice elsewhere", "both", []string{"</CdtTrfTxInf>", "<RltdRmtInf><RmtId>1</RmtId></RltdRmtInf></CdtTrfTxInf>"}, transaction + "/RltdRmtInf"},
		{"a word to the creditor's bank", "both", []string{"73201</IBAN></Id></CdtrAcct>", "73201</IBAN></Id></CdtrAcct><InstrForCdtrAgt><Cd>PHOB</Cd></InstrForCdtrAgt>"}, transaction + "/InstrForCdtrAgt"},
		{"a word to the debtor's bank", "both", []string{"73201</IBAN></Id></CdtrAcct>", "73201</IBAN></Id></CdtrAcct><InstrForDbtrAgt>hurry</InstrForDbtrAgt>"}, transaction + "/InstrForDbtrAgt"},
		{"a word to the debtor's bank for all", "09", []string{"<CdtTrfTxInf>", "<InstrForDbtrAgt>hurry</InstrForDbtrAgt><CdtTrfTxInf>"}, information + "/InstrForDbtrAgt"},
		{"an account for charges", "both", []string{"<CdtTrfTxInf>", "<ChrgsAcct>" + account + "</ChrgsAcct><CdtTrfTxInf>"}, information + "/ChrgsAcct"},
		{"a date for pooling", "both", []string{"</ReqdExctnDt>", "</ReqdExctnDt><PoolgAdjstmntDt>2026-06-20</PoolgAdjstmntDt>"}, information + "/PoolgAdjstmntDt"},
		{"an authorisation of its own", "both", []string{"</CreDtTm>", "</CreDtTm><Authstn><Cd>AUTH</Cd></Authstn>"}, "/Document/CstmrCdtTrfInitn/GrpHdr/Authstn"},
		{"a bank that forwards", "both", []string{"</InitgPty>", "</InitgPty><FwdgAgt><FinInstnId/></FwdgAgt>"}, "/Document/CstmrCdtTrfInitn/GrpHdr/FwdgAgt"},
		{"the ultimate debtor's address", "both", []string{"<Cdtr>", "<UltmtDbtr><Nm>Mother</Nm><PstlAdr/></UltmtDbtr><Cdtr>"}, transaction + "/UltmtDbtr/PstlAdr"},
		{"another ultimate debtor than for all", "both", []string{"<CdtTrfTxInf>", "<UltmtDbtr><Nm>Mother</Nm></UltmtDbtr><CdtTrfTxInf>", "<Cdtr>", "<UltmtDbtr><Nm>Father</Nm></UltmtDbtr><Cdtr>"}, transaction + "/UltmtDbtr/Nm"},
		{"another bearer of charges than for all", "both", []string{"<CdtTrfTxInf>", "<ChrgBr>SLEV</ChrgBr><CdtTrfTxInf>", "</Amt>", "</Amt><ChrgBr>SHAR</ChrgBr>"}, transaction + "/ChrgBr"},
		{"two identifiers of the creditor", "both", []string{"Söhne</Nm>", "Söhne</Nm><Id><OrgId><Othr><Id>1</Id></Othr><Othr><Id>2</Id></Othr></OrgId></Id>"}, transaction + "/Cdtr/Id/OrgId/Othr[2]/Id"},
		{"the creditor's birth", "both", []string{"Söhne</Nm>", "Söhne</Nm><Id><PrvtId><DtAndPlcOfBirth><BirthDt>1990-01-31</BirthDt><CityOfBirth>X</CityOfBirth><CtryOfBirth>DE</CtryOfBirth></DtAndPlcOfBirth></PrvtId></Id>"}, transaction + "/Cdtr/Id/PrvtId/DtAndPlcOfBirth"},
		{"the creditor's residence", "both", []string{"Söhne</Nm>", "Söhne</Nm><CtryOfRes>AT</CtryOfRes>"}, transaction + "/Cdtr/CtryOfRes"},
		{"the creditor's floor", "09", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><Flr>3</Flr></PstlAdr>"}, transaction + "/Cdtr/PstlAdr/Flr"},
		{"more beside a street than there is room for", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><StrtNm>" + strings.Repeat("x", 60) + "</StrtNm><BldgNb>1</BldgNb><AdrLine>Ring 1234</AdrLine></PstlAdr>"}, transaction + "/Cdtr/PstlAdr"},
		{"an address in lines that is too long", "both", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr>" + strings.Repeat("<AdrLine>"+strings.Repeat("x", 36)+"</AdrLine>", 2) + "</PstlAdr>"}, transaction + "/Cdtr/PstlAdr/AdrLine"},
		{"the name of the creditor's account", "both", []string{"73201</IBAN></Id>", "73201</IBAN></Id><Nm>Savings</Nm>"}, transaction + "/CdtrAcct/Nm"},
		{"the type of the creditor's account", "both", []string{"73201</IBAN></Id>", "73201</IBAN></Id><Tp><Cd>CASH</Cd></Tp>"}, transaction + "/CdtrAcct/Tp"},
		{"a telephone number instead of an account", "09", []string{"73201</IBAN></Id>", "73201</IBAN></Id><Prxy><Id>+43-1</Id></Prxy>"}, transaction + "/CdtrAcct/Prxy"},
		{"a reference for tracking", "09", []string{"</EndToEndId>", "</EndToEndId><UETR>6e0a4bfa-3f0e-4b7c-8c1d-000000000001</UETR>"}, transaction + "/PmtId/UETR"},
		{"texts that are too long together", "both", []string{"</CdtTrfTxInf>", "<RmtInf>" + strings.Repeat("<Ustrd>"+strings.Repeat("ü", 70)+"</Ustrd>", 2) + "</RmtInf></CdtTrfTxInf>"}, transaction + "/RmtInf/Ustrd[2]"},
		{"two references", "both", []string{"</CdtTrfTxInf>", "<RmtInf>" + strings.Repeat("<Strd><CdtrRefInf><Ref>1</Ref></CdtrRefInf></Strd>", 2) + "</RmtInf></CdtTrfTxInf>"}, transaction + "/RmtInf/Strd[2]/CdtrRefInf"},
		{"a document that is paid", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Strd><RfrdDocInf><Nb>1</Nb></RfrdDocInf></Strd></RmtInf></CdtTrfTxInf>"}, transaction + "/RmtInf/Strd[1]/RfrdDocInf"},
		{"a text beside a reference", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Strd><AddtlRmtInf>thanks</AddtlRmtInf></Strd></RmtInf></CdtTrfTxInf>"}, transaction + "/RmtInf/Strd[1]/AddtlRmtInf"},
		{"a kind of reference without one", "both", []string{"</CdtTrfTxInf>", "<RmtInf><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp></CdtrRefInf></Strd></RmtInf></CdtTrfTxInf>"}, transaction + "/RmtInf/Strd[1]/CdtrRefInf/Ref"},
		{"more of another's making", "09", []string{"</CstmrCdtTrfInitn>", `<SplmtryData><Envlp><x xmlns="urn:x"/></Envlp></SplmtryData></CstmrCdtTrfInitn>`}, "/Document/CstmrCdtTrfInitn/SplmtryData"},
		{"a second account or date", "both", []string{"</PmtInf>", "</PmtInf>" + "<PmtInf/>"}, "/Document/CstmrCdtTrfInitn/PmtInf[2]"},
	}
	render := func(t *testing.T, version string, change []string) string {
		document := with(t, basic(version), change...)
		if strings.Contains(document, "<PmtInf/>") {
			_, inner, _ := strings.Cut(document, "<PmtInf>")
			inner, _, _ = strings.Cut(inner, "</PmtInf>")
			document = strings.Replace(document, "<PmtInf/>", "<PmtInf>"+inner+"</PmtInf>", 1)
		}
		return document
	}
	documents := map[string][]string{}
	for _, c := range cases {
		for _, version := range versions(c.version) {
			documents[version] = append(documents[version], render(t, version, c.change))
		}
	}
	valid := judgeAll(t, documents)
	for _, c := range cases {
		t.Run(c.name+" "+c.version, func(t *testing.T) {
			t.Parallel()
			for _, version := range versions(c.version) {
				document := render(t, version, c.change)
				if valid != nil && !valid[document] {
					t.Errorf("not valid as %s:\n%s", version, document)
				}
				refused(t, document, pain.ErrFormat, c.path)
			}
		})
	}
}

// refused fails unless a document is refused for the right reason, in the right place.
func refused(t *testing.T, document string, want error, path string) {
	t.Helper()
	o, err := pain.Parse([]byte(document), pain.Limits{})
	var e *pain.Error
	switch {
	case !errors.Is(err, want) || !errors.As(err, &e):
		t.Errorf("%v; want %v", err, want)
	case e.Path != path || e.Problem == "":
		t.Errorf("%v\nwant it at %s", err, path)
	case differ(o, pain.Order{}) != "":
		t.Errorf("an order in spite of %v", err)
	case strings.Contains(err.Error(), "/tmp"), len(err.Error()) > 500:
		t.Errorf("not fit to be told: %v", err)
	}
}

// several is a document of n payments of one cent.
func several(n int) string {
	var b strings.Builder
	head, rest, _ := strings.Cut(plain, "<CdtTrfTxInf>")
	one, tail, _ := strings.Cut(rest, "</CdtTrfTxInf>")
	head = strings.NewReplacer("<NbOfTxs>1<", fmt.Sprintf("<NbOfTxs>%d<", n), "Sum>12.50<", fmt.Sprintf("Sum>%d.%02d<", n/100, n%100)).Replace(head)
	one = strings.Replace(one, ">12.50<", ">0.01<", 1)
	b.WriteString(head)
	for i := range n {
		b.WriteString("<CdtTrfTxInf>" + strings.Replace(one, "E-1", fmt.Sprint("E-", i+1), 1) + "</CdtTrfTxInf>\n")
	}
	b.WriteString(tail)
	return b.String()
}

package pain_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"kontor/edge/pain"
)

const (
	header      = "/Document/CstmrCdtTrfInitn/GrpHdr"
	information = "/Document/CstmrCdtTrfInitn/PmtInf"
)

// TestInvalid has documents that are XML, and not what the schema wants.
func TestInvalid(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("x", 36)
	cases := []struct {
		name   string
		change []string
		path   string
	}{
		{"another element than a document", []string{"<Document", "<Documents", "</Document>", "</Documents>"}, "/Documents"},
		{"another message", []string{"<CstmrCdtTrfInitn>", "<CstmrDrctDbtInitn>", "</CstmrCdtTrfInitn>", "</CstmrDrctDbtInitn>"}, "/Document/CstmrDrctDbtInitn"},
		{"no header", []string{"<GrpHdr>", "<!--", "</GrpHdr>", "-->"}, header},
		{"no identifier", []string{"<MsgId>MSG-2026-0815</MsgId>", ""}, header + "/MsgId"},
		{"an empty identifier", []string{"MSG-2026-0815", ""}, header + "/MsgId"},
		{"an identifier of 36 characters", []string{"MSG-2026-0815", many}, header + "/MsgId"},
		{"the identifier behind the time", []string{"<MsgId>MSG-2026-0815</MsgId>", "", "</CreDtTm>", "</CreDtTm><MsgId>1</MsgId>"}, header + "/MsgId"},
		{"the identifier twice", []string{"</MsgId>", "</MsgId><MsgId>1</MsgId>"}, header + "/MsgId"},
		{"a time that is none", []string{"2026-06-15T09:30:00", "2026-06-15T25:30:00"}, header + "/CreDtTm"},
		{"a time without figures", []string{"2026-06-15T09:30:00", "2026-06-15T9:30:00"}, header + "/CreDtTm"},
		{"a time with a comma", []string{"2026-06-15T09:30:00", "2026-06-15T09:30:00,5"}, header + "/CreDtTm"},
		{"a zone that there is not", []string{"2026-06-15T09:30:00", "2026-06-15T09:30:00+15:00"}, header + "/CreDtTm"},
		{"a time in the year nought", []string{"2026-06-15T09:30:00", "0000-06-15T09:30:00"}, header + "/CreDtTm"},
		{"a count in words", []string{"<NbOfTxs>1<", "<NbOfTxs>one<"}, header + "/NbOfTxs"},
		{"a count among blanks", []string{"<NbOfTxs>1<", "<NbOfTxs> 1 <"}, header + "/NbOfTxs"},
		{"a sum in words", []string{"<CtrlSum>12.50<", "<CtrlSum>12,50<"}, header + "/CtrlSum"},
		{"an element of another's making", []string{"</MsgId>", "</MsgId><Extra>1</Extra>"}, header + "/Extra"},
		{"an element in no namespace", []string{"<MsgId>", `<MsgId xmlns="">`}, header + "/MsgId"},
		{"an element in another namespace", []string{"<NbOfTxs>1</NbOfTxs>", `<x:NbOfTxs xmlns:x="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">1</x:NbOfTxs>`}, header + "/NbOfTxs"},
		{"an element in a text", []string{"MSG-2026-0815", "MSG<b>2026</b>"}, header + "/MsgId/b"},
		{"a text among elements", []string{"</GrpHdr>", "</GrpHdr>hello"}, "/Document/CstmrCdtTrfInitn"},
		{"an attribute", []string{"<MsgId>", `<MsgId kind="a">`}, header + "/MsgId/@kind"},
		{"another type of the schema", []string{"<MsgId>", `<MsgId xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="Max70Text">`}, header + "/MsgId/@type"},
		{"nothing in place of a text", []string{"<MsgId>", `<MsgId xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">`}, header + "/MsgId/@nil"},
		{"no payment information", []string{"<PmtInf>", "<!--", "</PmtInf>", "-->"}, information},
		{"an unknown method", []string{"<PmtMtd>TRF", "<PmtMtd>CASH"}, information + "/PmtMtd"},
		{"a batch booking of perhaps", []string{"</PmtMtd>", "</PmtMtd><BtchBookg>perhaps</BtchBookg>"}, information + "/BtchBookg"},
		{"a date that is none", []string{"2026-06-16", "2026-02-30"}, information + "/ReqdExctnDt"},
		{"a date with a time", []string{"2026-06-16", "2026-06-16T00:00:00"}, information + "/ReqdExctnDt"},
		{"a date as in the later version", []string{"2026-06-16", "<Dt>2026-06-16</Dt>"}, information + "/ReqdExctnDt/Dt"},
		{"no debtor", []string{"<Dbtr><Nm>Zoe Roth</Nm></Dbtr>", ""}, information + "/Dbtr"},
		{"no account of the debtor", []string{"<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>", ""}, information + "/DbtrAcct"},
		{"an account with nothing in it", []string{"<IBAN>DE89370400440532013000</IBAN>", ""}, information + "/DbtrAcct/Id"},
		{"an account with two identifiers", []string{"</IBAN></Id></DbtrAcct>", "</IBAN><Othr><Id>1</Id></Othr></Id></DbtrAcct>"}, information + "/DbtrAcct/Id/Othr"},
		{"an account with two identifiers, the other way round", []string{"<IBAN>DE89370400440532013000</IBAN>", "<Othr><Id>1</Id></Othr><IBAN>DE89370400440532013000</IBAN>"}, information + "/DbtrAcct/Id/IBAN"},
		{"an account with the same identifier twice", []string{"<IBAN>DE89370400440532013000</IBAN>", "<IBAN>DE89370400440532013000</IBAN><IBAN>DE89370400440532013000</IBAN>"}, information + "/DbtrAcct/Id/IBAN"},
		{"an IBAN in lower case", []string{"DE89370400440532013000", "de89370400440532013000"}, information + "/DbtrAcct/Id/IBAN"},
		{"an IBAN with blanks", []string{"DE89370400440532013000", "DE89 3704 0044 0532 0130 00"}, information + "/DbtrAcct/Id/IBAN"},
		{"an IBAN of 35 characters", []string{"DE89370400440532013000", "DE89" + strings.Repeat("1", 31)}, information + "/DbtrAcct/Id/IBAN"},
		{"a BIC of nine characters", []string{"KONTROBUXXX", "KONTROBUX"}, information + "/DbtrAgt/FinInstnId/BIC"},
		{"a BIC with figures in front", []string{"KONTROBUXXX", "1ONTROBUXXX"}, information + "/DbtrAgt/FinInstnId/BIC"},
		{"a BIC as the later version calls it", []string{"<BIC>", "<BICFI>", "</BIC>", "</BICFI>"}, information + "/DbtrAgt/FinInstnId/BICFI"},
		{"no payment", []string{"<CdtTrfTxInf>", "<!--", "</CdtTrfTxInf>", "-->"}, information + "/CdtTrfTxInf"},
		{"no end-to-end identifier", []string{"<EndToEndId>E-1</EndToEndId>", ""}, transaction + "/PmtId/EndToEndId"},
		{"no amount", []string{`<InstdAmt Ccy="EUR">12.50</InstdAmt>`, ""}, transaction + "/Amt"},
		{"two amounts", []string{"</InstdAmt>", `</InstdAmt><InstdAmt Ccy="EUR">12.50</InstdAmt>`}, transaction + "/Amt/InstdAmt"},
		{"an amount without currency", []string{` Ccy="EUR"`, ""}, transaction + "/Amt/InstdAmt/@Ccy"},
		{"an amount in no currency", []string{` Ccy="EUR"`, ` Ccy="Euro"`}, transaction + "/Amt/InstdAmt/@Ccy"},
		{"a negative amount", []string{">12.50</Ins", ">-12.50</Ins"}, transaction + "/Amt/InstdAmt"},
		{"an amount with a comma", []string{">12.50</Ins", ">12,50</Ins"}, transaction + "/Amt/InstdAmt"},
		{"an amount with an exponent", []string{">12.50</Ins", ">1e3</Ins"}, transaction + "/Amt/InstdAmt"},
		{"an amount that is nothing", []string{">12.50</Ins", "></Ins"}, transaction + "/Amt/InstdAmt"},
		{"a bearer of charges that is none", []string{"</Amt>", "</Amt><ChrgBr>ALL</ChrgBr>"}, transaction + "/ChrgBr"},
		{"a country in lower case", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr><Ctry>at</Ctry></PstlAdr>"}, transaction + "/Cdtr/PstlAdr/Ctry"},
		{"eight lines of an address", []string{"Söhne</Nm>", "Söhne</Nm><PstlAdr>" + strings.Repeat("<AdrLine>x</AdrLine>", 8) + "</PstlAdr>"}, transaction + "/Cdtr/PstlAdr/AdrLine"},
		{"a name of 141 characters", []string{"Bäckerei Söhne", strings.Repeat("ö", 141)}, transaction + "/Cdtr/Nm"},
		{"an empty purpose", []string{"</CdtTrfTxInf>", "<Purp/></CdtTrfTxInf>"}, transaction + "/Purp"},
		{"a purpose of five characters", []string{"</CdtTrfTxInf>", "<Purp><Cd>SUPPL</Cd></Purp></CdtTrfTxInf>"}, transaction + "/Purp/Cd"},
		{"the text before the purpose", []string{"</CdtTrfTxInf>", "<RmtInf><Ustrd>1</Ustrd></RmtInf><Purp><Cd>SUPP</Cd></Purp></CdtTrfTxInf>"}, transaction + "/Purp"},
		{"a telephone number that is none", []string{"<Nm>Pay App</Nm>", "<Nm>Pay App</Nm><CtctDtls><PhneNb>0043 1</PhneNb></CtctDtls>"}, header + "/InitgPty/CtctDtls/PhneNb"},
	}
	var documents []string
	for _, c := range cases {
		documents = append(documents, with(t, plain, c.change...))
	}
	valid := judge(t, pain.Version03, documents...)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			document := documents[i]
			if valid != nil && valid[document] {
				t.Error("valid after all")
			}
			refused(t, document, pain.ErrFormat, c.path)
		})
	}
}

// TestNotTrue has documents that are valid, and wrong for what the schema cannot see.
func TestNotTrue(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change []string
		path   string
	}{
		{"the header counts more payments than there are", []string{"<NbOfTxs>1<", "<NbOfTxs>2<"}, header + "/NbOfTxs"},
		{"the header counts none", []string{"<NbOfTxs>1<", "<NbOfTxs>0<"}, header + "/NbOfTxs"},
		{"the header has another sum", []string{"<CtrlSum>12.50<", "<CtrlSum>12.51<"}, header + "/CtrlSum"},
		{"the header has a sum that is too exact", []string{"<CtrlSum>12.50<", "<CtrlSum>12.5000000001<"}, header + "/CtrlSum"},
		{"the header has a sum of 18 digits", []string{"<CtrlSum>12.50<", "<CtrlSum>999999999999999999<"}, header + "/CtrlSum"},
		{"the payment information counts others", []string{"</PmtMtd>", "</PmtMtd><NbOfTxs>3</NbOfTxs>"}, information + "/NbOfTxs"},
		{"the payment information has another sum", []string{"</PmtMtd>", "</PmtMtd><CtrlSum>3</CtrlSum>"}, information + "/CtrlSum"},
		{"the amount is nothing", []string{">12.50</Ins", ">0.00</Ins"}, transaction + "/Amt/InstdAmt"},
		{"the amount has a tenth of a cent", []string{">12.50</Ins", ">12.505</Ins"}, transaction + "/Amt/InstdAmt"},
		{"the amount has fifteen digits", []string{">12.50</Ins", ">100000000000000</Ins"}, transaction + "/Amt/InstdAmt"},
		{"the currency is in no list", []string{`"EUR"`, `"EUX"`}, transaction + "/Amt/InstdAmt/@Ccy"},
		{"a name has a line break in it", []string{"Bäckerei Söhne", "Bäckerei\nSöhne"}, transaction + "/Cdtr/Nm"},
		{"a name has a control character in it", []string{"Bäckerei Söhne", "Bäckerei\u0085Söhne"}, transaction + "/Cdtr/Nm"},
	}
	var documents []string
	for _, c := range cases {
		documents = append(documents, with(t, plain, c.change...))
	}
	valid := judge(t, pain.Version03, documents...)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			document := documents[i]
			if valid != nil && !valid[document] {
				t.Errorf("not valid:\n%s", document)
			}
			refused(t, document, pain.ErrFormat, c.path)
		})
	}
}

func utf16Text(order binary.ByteOrder, s string) string {
	var b bytes.Buffer
	for _, u := range append([]uint16{0xFEFF}, utf16.Encode([]rune(s))...) {
		binary.Write(&b, order, u)
	}
	return b.String()
}

// TestHostile has what people send who do not want a payment made.
func TestHostile(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString(`<!DOCTYPE Document [<!ENTITY a0 "ha">`)
	for i := range 40 {
		fmt.Fprintf(&laughs, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	laughs.WriteString("]>")
	declaration := `<?xml version="1.0" encoding="UTF-8"?>`
	for _, c := range []struct {
		name, document, path, says string
	}{
		{"nothing", "", "", "no element"},
		{"blanks", " \n", "", "no element"},
		{"JSON", `{"endToEndIdentification":"1"}`, "", "does not begin with an element"},
		{"a billion laughs", with(t, plain, declaration, declaration+laughs.String(), "E-1", "&a40;"), "", "document type"},
		{"a file from the server", with(t, plain, declaration, declaration+`<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>`, "E-1", "&x;"), "", "document type"},
		{"a document type that lies elsewhere", with(t, plain, declaration, declaration+`<!DOCTYPE Document SYSTEM "https://example.org/x.dtd">`), "", "document type"},
		{"a document type behind the document", plain + "<!DOCTYPE x>", "", "document type"},
		{"an entity of nobody's", with(t, plain, "E-1", "&x;"), transaction + "/PmtId/EndToEndId", "entity"},
		{"an entity of HTML", with(t, plain, "E-1", "&nbsp;"), transaction + "/PmtId/EndToEndId", "entity"},
		{"an ampersand", with(t, plain, "E-1", "E & 1"), transaction + "/PmtId/EndToEndId", "reference"},
		{"a reference to NUL", with(t, plain, "E-1", "&#0;"), transaction + "/PmtId/EndToEndId", "character"},
		{"a reference to half a character", with(t, plain, "E-1", "&#xD83E;"), transaction + "/PmtId/EndToEndId", "character"},
		{"a reference beyond all characters", with(t, plain, "E-1", "&#x110000;"), transaction + "/PmtId/EndToEndId", "character"},
		{"NUL", with(t, plain, "E-1", "E\x001"), "", "control"},
		{"a bell", with(t, plain, "E-1", "E\x071"), "", "control"},
		{"a character that is none", with(t, plain, "E-1", "E\uFFFE1"), "", "character"},
		{"Latin-1 that says so", strings.NewReplacer("UTF-8", "ISO-8859-1", "ä", "\xE4", "ö", "\xF6").Replace(plain), "", `"ISO-8859-1"; only UTF-8`},
		{"Latin-1 that says it is UTF-8", strings.NewReplacer("ä", "\xE4", "ö", "\xF6").Replace(plain), "", "not UTF-8"},
		{"UTF-16, the big end first", utf16Text(binary.BigEndian, strings.Replace(plain, "UTF-8", "UTF-16", 1)), "", "only UTF-8"},
		{"UTF-16, the little end first", utf16Text(binary.LittleEndian, plain), "", "only UTF-8"},
		{"UTF-16 without a mark", utf16Text(binary.LittleEndian, plain)[2:], "", "only UTF-8"},
		{"UTF-16 that is UTF-8", strings.Replace(plain, "UTF-8", "UTF-16", 1), "", "only UTF-8"},
		{"UTF-7", strings.Replace(plain, "UTF-8", "UTF-7", 1), "", "only UTF-8"},
		{"XML 1.1", strings.Replace(plain, `version="1.0"`, `version="1.1"`, 1), "", "XML 1.0"},
		{"a declaration with more", strings.Replace(plain, `"?>`, `" x="y"?>`, 1), "", "declaration"},
		{"a declaration that is not at the beginning", " " + plain, "", "processing instruction"},
		{"two documents", plain + plain[len(declaration):], "", "goes on"},
		{"something behind the document", plain + "x", "", "goes on"},
		{"half a document", plain[:strings.Index(plain, "E-1")], transaction + "/PmtId/EndToEndId", "ends"},
		{"tags that do not fit", with(t, plain, "</PmtId>", "</Amt>"), transaction + "/PmtId", "end tag"},
		{"a document that does not end", strings.TrimSuffix(plain, "</Document>"), "/Document", "ends"},
		{"a tag that does not end", plain[:len(plain)-1], "/Document", "end tag"},
		{"an attribute twice", with(t, plain, `Ccy="EUR"`, `Ccy="EUR" Ccy="USD"`), transaction + "/Amt", "twice"},
		{"an attribute twice by its namespace", with(t, plain, "<MsgId>", `<MsgId xmlns:a="u" xmlns:b="u" a:x="1" b:x="1">`), header, "twice"},
		{"attributes without a blank", with(t, plain, `Ccy="EUR"`, `Ccy="EUR"Ccz="USD"`), transaction + "/Amt", "tag"},
		{"an attribute without quotes", with(t, plain, `Ccy="EUR"`, `Ccy=EUR`), transaction + "/Amt", "quotes"},
		{"a tag in an attribute", with(t, plain, `Ccy="EUR"`, `Ccy="<EUR"`), transaction + "/Amt", "attribute"},
		{"a thousand attributes", with(t, plain, `Ccy="EUR"`, many(1000)), transaction + "/Amt", "more than 16 attributes"},
		{"a prefix of nobody's", with(t, plain, "<MsgId>", "<q:MsgId>", "</MsgId>", "</q:MsgId>"), header, "prefix"},
		{"a prefix that is taken away", with(t, plain, "<MsgId>", `<MsgId xmlns:q="">`), header, "namespace"},
		{"a name of many colons", with(t, plain, "<MsgId>", "<a:b:c>"), header, "name"},
		{"a name that is very long", with(t, plain, "<MsgId>", "<"+strings.Repeat("x", 1000)+">"), header, "too long"},
		{"a comment with two hyphens", with(t, plain, "<MsgId>", "<!-- a -- b --><MsgId>"), header, "comment"},
		{"a comment that does not end", plain + "<!-- ", "", "comment"},
		{"a declaration in the middle", with(t, plain, "<MsgId>", declaration+"<MsgId>"), header, "processing instruction"},
		{"CDATA that does not end", with(t, plain, "E-1", "<![CDATA[E-1"), transaction + "/PmtId/EndToEndId", "CDATA"},
		{"the end of CDATA without its beginning", with(t, plain, "E-1", "E-1]]>"), transaction + "/PmtId/EndToEndId", "]]>"},
		{"a hundred thousand elements in each other", strings.Repeat("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'>", 100_000), "/Document/Document", "no element"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			refused(t, c.document, pain.ErrFormat, c.path)
			if _, err := pain.Parse([]byte(c.document), pain.Limits{}); err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want it to say %q", err, c.says)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("refused after %v", took)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="" `, i)
	}
	return b.String()
}

func TestVersions(t *testing.T) {
	t.Parallel()
	only03 := pain.Limits{Versions: []string{pain.Version03}}
	of := func(namespace string) string {
		return with(t, plain, "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03", namespace)
	}
	for _, c := range []struct {
		name, document string
		limits         pain.Limits
		want           error
	}{
		{"both are offered where nothing else is said", later, pain.Limits{}, nil},
		{"what is offered is taken", plain, only03, nil},
		{"what can be read is refused where it is not offered", later, only03, pain.ErrVersion},
		{"nothing is offered", plain, pain.Limits{Versions: []string{}}, pain.ErrVersion},
		{"a newer version", of("urn:iso:std:iso:20022:tech:xsd:pain.001.001.12"), pain.Limits{}, pain.ErrVersion},
		{"a version cannot be offered that cannot be read", of("urn:iso:std:iso:20022:tech:xsd:pain.001.001.12"), pain.Limits{Versions: []string{"pain.001.001.12"}}, pain.ErrVersion},
		{"another message", of("urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"), pain.Limits{}, pain.ErrFormat},
		{"no namespace", of(""), pain.Limits{}, pain.ErrFormat},
		{"the namespace in capitals", of("URN:ISO:STD:ISO:20022:TECH:XSD:PAIN.001.001.03"), pain.Limits{}, pain.ErrFormat},
		{"the namespace with a blank", of("urn:iso:std:iso:20022:tech:xsd:pain.001.001.03 "), pain.Limits{}, pain.ErrVersion},
		{"the version without its namespace", of("pain.001.001.03"), pain.Limits{}, pain.ErrVersion},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := pain.Parse([]byte(c.document), c.limits)
			var e *pain.Error
			if !errors.Is(err, c.want) || err != nil && (!errors.As(err, &e) || e.Path != "/Document") {
				t.Errorf("%v; want %v at /Document", err, c.want)
			}
		})
	}
}

func TestHowManyPayments(t *testing.T) {
	t.Parallel()
	three := several(3)
	wantValid(t, pain.Version03, three)
	for _, c := range []struct {
		name, document string
		limit          int
		want           error
		path           string
	}{
		{"as many as may be", three, 3, nil, ""},
		{"one too many is seen in the header", three, 2, pain.ErrTooMany, header + "/NbOfTxs"},
		{"the header cannot hide them", with(t, three, "<NbOfTxs>3<", "<NbOfTxs>2<"), 2, pain.ErrTooMany, information + "/CdtTrfTxInf[3]"},
		{"what is wrong behind the header does not matter then", with(t, three, "<NbOfTxs>3<", "<NbOfTxs>999999999999999<", "<PmtMtd>TRF", "<PmtMtd>X"), 0, pain.ErrTooMany, header + "/NbOfTxs"},
		{"the third is broken", with(t, three, ">E-3<", "><"), 0, pain.ErrFormat, information + "/CdtTrfTxInf[3]/PmtId/EndToEndId"},
		{"the third is of another product", with(t, three, "E-3</EndToEndId></PmtId>", "E-3</EndToEndId></PmtId><PmtTpInf><SvcLvl><Cd>URGP</Cd></SvcLvl></PmtTpInf>"), 0, pain.ErrFormat, information + "/CdtTrfTxInf[3]/PmtTpInf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := pain.Parse([]byte(c.document), pain.Limits{Transactions: c.limit})
			var e *pain.Error
			if !errors.Is(err, c.want) || err != nil && (!errors.As(err, &e) || e.Path != c.path) {
				t.Errorf("%v; want %v at %s", err, c.want, c.path)
			}
		})
	}
}

// TestLargest adds up amounts until no control sum could tell them.
func TestLargest(t *testing.T) {
	t.Parallel()
	document := strings.Replace(strings.ReplaceAll(several(11), ">0.01<", ">99999999999999.99<"), "<CtrlSum>0.11</CtrlSum>", "", 1)
	refused(t, document, pain.ErrFormat, information+"/CdtTrfTxInf[11]/Amt/InstdAmt")
}

func TestSingle(t *testing.T) {
	t.Parallel()
	o, err := pain.Parse([]byte(with(t, later, "<Dt>2026-06-16</Dt>", "<DtTm>2026-06-16T08:00:00</DtTm>")), pain.Limits{Zone: time.FixedZone("", 7200)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Single()
	want := order().Bulk.Payments[0]
	want.DebtorAccount, want.DebtorName, want.RequestedExecutionTime = order().Bulk.DebtorAccount, "Zoe Roth", time.Date(2026, 6, 16, 6, 0, 0, 0, time.UTC)
	p.RequestedExecutionTime = p.RequestedExecutionTime.UTC()
	if err != nil || p != want {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
	if o, err = pain.Parse([]byte(several(2)), pain.Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err = o.Single(); !errors.Is(err, pain.ErrFormat) {
		t.Errorf("two payments: %v; want %v", err, pain.ErrFormat)
	}
}

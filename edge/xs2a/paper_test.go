package xs2a_test

import (
	"fmt"
	"strings"
	"testing"

	"kontor/edge/pain"
)

// paper returns the body that words name, and its media type: @pain and @multipart, made of
// what follows, or one of those that do not fit into a line. Anything else is JSON as it is.
//
//	@pain.03 2              a pain.001.001.03 with two payments
//	@pain.03 1 A=>B         with every A in it replaced by B
//	@multipart {"startDate":…}   a standing order, in XML and JSON
//	@items 4 {…}            a bulk of four payments like this one
func paper(t *testing.T, words string) (body, media string) {
	t.Helper()
	const plain = "application/json"
	kind, rest, _ := strings.Cut(words, " ")
	switch kind {
	case "@pain.03", "@pain.09":
		count, change, _ := strings.Cut(rest, " ")
		n := 0
		fmt.Sscan(count, &n)
		text := painOf(kind[len("@pain."):], n)
		if from, to, ok := strings.Cut(change, "=>"); ok {
			if !strings.Contains(text, from) {
				t.Fatalf("no %s in\n%s", from, text)
			}
			text = strings.ReplaceAll(text, from, to)
		}
		return text, "application/xml"
	case "@multipart":
		return "--edge\r\nContent-Disposition: form-data; name=\"xml_sct\"\r\nContent-Type: application/xml\r\n\r\n" + painOf("03", 1) +
			"\r\n--edge\r\nContent-Disposition: form-data; name=\"json_standingorderType\"\r\nContent-Type: application/json\r\n\r\n" + rest +
			"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"
	case "@items":
		count, item, _ := strings.Cut(rest, " ")
		n := 0
		fmt.Sscan(count, &n)
		return `{"debtorAccount":{"iban":"SI56191000000123438"},"payments":[` + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]}", plain
	case "@huge":
		return `{"creditorName":"` + strings.Repeat("x", 1<<20) + `"}`, plain
	case "@deep":
		return `{"payments":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`, plain
	case "@entities":
		return `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Document>&b;</Document>`, "application/xml"
	}
	return words, plain
}

// painOf makes a pain.001 of n payments, of 12.50 euro each.
func painOf(version string, n int) string {
	root, on, bic := pain.Version03, "<ReqdExctnDt>2026-03-02</ReqdExctnDt>", "BIC"
	if version == "09" {
		root, on, bic = pain.Version09, "<ReqdExctnDt><Dt>2026-03-02</Dt></ReqdExctnDt>", "BICFI"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%s"><CstmrCdtTrfInitn>`, root)
	fmt.Fprintf(&b, `<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-02T09:00:00</CreDtTm><NbOfTxs>%d</NbOfTxs><InitgPty><Nm>Plačilo d.o.o.</Nm></InitgPty></GrpHdr>`, n)
	fmt.Fprintf(&b, `<PmtInf><PmtInfId>P-1</PmtInfId><PmtMtd>TRF</PmtMtd><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>%s`, on)
	fmt.Fprintf(&b, `<Dbtr><Nm>Ana Novak</Nm></Dbtr><DbtrAcct><Id><IBAN>SI56191000000123438</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><%s>LONBSI2X</%[1]s></FinInstnId></DbtrAgt>`, bic)
	for i := range n {
		fmt.Fprintf(&b, "\n  <CdtTrfTxInf><PmtId><EndToEndId>E-%d</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"EUR\">12.50</InstdAmt></Amt>", i+1)
		b.WriteString(`<Cdtr><Nm>Žiga Čebela</Nm></Cdtr><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct><RmtInf><Ustrd>Račun 42</Ustrd></RmtInf></CdtTrfTxInf>`)
	}
	b.WriteString("</PmtInf></CstmrCdtTrfInitn></Document>\n")
	return b.String()
}

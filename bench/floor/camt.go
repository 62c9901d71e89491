package main

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The members of the bank's JSON that a camt.052 tells.
type (
	coreAccount struct {
		ID       string
		Currency string
		Name     string
		BIC      string
		Balances []struct {
			Type, Currency, Amount string
			Day                    string `json:"reference_date"`
		}
	}
	coreEntry struct {
		ID, Amount, Currency string
		BookingDate          string                        `json:"booking_date"`
		ValueDate            string                        `json:"value_date"`
		EndToEnd             string                        `json:"end_to_end_id"`
		Creditor             coreParty                     `json:"creditor_details"`
		Remittance           struct{ Unstructured string } `json:"remittance_information"`
		Extra                struct {
			Reference string `json:"entry_reference"`
			Code      string `json:"bank_transaction_code"`
		}
	}
	coreParty struct {
		Name    string
		Account struct{ IBAN, Currency string }
	}
)

// camt writes a camt.052 of version 08 from the bank's JSON: the same elements as the product,
// entry by entry.
func camt(w http.ResponseWriter, a access, account []byte, entries io.Reader, from, to string, now time.Time) error {
	var all struct{ Data []coreAccount }
	if json.Unmarshal(account, &all) != nil {
		return errBank
	}
	var own *coreAccount
	for i := range all.Data {
		if all.Data[i].ID == a.account {
			own = &all.Data[i]
		}
	}
	in := json.NewDecoder(entries)
	for range 3 { // {"data":[
		if _, err := in.Token(); err != nil || own == nil {
			return errBank
		}
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	const buffer = 32 << 10
	out := bufio.NewWriterSize(w, buffer)
	id, created := strings.ReplaceAll(uuid(), "-", ""), now.Format(time.RFC3339)
	fmt.Fprintf(out, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.08"><BkToCstmrAcctRpt><GrpHdr><MsgId>%s</MsgId>`+
		`<CreDtTm>%s</CreDtTm></GrpHdr><Rpt><Id>%[1]s</Id><CreDtTm>%[2]s</CreDtTm><FrToDt><FrDtTm>%sT00:00:00Z</FrDtTm><ToDtTm>%sT23:59:59Z</ToDtTm></FrToDt>`, id, created, from, to)
	fmt.Fprintf(out, `<Acct><Id><IBAN>%s</IBAN></Id><Ccy>%s</Ccy><Nm>%s</Nm><Svcr><FinInstnId><BICFI>%s</BICFI></FinInstnId></Svcr></Acct>`,
		a.iban, own.Currency, escaped(own.Name), own.BIC)
	for _, b := range own.Balances {
		code, day := "CLBD", "<Dt>"+b.Day+"</Dt>"
		if b.Type == "interimAvailable" {
			code = "ITAV"
		}
		if b.Day == "" {
			day = "<DtTm>" + created + "</DtTm>"
		}
		amount, direction := signed(b.Amount)
		fmt.Fprintf(out, "\n<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy=\"%s\">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt>%s</Dt></Bal>", code, b.Currency, amount, direction, day)
	}
	for in.More() {
		var e coreEntry
		if in.Decode(&e) != nil {
			panic(http.ErrAbortHandler) // a part must not be taken for the whole
		}
		amount, direction := signed(e.Amount)
		domain, rest, _ := strings.Cut(e.Extra.Code, "-")
		family, sub, _ := strings.Cut(rest, "-")
		for _, s := range []string{
			"\n<Ntry><NtryRef>", escaped(e.Extra.Reference), `</NtryRef><Amt Ccy="`, e.Currency, `">`, amount, "</Amt><CdtDbtInd>", direction,
			"</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>", e.BookingDate, "</Dt></BookgDt><ValDt><Dt>", e.ValueDate, "</Dt></ValDt><AcctSvcrRef>", escaped(e.ID),
			"</AcctSvcrRef><BkTxCd><Domn><Cd>", domain, "</Cd><Fmly><Cd>", family, "</Cd><SubFmlyCd>", sub, "</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>",
			escaped(e.EndToEnd), `</EndToEndId></Refs><Amt Ccy="`, e.Currency, `">`, amount, "</Amt><CdtDbtInd>", direction, "</CdtDbtInd><RltdPties><Cdtr><Pty><Nm>",
			escaped(e.Creditor.Name), "</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>", e.Creditor.Account.IBAN, "</IBAN></Id><Ccy>", e.Creditor.Account.Currency,
			"</Ccy></CdtrAcct></RltdPties><RmtInf><Ustrd>", escaped(e.Remittance.Unstructured), "</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>",
		} {
			out.WriteString(s)
		}
	}
	if _, err := in.Token(); err != nil {
		panic(http.ErrAbortHandler)
	}
	out.WriteString("\n</Rpt></BkToCstmrAcctRpt></Document>\n")
	return out.Flush()
}

// signed parts an amount from its sign.
func signed(amount string) (positive, direction string) {
	if rest, negative := strings.CutPrefix(amount, "-"); negative {
		return rest, "DBIT"
	}
	return amount, "CRDT"
}

// escaped is s as the text of an element.
func escaped(s string) string {
	if !strings.ContainsAny(s, "<>&\"'\t\r\n") {
		return s
	}
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

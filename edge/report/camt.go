package report

import (
	"fmt"
	"strconv"
	"time"

	"kontor/bank/core"
	"kontor/kit/money"
)

// camtNames returns the element of the message and that of the report in it.
func (f Format) camtNames() (message, report string) {
	switch f {
	case Camt053V02, Camt053V08:
		return "BkToCstmrStmt", "Stmt"
	case Camt054V02, Camt054V08:
		return "BkToCstmrDbtCdtNtfctn", "Ntfctn"
	}
	return "BkToCstmrAcctRpt", "Rpt"
}

// camtHead writes everything before the first entry.
func (w *Writer) camtHead() error {
	message, report := w.f.camtNames()
	w.b = append(w.b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:`...)
	w.b = append(append(append(append(append(w.b, w.f...), `"><`...), message...), '>'), "<GrpHdr>"...)
	w.text("MsgId", []byte(w.h.ID), 35)
	w.moment("CreDtTm", w.h.Created)
	if w.h.Page > 0 {
		w.b = append(w.b, "<MsgPgntn><PgNb>"...)
		w.b = strconv.AppendInt(w.b, int64(w.h.Page%100000), 10)
		w.b = append(w.b, "</PgNb><LastPgInd>"...)
		w.b = strconv.AppendBool(w.b, w.h.Last)
		w.b = append(w.b, "</LastPgInd></MsgPgntn>"...)
	}
	w.b = append(append(append(w.b, "</GrpHdr><"...), report...), '>')
	w.text("Id", []byte(w.h.ID), 35)
	w.moment("CreDtTm", w.h.Created)
	if !w.h.From.IsZero() && !w.h.To.IsZero() {
		w.b = append(w.b, "<FrToDt>"...)
		w.moment("FrDtTm", w.h.From.Start(w.h.Zone))
		w.moment("ToDtTm", w.h.To.AddDays(1).Start(w.h.Zone).Add(-time.Second))
		w.b = append(w.b, "</FrToDt>"...)
	}
	if err := w.camtAccount(); err != nil {
		return err
	}
	if w.f != Camt054V02 && w.f != Camt054V08 {
		return w.camtBalances()
	}
	return nil
}

// camtEnd writes everything behind the last entry.
func (w *Writer) camtEnd() {
	message, report := w.f.camtNames()
	w.b = append(append(append(w.b, "\n</"...), report...), "></"...)
	w.b = append(append(w.b, message...), "></Document>\n"...)
}

// camtAccount writes the account that is reported on.
func (w *Writer) camtAccount() error {
	a := &w.h.Account
	m := w.open("Acct")
	r := a.Reference
	w.account(&core.TextAccount{
		IBAN: core.Text(r.IBAN), BBAN: core.Text(r.BBAN), PAN: core.Text(r.PAN),
		MaskedPAN: core.Text(r.MaskedPAN), MSISDN: core.Text(r.MSISDN),
	})
	if w.empty("Acct", m) {
		return fmt.Errorf("%w: the account has no identifier", ErrHead)
	}
	if c := w.h.currency(); isCurrency(c) && c != money.Several {
		w.text("Ccy", []byte(c), 3)
	}
	w.text("Nm", w.own(a.Name), 70)
	owner := w.open("Ownr")
	w.text("Nm", w.own(a.OwnerName), 140)
	w.close("Ownr", owner)
	bic := a.BIC
	if bic == "" {
		bic = w.h.BankBIC
	}
	w.agent("Svcr", []byte(bic), w.h.BankName)
	w.close("Acct", m)
	return nil
}

// camtBalances writes the balances: those of the period first.
func (w *Writer) camtBalances() error {
	n := 0
	if o := w.h.Opening; o != nil {
		w.camtBalance("OPBD", "", !w.h.firstPage(), o.Amount, nil)
		w.date("Dt", []byte(o.Day.String()))
		w.b = append(w.b, "</Dt></Bal>"...)
		n++
	}
	if c := w.h.Closing; c != nil {
		w.camtBalance("CLBD", "", !w.h.lastPage(), c.Amount, nil)
		w.date("Dt", []byte(c.Day.String()))
		w.b = append(w.b, "</Dt></Bal>"...)
		n++
	}
	for i := range w.h.Balances {
		b := &w.h.Balances[i]
		code := balanceCode(b.Type)
		if code == "OPBD" && w.h.Opening != nil || code == "CLBD" && w.h.Closing != nil || !isCurrency(b.Amount.Currency) {
			continue
		}
		w.camtBalance(code, b.Type, false, b.Amount, b.CreditLimitIncluded)
		switch {
		case !b.ReferenceDate.IsZero():
			w.date("Dt", []byte(b.ReferenceDate.String()))
		case b.LastChangeDateTime.Year() > 1: // the zero time is of the year 1
			w.moment("DtTm", b.LastChangeDateTime)
		default:
			w.moment("DtTm", w.h.Created)
		}
		w.b = append(w.b, "</Dt></Bal>"...)
		n++
	}
	if n == 0 && w.f.NeedsBalances() {
		return fmt.Errorf("%w: no balance is known", ErrHead)
	}
	return nil
}

// camtBalance writes a balance up to its date. A type without a code is told in its own words.
func (w *Writer) camtBalance(code, kind string, intermediate bool, amount money.Amount, limitIncluded *bool) {
	w.b = append(w.b, "\n<Bal><Tp><CdOrPrtry>"...)
	mark := len(w.b)
	w.text("Cd", w.own(code), 4)
	if code == "" {
		w.text("Prtry", w.own(kind), 35)
	}
	if len(w.b) == mark {
		w.b = append(w.b, "<Cd>INFO</Cd>"...)
	}
	w.b = append(w.b, "</CdOrPrtry>"...)
	if intermediate {
		w.b = append(w.b, "<SubTp><Cd>INTM</Cd></SubTp>"...)
	}
	w.b = append(w.b, "</Tp>"...)
	if limitIncluded != nil {
		w.b = append(w.b, "<CdtLine><Incl>"...)
		w.b = strconv.AppendBool(w.b, *limitIncluded)
		w.b = append(w.b, "</Incl></CdtLine>"...)
	}
	n := w.balance(amount)
	w.money("Amt", n, []byte(amount.Currency))
	w.direction(n)
	w.b = append(w.b, "<Dt>"...)
}

// balanceCode is the ISO 20022 code of a type of balance; "" where there is none.
//
// spec: xs2a/balanceType
func balanceCode(kind string) string {
	switch kind {
	case "closingBooked":
		return "CLBD"
	case "openingBooked":
		return "OPBD"
	case "interimBooked":
		return "ITBD"
	case "interimAvailable":
		return "ITAV"
	case "expected":
		return "XPCD"
	case "forwardAvailable":
		return "FWAV"
	}
	return ""
}

// open begins an element, and close ends it; one in which nothing was written vanishes.
func (w *Writer) open(name string) (mark int) {
	mark = len(w.b)
	w.b = append(append(append(w.b, '<'), name...), '>')
	return mark
}

func (w *Writer) close(name string, mark int) {
	if w.empty(name, mark) {
		w.b = w.b[:mark]
		return
	}
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

func (w *Writer) empty(name string, mark int) bool { return len(w.b) == mark+len(name)+len("<>") }

// text writes an element with at most n characters of s, or none if there are none.
func (w *Writer) text(name string, s []byte, n int) {
	if len(s) > 0 {
		mark := w.open(name)
		w.b = appendXML(w.b, s, n)
		w.close(name, mark)
	}
}

// date writes an element with a date, or none if s is no date.
func (w *Writer) date(name string, s []byte) {
	if isDate(s) {
		w.text(name, s, len(s))
	}
}

func (w *Writer) moment(name string, t time.Time) {
	mark := w.open(name)
	w.b = t.In(w.h.Zone).AppendFormat(w.b, "2006-01-02T15:04:05-07:00")
	w.close(name, mark)
}

// money writes an amount without its sign.
func (w *Writer) money(name string, n int64, currency []byte) {
	w.b = append(append(append(w.b, '<'), name...), ` Ccy="`...)
	w.b = append(append(w.b, currency...), `">`...)
	w.b = w.appendAmount(w.b, n, currency, '.', false)
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

// direction tells the sign of an amount. Nothing is a credit, as the schema has it.
func (w *Writer) direction(n int64) {
	if n < 0 {
		w.b = append(w.b, "<CdtDbtInd>DBIT</CdtDbtInd>"...)
	} else {
		w.b = append(w.b, "<CdtDbtInd>CRDT</CdtDbtInd>"...)
	}
}

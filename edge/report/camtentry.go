package report

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"kontor/bank/core"
)

// camtEntry writes t as one Ntry.
func (w *Writer) camtEntry(t *core.Transaction, amount int64) error {
	v8 := w.f.v8()
	w.b = append(w.b, "\n<Ntry>"...)
	w.text("NtryRef", w.plain(t.EntryReference), 35)
	w.money("Amt", amount, t.Currency)
	w.direction(amount)
	w.b = append(w.b, "<Sts>"...)
	if v8 {
		w.b = append(w.b, "<Cd>"...)
	}
	if t.Pending {
		w.b = append(w.b, "PDNG"...)
	} else {
		w.b = append(w.b, "BOOK"...)
	}
	if v8 {
		w.b = append(w.b, "</Cd>"...)
	}
	w.b = append(w.b, "</Sts>"...)
	booking := w.open("BookgDt")
	w.date("Dt", t.BookingDate)
	w.close("BookgDt", booking)
	value := w.open("ValDt")
	w.date("Dt", t.ValueDate)
	w.close("ValDt", value)
	w.text("AcctSvcrRef", w.id(t.ID), 35)
	if !w.transactionCode(t) {
		// The element is demanded. This is ISO 20022's word for a booking of unknown kind.
		w.b = append(w.b, "<BkTxCd><Domn><Cd>XTND</Cd><Fmly><Cd>NTAV</Cd><SubFmlyCd>NTAV</SubFmlyCd></Fmly></Domn></BkTxCd>"...)
	}
	details := w.open("NtryDtls")
	if t.Batch || len(t.Entries) > 0 {
		w.batch(t, amount)
	}
	if len(t.Entries) == 0 {
		w.payment(t, amount, false)
	}
	for i := range t.Entries {
		if err := w.part(&t.Entries[i]); err != nil {
			return err
		}
	}
	if len(t.Entries) > 0 {
		w.b = append(w.b, "</NtryDtls>"...) // its beginning may be gone with a flush
	} else {
		w.close("NtryDtls", details)
	}
	w.text("AddtlNtryInf", w.plain(t.AdditionalInformation), 500)
	w.b = append(w.b, "</Ntry>"...)
	return nil
}

// batch says that the entry stands for several payments.
func (w *Writer) batch(t *core.Transaction, amount int64) {
	w.b = append(w.b, "<Btch><NbOfTxs>"...)
	if n := t.BatchCount; len(n) >= 1 && len(n) <= 15 && digits(n) >= 0 {
		w.b = append(w.b, n...)
	} else {
		w.b = strconv.AppendInt(w.b, int64(len(t.Entries)), 10)
	}
	w.b = append(w.b, "</NbOfTxs>"...)
	w.money("TtlAmt", amount, t.Currency)
	w.direction(amount)
	w.b = append(w.b, "</Btch>"...)
}

// part writes one payment of a batch. It may tell no amount of its own, but not a wrong one.
func (w *Writer) part(t *core.Transaction) error {
	var amount int64
	if len(t.Amount) > 0 {
		var err error
		if amount, err = w.amount(t.Amount, t.Currency); err != nil {
			return err
		}
	}
	w.payment(t, amount, true)
	// What is written so far is not taken back any more, and a batch may be large.
	return w.flush(chunk)
}

// payment writes one TxDtls. A part of a batch has an ID and a code of its own; of a single
// payment these stand in the entry.
func (w *Writer) payment(t *core.Transaction, amount int64, part bool) {
	tx := w.open("TxDtls")
	refs := w.open("Refs")
	if part {
		w.text("AcctSvcrRef", w.id(t.ID), 35)
	}
	w.text("EndToEndId", w.plain(t.EndToEndID), 35)
	w.text("MndtId", w.plain(t.MandateID), 35)
	w.text("ChqNb", w.plain(t.CheckID), 35)
	w.close("Refs", refs)
	if len(t.Amount) > 0 {
		if w.f.v8() {
			w.money("Amt", amount, t.Currency)
			w.direction(amount)
		}
		if !w.f.v8() || len(t.Exchange) > 0 {
			w.amountDetails(t, amount)
		}
	}
	if part {
		w.transactionCode(t)
	}
	w.parties(t)
	agents := w.open("RltdAgts")
	w.agent("DbtrAgt", w.bic(t.DebtorAgent), "")
	w.agent("CdtrAgt", w.bic(t.CreditorAgent), "")
	w.close("RltdAgts", agents)
	if p := w.plain(t.PurposeCode); len(p) > 0 {
		purpose := w.open("Purp")
		if isCode(p) {
			w.text("Cd", p, 4)
		} else {
			w.text("Prtry", p, 35)
		}
		w.close("Purp", purpose)
	}
	w.remittance(t)
	if part {
		w.text("AddtlTxInf", w.plain(t.AdditionalInformation), 500)
	}
	w.close("TxDtls", tx)
}

// id is plain for a transaction's ID. A UUID has one character more than the schema has room
// for, and would be another's without its last one: a long ID loses its hyphens instead.
func (w *Writer) id(t core.Text) []byte {
	s := w.plain(t)
	if utf8.RuneCount(s) <= 35 {
		return s
	}
	b := w.room[:0] // may be where s lies: what is written stays behind what is read
	for _, c := range s {
		if c != '-' {
			b = append(b, c)
		}
	}
	w.room = b
	return b
}

// transactionCode says what kind of booking it is, and whether there was anything to say.
func (w *Writer) transactionCode(t *core.Transaction) bool {
	mark := w.open("BkTxCd")
	code := w.plain(t.BankTransactionCode)
	domain, rest, _ := bytes.Cut(code, []byte("-"))
	family, sub, _ := bytes.Cut(rest, []byte("-"))
	if isCode(domain) && isCode(family) && isCode(sub) {
		w.b = append(append(w.b, "<Domn><Cd>"...), domain...)
		w.b = append(append(w.b, "</Cd><Fmly><Cd>"...), family...)
		w.b = append(append(w.b, "</Cd><SubFmlyCd>"...), sub...)
		w.b = append(w.b, "</SubFmlyCd></Fmly></Domn>"...)
		code = nil
	}
	if len(t.ProprietaryCode) > 0 {
		code = w.plain(t.ProprietaryCode)
	}
	proprietary := w.open("Prtry")
	w.text("Cd", code, 35)
	w.close("Prtry", proprietary)
	said := !w.empty("BkTxCd", mark)
	w.close("BkTxCd", mark)
	return said
}

// amountDetails writes the amount of the payment and how it was exchanged. The schema has
// room for one exchange there; further ones are told as amounts of the bank's own kind.
func (w *Writer) amountDetails(t *core.Transaction, amount int64) {
	w.b = append(w.b, "<AmtDtls><TxAmt>"...)
	w.money("Amt", amount, t.Currency)
	if len(t.Exchange) > 0 {
		w.exchange(&t.Exchange[0])
	}
	w.b = append(w.b, "</TxAmt>"...)
	for i := 1; i < len(t.Exchange); i++ {
		w.b = append(w.b, "<PrtryAmt><Tp>currencyExchange</Tp>"...)
		w.money("Amt", amount, t.Currency)
		w.exchange(&t.Exchange[i])
		w.b = append(w.b, "</PrtryAmt>"...)
	}
	w.b = append(w.b, "</AmtDtls>"...)
}

// exchange writes nothing where what the schema demands is missing.
func (w *Writer) exchange(x *core.TextExchange) {
	if !isCurrency(x.SourceCurrency) {
		return
	}
	mark := w.open("CcyXchg")
	w.text("SrcCcy", x.SourceCurrency, 3)
	if isCurrency(x.TargetCurrency) {
		w.text("TrgtCcy", x.TargetCurrency, 3)
	}
	if isCurrency(x.UnitCurrency) {
		w.text("UnitCcy", x.UnitCurrency, 3)
	}
	rate := w.open("XchgRate")
	w.b = appendRate(w.b, w.plain(x.Rate))
	if w.empty("XchgRate", rate) {
		w.b = w.b[:mark]
		return
	}
	w.close("XchgRate", rate)
	w.text("CtrctId", w.plain(x.ContractID), 35)
	if isDate(x.QuotationDate) {
		w.b = append(append(w.b, "<QtnDt>"...), x.QuotationDate...)
		w.b = append(w.b, "T00:00:00</QtnDt>"...)
	}
	w.close("CcyXchg", mark)
}

// appendRate appends a rate with as many digits as the schema has room for: eleven in all,
// ten behind the point. What is no positive decimal, or too large, is none.
func appendRate(b, rate []byte) []byte {
	whole, fraction, point := bytes.Cut(rate, []byte("."))
	for len(whole) > 1 && whole[0] == '0' {
		whole = whole[1:]
	}
	if len(whole) < 1 || len(whole) > 11 || point && len(fraction) == 0 {
		return b
	}
	for _, part := range [][]byte{whole, fraction} {
		for _, c := range part {
			if c < '0' || c > '9' {
				return b
			}
		}
	}
	fraction = fraction[:min(len(fraction), 11-len(whole))]
	b = append(b, whole...)
	if len(fraction) > 0 {
		b = append(append(b, '.'), fraction...)
	}
	return b
}

// isCode says whether s can be a code of ISO 20022: four characters at most.
func isCode(s []byte) bool {
	for _, c := range s {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 4
}

// remittance writes what the payment is for. A structured text that is too long to be a
// creditor's reference is told in the room for additions to it.
func (w *Writer) remittance(t *core.Transaction) {
	mark := w.open("RmtInf")
	for rest := w.plain(t.Remittance); len(rest) > 0; {
		var piece []byte
		piece, rest = cut(rest, 140)
		w.text("Ustrd", piece, 140)
	}
	structured := w.open("Strd")
	if s := w.plain(t.RemittanceStructured); utf8.RuneCount(s) <= 35 {
		info := w.open("CdtrRefInf")
		w.text("Ref", s, 35)
		w.close("CdtrRefInf", info)
	} else {
		for i := 0; i < 3 && len(s) > 0; i++ {
			var piece []byte
			piece, s = cut(s, 140)
			w.text("AddtlRmtInf", piece, 140)
		}
	}
	w.close("Strd", structured)
	w.close("RmtInf", mark)
}

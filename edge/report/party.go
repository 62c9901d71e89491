package report

import (
	"bytes"

	"kontor/bank/core"
)

// parties writes who paid whom.
func (w *Writer) parties(t *core.Transaction) {
	mark := w.open("RltdPties")
	w.party("Dbtr", t.DebtorName, nil)
	w.partyAccount("DbtrAcct", &t.DebtorAccount)
	w.party("UltmtDbtr", t.UltimateDebtor, nil)
	w.party("Cdtr", t.CreditorName, t.CreditorID)
	w.partyAccount("CdtrAcct", &t.CreditorAccount)
	w.party("UltmtCdtr", t.UltimateCreditor, nil)
	w.close("RltdPties", mark)
}

// party writes a name and the identifier of a creditor of direct debits. Version 08 knows
// that a bank can be a party, too, and wraps the others.
func (w *Writer) party(element string, name, id core.Text) {
	mark := w.open(element)
	inner := 0
	if w.f.v8() {
		inner = w.open("Pty")
	}
	w.text("Nm", w.plain(name), 140)
	if len(id) > 0 {
		wrap := len(w.b)
		w.b = append(w.b, "<Id><PrvtId><Othr>"...)
		before := len(w.b)
		w.text("Id", w.plain(id), 35)
		if len(w.b) == before {
			w.b = w.b[:wrap]
		} else {
			w.b = append(w.b, "<SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id>"...)
		}
	}
	if w.f.v8() {
		w.close("Pty", inner)
	}
	w.close(element, mark)
}

// partyAccount writes an account of a party, or nothing if nothing names it.
func (w *Writer) partyAccount(element string, a *core.TextAccount) {
	mark := w.open(element)
	w.account(a)
	if !w.empty(element, mark) && isCurrency(a.Currency) {
		w.text("Ccy", a.Currency, 3)
	}
	w.close(element, mark)
}

// account writes the identifier of an account, the best known first.
func (w *Writer) account(a *core.TextAccount) {
	mark := w.open("Id")
	if iban := w.withoutBlanks(a.IBAN); isIBAN(iban) {
		w.text("IBAN", iban, 34)
	} else {
		other, scheme := identifier(a)
		o := w.open("Othr")
		w.text("Id", w.plain(other), 34)
		if !w.empty("Othr", o) {
			w.b = append(w.b, scheme...)
		}
		w.close("Othr", o)
	}
	w.close("Id", mark)
}

// identifier chooses what names an account besides a proper IBAN, and says what it is.
func identifier(a *core.TextAccount) (value core.Text, scheme string) {
	switch {
	case len(a.IBAN) > 0: // none that the schema takes
		return a.IBAN, ""
	case len(a.BBAN) > 0:
		return a.BBAN, "<SchmeNm><Cd>BBAN</Cd></SchmeNm>"
	case len(a.MaskedPAN) > 0:
		return a.MaskedPAN, "<SchmeNm><Prtry>maskedPan</Prtry></SchmeNm>"
	case len(a.PAN) > 0:
		return a.PAN, "<SchmeNm><Prtry>pan</Prtry></SchmeNm>"
	case len(a.MSISDN) > 0:
		return a.MSISDN, "<SchmeNm><Prtry>msisdn</Prtry></SchmeNm>"
	}
	return nil, ""
}

// withoutBlanks is plain for identifiers that people write in groups.
func (w *Writer) withoutBlanks(t core.Text) []byte {
	s := w.plain(t)
	if bytes.IndexByte(s, ' ') < 0 {
		return s
	}
	b := w.room[:0] // may be where s lies: what is written stays behind what is read
	for _, c := range s {
		if c != ' ' {
			b = append(b, c)
		}
	}
	w.room = b
	return b
}

// bic is plain for the code of a bank, in capitals.
func (w *Writer) bic(t core.Text) []byte {
	s := w.plain(t)
	for _, c := range s {
		if c >= 'a' && c <= 'z' {
			w.room = append(w.room[:0], s...)
			s = w.room
			break
		}
	}
	for i, c := range s {
		if c >= 'a' && c <= 'z' {
			s[i] = c - ('a' - 'A') // in our room: what is the bank's stays as it is
		}
	}
	return s
}

// isIBAN says whether the schemas take s as one; whether it is right is the bank's business.
func isIBAN(s []byte) bool {
	if len(s) < 5 || len(s) > 34 {
		return false
	}
	for i, c := range s {
		upper, digit := c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		switch {
		case i < 2 && !upper, i >= 2 && i < 4 && !digit, !upper && !digit && (c < 'a' || c > 'z'):
			return false
		}
	}
	return true
}

// agent writes a bank by its BIC and name. What is no BIC is told as another identifier. A
// name is one of ours, and bic does not lie in the room for texts then.
func (w *Writer) agent(element string, bic []byte, name string) {
	if len(bic) == 0 && name == "" {
		return
	}
	mark := w.open(element)
	inner := w.open("FinInstnId")
	proper := w.isBIC(bic)
	if proper && w.f.v8() {
		w.text("BICFI", bic, 11)
	} else if proper {
		w.text("BIC", bic, 11)
	}
	if name != "" {
		w.text("Nm", w.own(name), 140)
	}
	if !proper && len(bic) > 0 {
		o := w.open("Othr")
		w.text("Id", bic, 35)
		w.close("Othr", o)
	}
	w.close("FinInstnId", inner)
	w.close(element, mark)
}

// isBIC says whether the schema of the format takes s as one: version 08 lets the four
// characters of the bank be digits, version 02 is strict about the place.
func (w *Writer) isBIC(s []byte) bool {
	if len(s) != 8 && len(s) != 11 {
		return false
	}
	for i, c := range s {
		upper, digit := c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		if !upper && !digit || digit && (i == 4 || i == 5) {
			return false
		}
		if !w.f.v8() && (digit && i < 4 || i == 6 && (c == '0' || c == '1') || i == 7 && c == 'O') {
			return false
		}
	}
	return true
}

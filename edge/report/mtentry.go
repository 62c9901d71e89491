package report

import (
	"bytes"
	"strconv"

	"kontor/bank/core"
)

// Room of the fields of MT.
const (
	referenceMax       = 16
	lineMax            = 65 // of field 86
	linesMax           = 6
	informationMax     = lineMax * linesMax
	identifierMax      = 35
	nameMax            = 70
	remittanceMax      = 140
	shortestGoodBreak  = lineMax / 2
	bankIdentifierSize = 11
)

// mtReferences writes the customer's and the bank's reference of a statement line. A
// reference of the customer that does not fit would be another one when cut: it stands whole
// in field 86, and here that there is none. Of the bank's, the end is told, which differs
// from entry to entry where the beginning may not.
func (w *Writer) mtReferences(t *core.Transaction) {
	ref := t.EndToEndID
	if len(ref) == 0 || string(ref) == "NOTPROVIDED" {
		ref = t.CheckID
	}
	w.line = appendSWIFT(w.line[:0], w.plain(ref))
	if len(w.line) > 0 && len(w.line) <= referenceMax {
		w.b = append(w.b, w.line...)
	} else {
		w.b = append(w.b, "NONREF"...)
	}
	ref = t.EntryReference
	if len(ref) == 0 || len(ref) > referenceMax && len(t.ID) > 0 {
		ref = t.ID
	}
	w.line = appendSWIFT(w.line[:0], w.plain(ref))
	if s := bytes.TrimLeft(tail(w.line, referenceMax), " "); len(s) > 0 {
		w.b = append(append(w.b, "//"...), s...)
	}
}

// tail returns the last n characters of s, an ID; hyphens go first if it is longer.
func tail(s []byte, n int) []byte {
	if len(s) <= n {
		return s
	}
	kept := s[:0]
	for _, c := range s {
		if c != '-' {
			kept = append(kept, c)
		}
	}
	return kept[max(0, len(kept)-n):]
}

// mtInformation writes field 86: what matters most comes first, because it ends after six
// lines.
func (w *Writer) mtInformation(t *core.Transaction, amount int64) {
	name, account, agent := t.CreditorName, &t.CreditorAccount, t.CreditorAgent
	if amount >= 0 {
		name, account, agent = t.DebtorName, &t.DebtorAccount, t.DebtorAgent
	}
	w.line = w.line[:0]
	if string(t.EndToEndID) != "NOTPROVIDED" {
		w.codeword("/EREF/", w.plain(t.EndToEndID), identifierMax)
	}
	w.codeword("/MARF/", w.plain(t.MandateID), identifierMax)
	w.codeword("/CSID/", w.plain(t.CreditorID), identifierMax)
	if len(account.IBAN) > 0 {
		w.codeword("/IBAN/", w.withoutBlanks(account.IBAN), identifierMax)
	} else {
		id, _ := identifier(account)
		w.codeword("/ACCT/", w.plain(id), identifierMax)
	}
	w.codeword("/BIC/", w.bic(agent), bankIdentifierSize)
	w.codeword("/NAME/", w.plain(name), nameMax)
	w.codeword("/RREF/", w.plain(t.RemittanceStructured), identifierMax)
	w.codeword("/REMI/", w.plain(t.Remittance), remittanceMax)
	w.codeword("/ULTD/", w.plain(t.UltimateDebtor), nameMax)
	w.codeword("/ULTC/", w.plain(t.UltimateCreditor), nameMax)
	if len(t.Exchange) > 0 {
		w.codeword("/EXCH/", w.plain(t.Exchange[0].Rate), identifierMax)
	}
	w.codeword("/PURP/", w.plain(t.PurposeCode), identifierMax)
	if t.Batch || len(t.Entries) > 0 {
		count := []byte(t.BatchCount)
		if len(count) == 0 {
			count = strconv.AppendInt(w.room[:0], int64(len(t.Entries)), 10)
		}
		w.codeword("/NRTX/", count, identifierMax)
	}
	w.codeword("/INFO/", w.plain(t.AdditionalInformation), informationMax)
	w.fold()
}

// codeword adds at most n characters of s to the line, behind a word that says what they are.
func (w *Writer) codeword(word string, s []byte, n int) {
	if len(s) == 0 || len(w.line) >= informationMax {
		return
	}
	mark := len(w.line)
	w.line = append(w.line, word...)
	from := len(w.line)
	s, _ = cut(s, informationMax) // a limit for the work, not for the text
	w.line = appendSWIFT(w.line, s)
	if len(w.line) == from {
		w.line = w.line[:mark]
		return
	}
	if len(w.line) > from+n {
		w.line = bytes.TrimRight(w.line[:from+n], " ")
	}
}

// fold writes the line as field 86. A line is not broken beside a blank, which readers cut
// off, nor before a colon or a hyphen, with which no line may begin: put together again
// without anything between them, the lines are the text.
func (w *Writer) fold() {
	if len(w.line) == 0 {
		return
	}
	w.b = append(w.b, ":86:"...)
	rest := w.line
	for range linesMax {
		n := len(rest)
		if n > lineMax {
			n = lineMax
			for n > shortestGoodBreak && (rest[n-1] == ' ' || rest[n] == ' ' || rest[n] == ':' || rest[n] == '-') {
				n--
			}
			if n == shortestGoodBreak {
				n = lineMax
				rest[n] = '.'
			}
		}
		w.b = append(append(w.b, rest[:n]...), crlf...)
		if rest = rest[n:]; len(rest) == 0 {
			return
		}
	}
}

// typeCode says what kind of booking it is, in SWIFT's words, which are fewer than ISO 20022's.
//
// spec: SWIFT MT940 field 61 subfield 6
func typeCode(t core.Text) string {
	_, rest, _ := bytes.Cut(t, []byte("-"))
	family, sub, _ := bytes.Cut(rest, []byte("-"))
	switch string(sub) {
	case "STDO":
		return "STO"
	case "CHRG", "COMM", "FEES":
		return "CHG"
	case "INTR":
		return "INT"
	case "DIVD", "DVCA":
		return "DIV"
	}
	switch string(family) {
	case "ICDT", "RCDT", "IRCT", "RRCT":
		return "TRF"
	case "IDDT", "RDDT":
		return "DDT"
	case "ICHQ", "RCHQ":
		return "CHK"
	}
	return "MSC"
}

// appendShortDate appends YYMMDD, or MMDD without its year, of a date YYYY-MM-DD.
func appendShortDate(b, date []byte, year bool) []byte {
	if year {
		b = append(b, date[2:4]...)
	}
	return append(append(b, date[5:7]...), date[8:10]...)
}

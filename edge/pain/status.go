package pain

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The versions of pain.002 that can be written.
const (
	Status03 = "pain.002.001.03"
	Status10 = "pain.002.001.10"
)

// StatusVersions lists them.
func StatusVersions() []string { return []string{Status03, Status10} }

// ErrStatusVersion means that a version of pain.002 cannot be written.
var ErrStatusVersion = errors.New("this version of the status report is not offered")

// A StatusReport says what became of an order. Statuses are those of the XS2A interface:
// RCVD, ACTC, ACSC, RJCT, CANC, …
type StatusReport struct {
	MessageID string // of the report itself; of a longer one, such as a UUID, the hyphens are left out
	Created   time.Time

	// What the order said. Only its message ID and version are needed.
	OriginalMessageID    string
	OriginalVersion      string // pain.001.001.03, …
	OriginalCreationTime time.Time
	OriginalCount        int    // 0: not told
	OriginalSum          string // "": not told

	Status  string
	Reasons []Reason // why, where there is something to say

	// PaymentInformationID is that of the order; "" leaves out all that follows.
	PaymentInformationID string
	PaymentStatus        string // "" is Status
	Transactions         []TransactionStatus
}

// A TransactionStatus is that of one payment of the order.
type TransactionStatus struct {
	InstructionID, EndToEndID string
	Status                    string
	Reasons                   []Reason
}

// A Reason says why a status is what it is.
type Reason struct {
	Code string // ISO 20022 ExternalStatusReason1Code; "" where there is only a text
	Text string
}

// Report begins the status report of o: all that o says of itself is in it, and the status of
// the whole is also that of its payments, which are not told one by one.
func (o Order) Report(messageID string, created time.Time, status string) StatusReport {
	return StatusReport{
		MessageID: messageID, Created: created, OriginalMessageID: o.MessageID, OriginalVersion: o.Version,
		OriginalCreationTime: o.CreationTime, OriginalCount: len(o.Bulk.Payments), OriginalSum: o.ControlSum,
		Status: status, PaymentInformationID: o.Bulk.PaymentInformationID,
	}
}

// Status writes s as a pain.002 of a version. It returns ErrStatusVersion, ErrReport when
// something is missing that the schema demands, or what w returned. Texts of the bank are cut
// to what the schema allows.
//
// Version 03 knows fewer statuses than the interface. There CANC becomes RJCT with the reason
// DS02, which is ISO 20022's code for an order cancelled by its user; what is settled on the
// creditor's side too (ACCC) is told as settled, ACFC and ACWP as accepted, what waits for
// another signature (PATC) as pending, and whatever was found out about payees (RCVC, RVCM,
// RVNC) as received.
func Status(w io.Writer, version string, s StatusReport) error {
	if version != Status03 && version != Status10 {
		return fmt.Errorf("%w: %.40q", ErrStatusVersion, version)
	}
	b := statusWriter{old: version == Status03}
	b.b = append(b.b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Document xmlns="`+namespace...)
	b.b = append(append(b.b, version...), `"><CstmrPmtStsRpt><GrpHdr>`...)
	b.id("MsgId", short(s.MessageID), true)
	b.moment("CreDtTm", s.Created)
	b.b = append(b.b, "</GrpHdr><OrgnlGrpInfAndSts>"...)
	b.id("OrgnlMsgId", s.OriginalMessageID, true)
	b.id("OrgnlMsgNmId", s.OriginalVersion, true)
	if !s.OriginalCreationTime.IsZero() {
		b.moment("OrgnlCreDtTm", s.OriginalCreationTime)
	}
	b.totals(s)
	b.status("GrpSts", s.Status, true, s.Reasons)
	b.b = append(b.b, "</OrgnlGrpInfAndSts>"...)
	if s.PaymentInformationID != "" {
		b.payment(s)
	}
	b.b = append(b.b, "</CstmrPmtStsRpt></Document>\n"...)
	if b.err != nil {
		return b.err
	}
	_, err := w.Write(b.b)
	return err
}

type statusWriter struct {
	b   []byte
	old bool // version 03
	err error
}

func (w *statusWriter) payment(s StatusReport) {
	w.b = append(w.b, "<OrgnlPmtInfAndSts>"...)
	w.id("OrgnlPmtInfId", s.PaymentInformationID, true)
	w.totals(s)
	status := s.PaymentStatus
	reasons := []Reason(nil)
	if status == "" {
		status = s.Status
	} else if status != s.Status {
		reasons = s.Reasons
	}
	w.status("PmtInfSts", status, true, reasons)
	for _, t := range s.Transactions {
		w.b = append(w.b, "\n<TxInfAndSts>"...)
		w.id("OrgnlInstrId", t.InstructionID, false)
		w.id("OrgnlEndToEndId", t.EndToEndID, false)
		w.status("TxSts", t.Status, false, t.Reasons)
		w.b = append(w.b, "</TxInfAndSts>"...)
	}
	w.b = append(w.b, "</OrgnlPmtInfAndSts>"...)
}

// totals writes what the order said of its payments.
func (w *statusWriter) totals(s StatusReport) {
	if s.OriginalCount > 0 {
		w.element("OrgnlNbOfTxs", strconv.Itoa(s.OriginalCount), 15)
	}
	if s.OriginalSum != "" {
		if decimal([]byte(s.OriginalSum)) != "" {
			w.fail("the sum of the order is no decimal number")
		}
		w.element("OrgnlCtrlSum", s.OriginalSum, len(s.OriginalSum))
	}
}

// status writes a status and its reasons. Only a group can be received (RCVD) or partly
// done (PART) in version 03.
func (w *statusWriter) status(name, status string, group bool, reasons []Reason) {
	if !fits([]byte(status), "AAAA") {
		w.fail("a status is no code")
		return
	}
	told := status
	if w.old {
		told = before10(status, group)
		if told == "" {
			w.fail("a status has no word in this version")
			return
		}
	}
	if status == "CANC" && told != status && len(reasons) == 0 {
		reasons = []Reason{{Code: "DS02"}}
	}
	w.element(name, told, 4)
	for _, r := range reasons {
		if r == (Reason{}) {
			continue
		}
		w.b = append(w.b, "<StsRsnInf>"...)
		switch {
		case r.Code == "":
		case len(r.Code) <= 4:
			w.b = append(w.b, "<Rsn>"...)
			w.element("Cd", r.Code, 4)
			w.b = append(w.b, "</Rsn>"...)
		default:
			w.b = append(w.b, "<Rsn>"...)
			w.element("Prtry", r.Code, 35)
			w.b = append(w.b, "</Rsn>"...)
		}
		for text := []rune(strings.TrimSpace(r.Text)); len(text) > 0; {
			n := min(len(text), 105)
			w.element("AddtlInf", string(text[:n]), 105)
			text = text[n:]
		}
		w.b = append(w.b, "</StsRsnInf>"...)
	}
}

// before10 is the word of version 03 for a status; "" where there is none.
func before10(status string, group bool) string {
	switch status {
	case "ACTC", "RJCT", "PDNG", "ACCP", "ACSP", "ACSC", "ACWC":
		return status
	case "RCVC", "RVCM", "RVNC":
		return before10("RCVD", group)
	case "RCVD", "PART":
		if group {
			return status
		}
		return "PDNG"
	case "PATC":
		return "PDNG"
	case "ACFC":
		return "ACCP"
	case "ACWP":
		return "ACSP"
	case "ACCC":
		return "ACSC"
	case "CANC":
		return "RJCT"
	}
	return ""
}

// id writes an identifier. It is never cut: it would be another's.
func (w *statusWriter) id(name, id string, needed bool) {
	switch n := utf8.RuneCountInString(id); {
	case n > 35:
		w.fail(name + " is longer than 35 characters")
	case n > 0:
		w.element(name, id, 35)
	case needed:
		w.fail(name + " is missing")
	}
}

// short makes a UUID fit.
func short(id string) string {
	if len(id) > 35 {
		return strings.ReplaceAll(id, "-", "")
	}
	return id
}

func (w *statusWriter) moment(name string, t time.Time) {
	if y := t.Year(); y < 1 || y > 9999 || t.IsZero() {
		w.fail(name + " is no time")
		return
	}
	w.b = append(append(append(w.b, '<'), name...), '>')
	w.b = t.AppendFormat(w.b, "2006-01-02T15:04:05Z07:00")
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

// element writes a text of at most n characters. What XML cannot hold becomes U+FFFD.
func (w *statusWriter) element(name, text string, n int) {
	w.b = append(append(append(w.b, '<'), name...), '>')
	for _, r := range text {
		if n--; n < 0 {
			break
		}
		switch {
		case r == '&':
			w.b = append(w.b, "&amp;"...)
		case r == '<':
			w.b = append(w.b, "&lt;"...)
		case r == '>':
			w.b = append(w.b, "&gt;"...)
		case r < ' ' || r >= 0x7F && r < 0xA0:
			w.b = append(w.b, ' ')
		case !isCharacter(r):
			w.b = append(w.b, "\uFFFD"...)
		default:
			w.b = utf8.AppendRune(w.b, r)
		}
	}
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

func (w *statusWriter) fail(problem string) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: %s", ErrReport, problem)
	}
}

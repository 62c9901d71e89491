// Package report writes account reports in the formats that banks had before JSON: camt.052,
// camt.053 and camt.054 of ISO 20022, and MT940 and MT942 of SWIFT.
//
// A Writer is made for one report. It writes the head at once, one entry at a time as the
// bank tells them, and the end on Close. It holds one entry in memory, however many there
// are, and reuses its room for the next. What a format demands decides what is written:
// texts are cut to what the schema allows, characters that a format forbids are replaced or
// left out, and a code, date or identifier that breaks a rule of the format is left out or
// told as free text, so that a report is valid whatever texts a bank sends. Only amounts are
// never bent: one that does not fit is an error.
//
// In camt every element stands where both kinds of schema, version 02 and version 08, want
// it. A booking of several payments is one entry with a batch and one TxDtls for each.
//
// In MT, field 86 is told as /EREF/…/IBAN/…/NAME/…/REMI/…: one text for each codeword, as
// Dutch banks do it. Readers that know no codewords see readable free text, and those that
// split by codewords need no table of a country's booking codes, which the German form
// (?20…?32…) would presuppose. A slash within a text becomes a hyphen, so that no text of a
// bank can pass for a codeword. A pending entry of MT942 has the mark EC or ED (expected
// credit, expected debit), SWIFT's own words for it. Of a batch MT can tell no details, only
// how many payments it has.
//
// Who may see which entry, balance and owner is the caller's business: all that is in the
// Head is told.
package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// Callers tell these apart with errors.Is. An entry with an amount, or a currency, that is
// none gives core.ErrMalformed.
var (
	ErrFormat = errors.New("report format is not known")
	ErrHead   = errors.New("account cannot be reported in this format")
	ErrEntry  = errors.New("entry cannot be reported in this format")
	ErrSum    = errors.New("entries do not lead from the opening balance to the closing balance")
)

// A Format is one kind and version of report.
type Format string

const (
	Camt052V02 Format = "camt.052.001.02"
	Camt052V08 Format = "camt.052.001.08"
	Camt053V02 Format = "camt.053.001.02"
	Camt053V08 Format = "camt.053.001.08"
	Camt054V02 Format = "camt.054.001.02"
	Camt054V08 Format = "camt.054.001.08"
	MT940      Format = "mt940"
	MT942      Format = "mt942"
)

// Formats lists all of them.
func Formats() []Format {
	return []Format{Camt052V02, Camt052V08, Camt053V02, Camt053V08, Camt054V02, Camt054V08, MT940, MT942}
}

// ContentType is the media type of the report. MT has a character set that is a part of ASCII.
func (f Format) ContentType() string {
	if f.mt() {
		return "text/plain; charset=us-ascii"
	}
	return "application/xml; charset=utf-8"
}

// NeedsBalances says whether a report must tell the opening and the closing balance.
// camt.053 makes do with any balance where these two are not known.
func (f Format) NeedsBalances() bool { return f == Camt053V02 || f == Camt053V08 || f == MT940 }

// Booked says whether a report can hold booked entries.
func (f Format) Booked() bool { return f.known() }

// Pending says whether a report can hold pending entries, too. A statement and a
// notification cannot: they tell what has happened.
func (f Format) Pending() bool { return f == Camt052V02 || f == Camt052V08 || f == MT942 }

func (f Format) mt() bool { return f == MT940 || f == MT942 }
func (f Format) v8() bool { return f == Camt052V08 || f == Camt053V08 || f == Camt054V08 }

func (f Format) known() bool {
	switch f {
	case Camt052V02, Camt052V08, Camt053V02, Camt053V08, Camt054V02, Camt054V08, MT940, MT942:
		return true
	}
	return false
}

// A Head is what a report says before its entries.
type Head struct {
	ID                string // identifies the report, at most 35 characters of [A-Za-z0-9-]
	Created           time.Time
	Account           core.Account // its own Balances are not looked at
	BankBIC, BankName string       // optional; Account.BIC goes before BankBIC
	From, To          day.Day      // period, both inclusive
	Zone              *time.Location

	// A report may come in pages, each a report of its own. Page counts from 1; 0 is a
	// report that has no pages.
	Page int
	Last bool

	// Opening is what the account held before the first entry of this page, Closing after
	// the last one; nil where unknown.
	Opening, Closing *Balance
	Balances         []core.Balance // further balances of the account
}

// A Balance is what an account held on Day.
type Balance struct {
	Amount money.Amount
	Day    day.Day
}

// check refuses what no format can tell.
func (h *Head) check() error {
	if h.ID == "" || len(h.ID) > 35 || strings.Trim(h.ID, idCharacters) != "" {
		return fmt.Errorf("%w: the report has no proper ID", ErrHead)
	}
	for _, b := range []*Balance{h.Opening, h.Closing} {
		if b != nil && (!isCurrency(b.Amount.Currency) || b.Day.IsZero()) {
			return fmt.Errorf("%w: a balance lacks its currency or day", ErrHead)
		}
	}
	if h.Opening != nil && h.Closing != nil && h.Opening.Amount.Currency != h.Closing.Amount.Currency {
		return fmt.Errorf("%w: the balances have different currencies", ErrHead)
	}
	return nil
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

// currency is that of the account; "" where it is not known.
func (h *Head) currency() string {
	switch {
	case h.Account.Currency != "":
		return h.Account.Currency
	case h.Account.Reference.Currency != "":
		return h.Account.Reference.Currency
	case h.Opening != nil:
		return h.Opening.Amount.Currency
	}
	return ""
}

func (h *Head) firstPage() bool { return h.Page <= 1 }
func (h *Head) lastPage() bool  { return h.Page == 0 || h.Last }

// A Writer writes one report. It is for one goroutine. After an error it writes nothing
// more and returns that error again, so that a report that broke off is never whole.
type Writer struct {
	f    Format
	h    Head
	out  io.Writer
	b    []byte // what out has not been given yet
	room []byte // for one text without its JSON escapes
	line []byte // for one field of MT before it is folded
	err  error
	done bool

	booked          int64 // sum of booked entries, in thousandths of the account's currency
	debits, credits tally
	decimals        decimals
}

// A tally counts entries of one direction.
type tally struct{ n, sum int64 }

// add counts an amount. A sum that no format has room for grows no more.
func (t *tally) add(n int64) { t.n, t.sum = t.n+1, min(t.sum+n, 1e17) }

// chunk is how much is gathered before it is given on.
const chunk = 32 << 10

// New begins a report on w. It returns ErrFormat for a format that is not known and ErrHead
// when h lacks what f needs.
func New(f Format, w io.Writer, h Head) (*Writer, error) {
	if !f.known() {
		return nil, fmt.Errorf("%w: %.20q", ErrFormat, string(f))
	}
	if h.Zone == nil {
		h.Zone = time.UTC
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	r := &Writer{f: f, h: h, out: w, b: make([]byte, 0, chunk+chunk/4)}
	if f.mt() {
		r.err = r.mtHead()
	} else {
		r.err = r.camtHead()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// Entry writes t, which may be used for the next entry afterwards. It returns ErrEntry when
// the format cannot hold such an entry, core.ErrMalformed when the amount is none, or what
// the underlying writer returned.
func (w *Writer) Entry(t *core.Transaction) error {
	if w.err == nil {
		w.err = w.entry(t)
	}
	return w.err
}

func (w *Writer) entry(t *core.Transaction) error {
	switch {
	case w.done:
		return fmt.Errorf("%w: the report is closed", ErrEntry)
	case t.Standing != nil:
		return fmt.Errorf("%w: a standing order", ErrEntry)
	case t.Pending && !w.f.Pending():
		return fmt.Errorf("%w: a pending one", ErrEntry)
	}
	amount, err := w.amount(t.Amount, t.Currency)
	if err != nil {
		return err
	}
	if !t.Pending {
		if o := w.h.Opening; o != nil && w.h.Closing != nil && string(t.Currency) != o.Amount.Currency {
			return fmt.Errorf("%w: an entry has another currency", ErrSum)
		}
		w.booked += amount
	}
	if w.f.mt() {
		err = w.mtEntry(t, amount)
	} else {
		err = w.camtEntry(t, amount)
	}
	if err != nil {
		return err
	}
	return w.flush(chunk)
}

// Close ends the report and gives all of it to the underlying writer, which it does not
// close. When both balances are known and the booked entries do not lead from one to the
// other, it returns ErrSum and leaves the report without its end, so that nobody can take it
// for a whole one. A second call does nothing.
func (w *Writer) Close() error {
	if w.err != nil || w.done {
		return w.err
	}
	w.done = true
	if o, c := w.h.Opening, w.h.Closing; o != nil && c != nil && w.balance(o.Amount)+w.booked != w.balance(c.Amount) {
		w.err = ErrSum
		return w.err
	}
	if w.f.mt() {
		w.err = w.mtEnd()
	} else {
		w.camtEnd()
	}
	if w.err == nil {
		w.err = w.flush(1)
	}
	return w.err
}

// flush gives on what was gathered once it is at least so much.
func (w *Writer) flush(least int) error {
	if len(w.b) < least {
		return nil
	}
	n, err := w.out.Write(w.b)
	if err == nil && n < len(w.b) {
		err = io.ErrShortWrite
	}
	w.b = w.b[:0]
	return err
}

package report

import (
	"fmt"
	"strconv"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// crlf ends every line of MT.
const crlf = "\r\n"

// mtHead writes everything before the first statement line.
//
// spec: SWIFT MT940, MT942
func (w *Writer) mtHead() error {
	h := &w.h
	currency := h.currency()
	if !isCurrency(currency) || currency == money.Several {
		return fmt.Errorf("%w: MT tells of one currency", ErrHead)
	}
	if w.f == MT940 && (h.Opening == nil || h.Closing == nil) {
		return fmt.Errorf("%w: the opening or the closing balance is not known", ErrHead)
	}
	if h.Opening != nil && h.Opening.Amount.Currency != currency || h.Closing != nil && h.Closing.Amount.Currency != currency {
		return fmt.Errorf("%w: the balances are not in the account's currency", ErrHead)
	}
	r := h.Account.Reference
	id, _ := identifier(&core.TextAccount{
		IBAN: core.Text(r.IBAN), BBAN: core.Text(r.BBAN), PAN: core.Text(r.PAN),
		MaskedPAN: core.Text(r.MaskedPAN), MSISDN: core.Text(r.MSISDN),
	})
	w.line = appendSWIFT(w.line[:0], w.withoutBlanks(id))
	account := w.line[:min(len(w.line), identifierMax)]
	if len(account) == 0 {
		return fmt.Errorf("%w: the account has no identifier", ErrHead)
	}
	w.b = append(append(w.b, ":20:"...), tail([]byte(h.ID), 16)...)
	w.b = append(append(append(w.b, crlf+":25:"...), account...), crlf...)
	// A report that is made when somebody asks has no number in a bank's row of statements.
	w.b = append(w.b, ":28C:0/"...)
	w.b = strconv.AppendInt(w.b, int64(max(h.Page, 1)%100000), 10)
	w.b = append(w.b, crlf...)
	if w.f == MT942 {
		// Nothing is left out because it is small: the floor limit is none.
		w.b = append(append(append(w.b, ":34F:"...), currency...), "0,"+crlf+":13D:"...)
		w.b = h.Created.In(h.Zone).AppendFormat(w.b, "0601021504-0700")
		w.b = append(w.b, crlf...)
		return nil
	}
	if h.firstPage() {
		return w.mtBalance(":60F:", h.Opening.Day, w.balance(h.Opening.Amount))
	}
	return w.mtBalance(":60M:", h.Opening.Day, w.balance(h.Opening.Amount))
}

// mtEnd writes everything behind the last statement line.
func (w *Writer) mtEnd() error {
	if w.f == MT942 {
		w.mtTally(":90D:", w.debits)
		w.mtTally(":90C:", w.credits)
	} else if err := w.mtClosing(); err != nil {
		return err
	}
	w.b = append(w.b, "-"+crlf...)
	return nil
}

func (w *Writer) mtClosing() error {
	c, tag := w.h.Closing, ":62F:"
	if !w.h.lastPage() {
		tag = ":62M:"
	}
	if err := w.mtBalance(tag, c.Day, w.balance(c.Amount)); err != nil {
		return err
	}
	for _, b := range w.h.Balances {
		if b.Type != "forwardAvailable" || b.ReferenceDate.IsZero() || b.Amount.Currency != w.h.currency() {
			continue
		}
		if err := w.mtBalance(":65:", b.ReferenceDate, w.balance(b.Amount)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) mtBalance(tag string, d day.Day, n int64) error {
	mark := 'C'
	if n < 0 {
		mark = 'D'
	}
	w.b = append(append(w.b, tag...), byte(mark))
	w.b = appendShortDate(w.b, []byte(d.String()), true)
	w.b = append(w.b, w.h.currency()...)
	var ok bool
	if w.b, ok = w.mtAmount(w.b, n); !ok {
		return fmt.Errorf("%w: a balance is too large", ErrHead)
	}
	w.b = append(w.b, crlf...)
	return nil
}

// mtTally says how many entries there were and what they come to, where there is room for it.
func (w *Writer) mtTally(tag string, t tally) {
	mark := len(w.b)
	w.b = append(w.b, tag...)
	w.b = strconv.AppendInt(w.b, t.n, 10)
	w.b = append(w.b, w.h.currency()...)
	var ok bool
	if w.b, ok = w.mtAmount(w.b, t.sum); !ok || t.n > 99999 {
		w.b = w.b[:mark]
		return
	}
	w.b = append(w.b, crlf...)
}

// mtAmount appends n without its sign; ok says whether the fifteen characters suffice.
func (w *Writer) mtAmount(b []byte, n int64) (_ []byte, ok bool) {
	mark := len(b)
	b = w.appendAmount(b, n, []byte(w.h.currency()), ',', true)
	return b, len(b)-mark <= 15
}

// mtEntry writes t as one statement line and what explains it.
func (w *Writer) mtEntry(t *core.Transaction, amount int64) error {
	if string(t.Currency) != w.h.currency() {
		return fmt.Errorf("%w: one in another currency than the account's", ErrEntry)
	}
	w.b = append(w.b, ":61:"...)
	value, booking := t.ValueDate, t.BookingDate
	if !isDate(value) {
		value = booking
	}
	if isDate(value) {
		w.b = appendShortDate(w.b, value, true)
	} else {
		w.b = appendShortDate(w.b, []byte(w.lastDay().String()), true)
	}
	if isDate(booking) {
		w.b = appendShortDate(w.b, booking, false)
	}
	if t.Pending {
		w.b = append(w.b, 'E')
	}
	if amount < 0 {
		w.b = append(w.b, 'D')
		w.debits.add(-amount)
	} else {
		w.b = append(w.b, 'C')
		w.credits.add(amount)
	}
	var ok bool
	if w.b, ok = w.mtAmount(w.b, amount); !ok {
		return fmt.Errorf("%w: the amount is too large", ErrEntry)
	}
	w.b = append(append(w.b, 'N'), typeCode(t.BankTransactionCode)...)
	w.mtReferences(t)
	w.b = append(w.b, crlf...)
	w.mtInformation(t, amount)
	return nil
}

// lastDay stands in for the value date that a statement line must have.
func (w *Writer) lastDay() day.Day {
	if !w.h.To.IsZero() {
		return w.h.To
	}
	return day.Of(w.h.Created, w.h.Zone)
}

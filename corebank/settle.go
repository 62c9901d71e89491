package corebank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Join lets banks pay each other's customers without detours. It is called before Start. A
// payment to an account of the bank's own stays there; one to a number in another's range
// (Config.IBANs) is handed over to that bank; all else goes out through clearing.
//
// What is handed over is written down with the booking, or with the reservation, and
// repeated until the other bank has answered. That bank keeps its answer: it credits once,
// however often it is asked. So each may die at any moment.
func Join(banks ...*Bank) {
	for _, b := range banks {
		b.joined = nil
		for _, other := range banks {
			if other.code != b.code && other.ibans != "" {
				b.joined = append(b.joined, other)
			}
		}
	}
}

func (b *Bank) peers() []*Bank { return b.joined }

// peerOf is the bank that iban's range belongs to, or empty.
func (b *Bank) peerOf(iban string) string {
	for _, other := range b.joined {
		if len(iban) > 4 && strings.HasPrefix(iban[:2]+iban[4:], other.ibans) {
			return other.code
		}
	}
	return ""
}

func (b *Bank) partyOf(a account) party {
	p := a.party()
	p.BIC = b.bic
	return p
}

// An outgoing transfer is on its way to another bank.
type outgoing struct {
	ID       string   `json:"id"`             // of its posting
	Payment  string   `json:"payment"`        // empty: of a standing order
	Item     int      `json:"item,omitempty"` // of a bulk, from 1
	Peer     string   `json:"peer"`
	Product  string   `json:"product"`
	Transfer transfer `json:"transfer"`
	From     party    `json:"from"`
	Debtor   string   `json:"debtor"` // account ID
	Currency string   `json:"currency"`
	Reserved bool     `json:"reserved"` // the money is held, and booked once the other bank has said yes
}

func (b *Bank) addTransfer(tx *sqldb.Tx, o outgoing) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	now := b.now().UnixMicro()
	_, err = tx.Exec(`INSERT INTO corebank_transfer (bank, id, body, state, reason, tries, due_at, created_at) VALUES ($1, $2, $3, 'waiting', '', 0, $4, $4)`,
		b.code, o.ID, string(body), now)
	return err
}

// transfersAtOnce bounds how many transfers are read at a time.
const transfersAtOnce = 200

// deliverTransfers hands over what waits for other banks. An error is of this bank; what
// another could not take is put off.
func (b *Bank) deliverTransfers(ctx context.Context) error {
	for {
		rows, err := b.db.Query(ctx, `SELECT body, tries FROM corebank_transfer WHERE bank = $1 AND state = 'waiting' AND due_at <= $2 ORDER BY due_at, id LIMIT $3 + 0`,
			b.code, b.now().UnixMicro(), transfersAtOnce)
		if err != nil {
			return err
		}
		var waiting []outgoing
		var tries []int
		for rows.Next() {
			var body string
			var n int
			var o outgoing
			if err := rows.Scan(&body, &n); err != nil {
				rows.Close()
				return err
			}
			if err := json.Unmarshal([]byte(body), &o); err != nil {
				rows.Close()
				return err
			}
			waiting, tries = append(waiting, o), append(tries, n)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for i, o := range waiting {
			if err := b.deliverTransfer(ctx, o, tries[i]); err != nil {
				return fmt.Errorf("transfer %s: %w", o.ID, err)
			}
		}
		if len(waiting) < transfersAtOnce {
			return ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (b *Bank) deliverTransfer(ctx context.Context, o outgoing, tries int) error {
	reason, err := "", errors.New("no such bank")
	for _, other := range b.joined {
		if other.code == o.Peer {
			reason, err = other.receive(ctx, b.code, o)
		}
	}
	if err != nil {
		b.log.Warn("another bank did not take a transfer; it will be repeated", "peer", o.Peer, "tries", tries+1, "error", err)
		_, err = b.db.Exec(ctx, `UPDATE corebank_transfer SET tries = tries + 1, due_at = $1 WHERE bank = $2 AND id = $3 AND state = 'waiting'`,
			b.now().Add(backoff(tries+1)).UnixMicro(), b.code, o.ID)
		return err
	}
	return b.write(ctx, func(tx *sqldb.Tx, out *reports) error { return b.delivered(tx, out, o, reason) })
}

// delivered takes down what the other bank said: it has the money, or why it does not.
func (b *Bank) delivered(tx *sqldb.Tx, out *reports, o outgoing, reason string) error {
	state := "settled"
	if reason != "" {
		state = "returned"
	}
	n, err := tx.Exec(`UPDATE corebank_transfer SET state = $1, reason = $2 WHERE bank = $3 AND id = $4 AND state = 'waiting'`, state, reason, b.code, o.ID)
	if err != nil || n == 0 { // somebody else took it down at the same moment
		return err
	}
	if o.Payment == "" { // of a standing order: nobody but the customer hears of it
		if reason == "" {
			return nil
		}
		return b.bookReturn(tx, o, reason)
	}
	p, err := scanPayment(tx.QueryRow(selectPayment, b.code, o.Payment))
	if err != nil {
		return err
	}
	who, err := b.ownerOf(tx, o.Payment)
	if err != nil {
		return err
	}
	switch {
	case o.Reserved && reason == "":
		return b.settleReserved(tx, out, p, who)
	case o.Reserved:
		return b.rejectReserved(tx, out, p, who, reason)
	case reason == "" && p.Service == servicePayments:
		return b.progress(tx, out, who.session, p.ID, "ACCC", nil)
	case reason == "":
		return nil
	}
	if err := b.bookReturn(tx, o, reason); err != nil {
		return err
	}
	if o.Item == 0 {
		// The payment was settled and stays so; that it came back is an entry, and a word.
		return b.progress(tx, out, who.session, p.ID, p.Status, wire.Extra{"returned": reason})
	}
	if _, err := tx.Exec(`UPDATE corebank_payment_item SET state = 'returned', reason = $1 WHERE bank = $2 AND payment = $3 AND n = $4`, reason, b.code, o.Payment, o.Item-1); err != nil {
		return err
	}
	if p.State != payBooked { // the end of the bulk will say it
		return nil
	}
	status, extra, err := b.fates(within(tx), p, true)
	if err != nil {
		return err
	}
	return b.progress(tx, out, who.session, p.ID, status, extra)
}

// settleReserved books an instant payment that the other bank has credited.
func (b *Bank) settleReserved(tx *sqldb.Tx, out *reports, p payment, who owner) error {
	debtor, err := b.payer(tx, p.Debtor, who.customer)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE corebank_payment SET state = 'booked' WHERE bank = $1 AND id = $2`, b.code, p.ID); err != nil {
		return err
	}
	if err := b.book.Release(tx, p.Debtor, p.ID); err != nil {
		return err
	}
	if err := b.bookTransfer(tx, movement{posting: "payment-" + p.ID, reference: "P" + p.ID, payment: p.ID, kind: b.productOf(p), settled: true, transfer: p.transfer}, debtor); err != nil {
		return err
	}
	if err := b.progress(tx, out, who.session, p.ID, "ACSC", nil); err != nil {
		return err
	}
	return b.progress(tx, out, who.session, p.ID, "ACCC", nil)
}

// rejectReserved gives the money of an instant payment free that the other bank does not take.
func (b *Bank) rejectReserved(tx *sqldb.Tx, out *reports, p payment, who owner, reason string) error {
	if _, err := tx.Exec(`UPDATE corebank_payment SET state = 'refused', status = 'RJCT', reason = $1 WHERE bank = $2 AND id = $3`, reason, b.code, p.ID); err != nil {
		return err
	}
	if err := b.book.Release(tx, p.Debtor, p.ID); err != nil {
		return err
	}
	return b.report(tx, out, report{stream: who.session, verb: verbUpdate, event: wire.Event{
		SessionSecret: wire.String(who.session), Status: "RJCT", ErrorClass: classOf(reason), ErrorMessage: wire.String(reason + " The payee's bank does not take the payment.")}})
}

// bookReturn puts back on the account what another bank did not take.
func (b *Bank) bookReturn(tx *sqldb.Tx, o outgoing, reason string) error {
	amount := o.Transfer.Amount
	d := ledger.Details{Reference: "R" + o.ID, EndToEnd: o.Transfer.EndToEnd, Code: "PMNT-ICDT-RRTN", PartyName: o.Transfer.CreditorName, PartyIBAN: o.Transfer.CreditorIBAN,
		Text: "Return " + reason + ": " + o.Transfer.Remittance}
	lines := []ledger.Line{{Account: persona.ClearingID(amount.Currency), Amount: amount.Neg()}, {Account: o.Debtor, Amount: amount, Details: d}}
	if o.Currency != amount.Currency {
		back, _ := exchanged(amount, o.Currency)
		lines[1].Amount = back
		lines = append(lines,
			ledger.Line{Account: persona.DeskID(amount.Currency), Amount: amount},
			ledger.Line{Account: persona.DeskID(back.Currency), Amount: back.Neg()})
	}
	return b.book.Post(tx, ledger.Posting{ID: "return-" + o.ID, Booked: b.today(), At: b.now(), Lines: lines})
}

// receive credits a customer with what another bank sends, once. reason is why not, in the
// words of ISO 20022; it is the same however often it is asked.
func (b *Bank) receive(ctx context.Context, from string, o outgoing) (reason string, err error) {
	err = b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reason = ""
		n, err := tx.Exec(`INSERT INTO corebank_received (bank, peer, id, reason, at) VALUES ($1, $2, $3, '', $4) ON CONFLICT DO NOTHING`, b.code, from, o.ID, b.now().UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return tx.QueryRow(`SELECT reason FROM corebank_received WHERE bank = $1 AND peer = $2 AND id = $3`, b.code, from, o.ID).Scan(&reason)
		}
		amount := o.Transfer.Amount
		if reason, err = b.takes(within(tx), o.Transfer.CreditorIBAN, amount.Currency); err != nil {
			return err
		}
		if reason != "" {
			_, err = tx.Exec(`UPDATE corebank_received SET reason = $1 WHERE bank = $2 AND peer = $3 AND id = $4`, reason, b.code, from, o.ID)
			return err
		}
		to, err := b.destination(tx, o.Transfer)
		if err != nil {
			return err
		}
		kind, _ := b.product(o.Product, servicePayments)
		if kind.received == "" {
			kind.received = "PMNT-RCDT-OTHR"
		}
		if err := b.book.Ensure(tx, ledger.Clearing, amount.Currency, persona.ClearingID(amount.Currency)); err != nil {
			return err
		}
		id := "in-" + from + "-" + o.ID
		return b.book.Post(tx, ledger.Posting{ID: id, Booked: b.today(), At: b.now(), Lines: []ledger.Line{
			{Account: persona.ClearingID(amount.Currency), Amount: money.Amount{Minor: -amount.Minor, Currency: amount.Currency}},
			{Account: to.account, Amount: amount, Value: kind.valueDay(b.today()), Details: o.Transfer.got(from+"-"+o.ID, kind.received, o.From)},
		}})
	})
	return reason, err
}

package corebank

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

const (
	// bulkPiece is how many payments of a bulk are booked in one transaction: a posting has
	// room for a debit and a credit of each.
	bulkPiece = 250
	// bulkAtOnce is how large a bulk may be that is booked before the customer's browser is
	// sent back; a larger one is the worker's.
	bulkAtOnce = 1000
	// partsTold bounds how many payments of a batch its one entry tells.
	partsTold = 500
	// toldMax bounds, in bytes, what a report tells of single payments of a bulk: it travels
	// in a header, of which the hub takes 64 KiB, and in base64.
	toldMax = 36 << 10
)

// An item is one payment of a bulk.
type item struct {
	n      int
	state  string // received, refused, booked, returned
	reason string
	transfer
}

func (b *Bank) addItems(tx *sqldb.Tx, p payment) error {
	all := make([][]any, 0, len(p.list))
	for _, i := range p.list {
		said, err := json.Marshal(i.Words)
		if err != nil {
			return err
		}
		all = append(all, []any{b.code, p.ID, i.n, i.state, i.Amount.Minor, i.Amount.Currency, i.CreditorName, i.CreditorIBAN,
			i.EndToEnd, i.Remittance, string(said), i.reason})
	}
	return ledger.Insert(tx, `INSERT INTO corebank_payment_item
		(bank, payment, n, state, amount, currency, creditor_name, creditor_iban, end_to_end, remittance, words, reason) VALUES `, all)
}

// inHouse finds the accounts of this bank that payments of a bulk go to, by their place.
func (b *Bank) inHouse(tx *sqldb.Tx, payment string, first, last int) (map[int]string, error) {
	found, err := tx.Query(`SELECT i.n, a.id FROM corebank_payment_item i
		JOIN corebank_account a ON a.bank = i.bank AND a.iban = i.creditor_iban AND a.currency = i.currency AND a.type <> $1
		WHERE i.bank = $2 AND i.payment = $3 AND i.n BETWEEN $4 AND $5`, typeClosed, b.code, payment, first, last)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	accounts := map[int]string{}
	for found.Next() {
		var n int
		var id string
		if err := found.Scan(&n, &id); err != nil {
			return nil, err
		}
		accounts[n] = id
	}
	return accounts, found.Err()
}

const selectItems = `SELECT n, state, amount, currency, creditor_name, creditor_iban, end_to_end, remittance, words, reason
	FROM corebank_payment_item WHERE bank = $1 AND payment = $2 AND `

// A reader is a database, or one of its transactions.
type reader func(query string, args ...any) (rows, error)

type rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close() error
}

// items reads those payments of a bulk that the condition selects.
func items(query reader, condition string, args ...any) ([]item, error) {
	found, err := query(selectItems+condition, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []item
	for found.Next() {
		var i item
		var said string
		if err := found.Scan(&i.n, &i.state, &i.Amount.Minor, &i.Amount.Currency, &i.CreditorName, &i.CreditorIBAN, &i.EndToEnd, &i.Remittance, &said, &i.reason); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(said), &i.Words); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, found.Err()
}

// A source is a transaction, or the database outside of any.
type source interface {
	QueryRow(query string, args ...any) sqldb.Row
	Query(query string, args ...any) (*sql.Rows, error)
}

// An outside is the database as a source.
type outside struct {
	ctx context.Context
	db  *sqldb.DB
}

func (o outside) QueryRow(query string, args ...any) sqldb.Row {
	return o.db.QueryRow(o.ctx, query, args...)
}

func (o outside) Query(query string, args ...any) (*sql.Rows, error) {
	return o.db.Query(o.ctx, query, args...)
}

// within reads as tx sees it, and reading from the database outside of any.
func within(tx source) reader {
	return func(query string, args ...any) (rows, error) { return tx.Query(query, args...) }
}

func (b *Bank) reading(ctx context.Context) reader {
	return func(query string, args ...any) (rows, error) { return b.db.Query(ctx, query, args...) }
}

// batchDigest is a hash over amount, currency and payee of every payment of a bulk, in their
// order: it is part of what a code approves (RTS art. 5(3)).
func (b *Bank) batchDigest(query reader, payment string) (string, error) {
	all, err := query(`SELECT n, amount, currency, creditor_iban, creditor_name FROM corebank_payment_item
		WHERE bank = $1 AND payment = $2 AND state = 'received' ORDER BY n`, b.code, payment)
	if err != nil {
		return "", err
	}
	defer all.Close()
	h := sha256.New()
	for all.Next() {
		var n, amount int64
		var texts [3]string
		if err := all.Scan(&n, &amount, &texts[0], &texts[1], &texts[2]); err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d %d %q\n", n, amount, texts)
	}
	return hex.EncodeToString(h.Sum(nil)), all.Err()
}

// partial tells which payments of a bulk are refused, while it is read.
func (p payment) partial() wire.Extra {
	if p.Refused == 0 {
		return nil
	}
	extra, _ := unexecuted(p.list)
	return extra
}

// unexecuted tells payments of a bulk that are not executed, or were and came back, by their place
// in it, and whether there was room for all of them.
func unexecuted(list []item) (extra wire.Extra, whole bool) {
	all, room := []any{}, toldMax
	for _, i := range list {
		status := "RJCT"
		switch i.state {
		case payRefused:
		case "returned": // the payer was debited, and credited again by an entry of its own
			status = "ACSC"
		default:
			continue
		}
		one := map[string]any{"index": i.n, "end_to_end_identification": i.EndToEnd, "status": status, "reason": i.reason}
		text, err := json.Marshal(one)
		if room -= len(text) + len(","); err != nil || room < 0 {
			return wire.Extra{"payments": all}, false
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, true
	}
	return wire.Extra{"payments": all}, true
}

// fates tells what became of the payments of a bulk, and how it ends or ended: in part where
// some were refused. What comes back does not change that.
func (b *Bank) fates(query reader, p payment, over bool) (status string, extra wire.Extra, err error) {
	const most = 1000 // more have no room in any case
	list, err := items(query, `state IN ('refused', 'returned') ORDER BY state, n LIMIT $3 + 0`, b.code, p.ID, most)
	if err != nil {
		return "", nil, err
	}
	status = "ACSC"
	if len(list) > 0 && list[0].state == payRefused {
		status = "PART"
	}
	slices.SortFunc(list, func(x, y item) int { return x.n - y.n })
	extra, whole := unexecuted(list)
	if over && extra != nil {
		// Of those that are not told: all were executed; or none is open, at least.
		extra["other_payments"] = "ACSC"
		if !whole || len(list) == most {
			extra["other_payments"] = status
		}
	}
	return status, extra, nil
}

// executeBulk books a bulk piece by piece, each in a transaction of its own. A piece is
// booked with its payments' state, under an ID of its own: whoever dies in between, and
// whoever else works on the same bulk, it is booked once.
func (b *Bank) executeBulk(ctx context.Context, id string) error {
	for {
		var done bool
		err := b.write(ctx, func(tx *sqldb.Tx, out *reports) (err error) {
			done, err = b.executePiece(tx, out, id)
			return err
		})
		if errors.Is(err, ledger.ErrPosted) { // somebody else did at the same moment
			continue
		}
		if err != nil || done {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (b *Bank) executePiece(tx *sqldb.Tx, out *reports, id string) (done bool, err error) {
	n, err := tx.Exec(`UPDATE corebank_payment SET state = 'running' WHERE bank = $1 AND id = $2 AND state IN ('scheduled', 'running') AND cancelling_until <= $3`,
		b.code, id, b.now().UnixMicro())
	if err != nil || n == 0 {
		return true, err
	}
	p, err := scanPayment(tx.QueryRow(selectPayment, b.code, id))
	if err != nil {
		return true, err
	}
	who, err := b.ownerOf(tx, id)
	if err != nil {
		return true, err
	}
	debtor, err := b.payer(tx, p.Debtor, who.customer)
	if err != nil {
		return true, err
	}
	kind := b.productOf(p)
	piece, err := items(within(tx), `state = 'received' ORDER BY n LIMIT $3 + 0`, b.code, id, bulkPiece)
	if err != nil {
		return true, err
	}
	if len(piece) == 0 {
		return true, b.endBulk(tx, out, p, who)
	}
	from := debtor.ID
	if p.Batch {
		from = persona.BatchID(p.Amount.Currency)
	}
	switch {
	case p.Batch && !p.BatchBooked:
		if err := b.debitBatch(tx, p, kind); err != nil {
			return true, err
		}
	case !p.Batch:
		if err := b.book.Reduce(tx, debtor.ID, p.ID, sum(piece)); err != nil {
			return true, err
		}
	}
	first, last := piece[0].n, piece[len(piece)-1].n
	accounts, err := b.inHouse(tx, p.ID, first, last)
	if err != nil {
		return true, err
	}
	lines := make([]ledger.Line, 0, 2*len(piece))
	for _, i := range piece {
		m := movement{posting: fmt.Sprintf("payment-%s-%d", p.ID, i.n), reference: fmt.Sprintf("P%s-%d", p.ID, i.n+1), payment: p.ID, item: i.n + 1, kind: kind, transfer: i.transfer}
		to := destination{account: accounts[i.n]}
		if to.account == "" {
			to.peer = b.peerOf(i.CreditorIBAN)
		}
		credit, err := b.creditLine(tx, m, debtor, to)
		if err != nil {
			return true, err
		}
		debit := ledger.Line{Account: from, Amount: i.Amount.Neg()}
		if !p.Batch {
			debit.Details = i.sent(m.reference, kind.code)
		}
		lines = append(lines, debit, credit)
	}
	if err := b.book.Post(tx, ledger.Posting{ID: fmt.Sprintf("payment-%s-%d", p.ID, first), Booked: b.today(), At: b.now(), Lines: lines}); err != nil {
		return true, err
	}
	_, err = tx.Exec(`UPDATE corebank_payment_item SET state = 'booked' WHERE bank = $1 AND payment = $2 AND n BETWEEN $3 AND $4 AND state = 'received'`, b.code, id, first, last)
	return false, err
}

// debitBatch books the one entry of a batch, which tells its payments as parts.
func (b *Bank) debitBatch(tx *sqldb.Tx, p payment, kind product) error {
	list, err := items(within(tx), `state = 'received' ORDER BY n LIMIT $3 + 0`, b.code, p.ID, partsTold)
	if err != nil {
		return err
	}
	d := ledger.Details{Reference: "P" + p.ID, Code: kind.code, Text: strconv.Itoa(p.Items) + " payments"}
	for _, i := range list {
		d = d.With(ledger.Part, ledger.Join(i.Amount.Neg().String(), i.CreditorName, i.CreditorIBAN, i.EndToEnd, i.Remittance, i.Words.Structured, i.Words.Purpose))
	}
	if p.Items > len(list) {
		d = d.With(ledger.Of, strconv.Itoa(p.Items))
	}
	batch := persona.BatchID(p.Amount.Currency)
	if err := b.book.Ensure(tx, ledger.Clearing, p.Amount.Currency, batch); err != nil {
		return err
	}
	if err := b.book.Release(tx, p.Debtor, p.ID); err != nil {
		return err
	}
	if err := b.book.Post(tx, ledger.Posting{ID: "payment-" + p.ID, Booked: b.today(), At: b.now(), Lines: []ledger.Line{
		{Account: p.Debtor, Amount: p.Amount.Neg(), Details: d},
		{Account: batch, Amount: money.Amount{Minor: p.Amount.Minor, Currency: p.Amount.Currency}},
	}}); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE corebank_payment SET batch = 2 WHERE bank = $1 AND id = $2`, b.code, p.ID)
	return err
}

// endBulk says what became of a bulk once all of it is booked.
func (b *Bank) endBulk(tx *sqldb.Tx, out *reports, p payment, who owner) error {
	if _, err := tx.Exec(`UPDATE corebank_payment SET state = 'booked' WHERE bank = $1 AND id = $2`, b.code, p.ID); err != nil {
		return err
	}
	status, extra, err := b.fates(within(tx), p, true)
	if err != nil {
		return err
	}
	return b.progress(tx, out, who.session, p.ID, status, extra)
}

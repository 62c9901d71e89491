// Package paymentsql keeps payments in SQLite or PostgreSQL. Both run the same statements;
// a version column takes the place of row locks.
package paymentsql

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the tables.
var Migrations fs.FS = files

// attempts bounds how often Update decides anew because another writer came first.
const attempts = 10

// Store is a payment.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ payment.Store = Store{}

const columns = `bank, id, tpp, tpp_name, psu, service, product, payment_order, debtor_account, status, funds_available, request_id,
	digest, created_at, authorise_by, hand, handed_at, session, unconfirmed, cancel_request, content, basket, items_ended`

func (s Store) Create(ctx context.Context, p payment.Payment, since time.Time) error {
	fixed, err := marshal(fixedOf(p))
	if err != nil {
		return err
	}
	m, err := mutableOf(p)
	if err != nil {
		return err
	}
	entries, content := "", p.Document.Bytes != nil || p.Bulk != nil
	if p.Bulk != nil {
		if entries, err = marshal(entriesOf(p.Bulk.Payments)); err != nil {
			return err
		}
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		const insert = `INSERT INTO payment (` + columns + `, due, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, 1)
			ON CONFLICT (bank, tpp, request_id) DO NOTHING`
		args := []any{
			p.Bank, p.ID, string(p.TPP), p.TPPName, m.psu, p.Service, p.Product, fixed, m.debtor, m.status, m.funds, m.requestID,
			p.Digest[:], sqldb.Micros(p.CreatedAt), m.authoriseBy, m.hand, m.handedAt, m.session, m.unconfirmed, m.cancelRequest, sqldb.Bool(content), m.basket, m.itemsEnded, due(p),
		}
		n, err := tx.Exec(insert, args...)
		if err == nil && n == 0 {
			// The other one may be so old that its claim is over.
			n, err = tx.Exec(`UPDATE payment SET request_id = NULL, version = version + 1 WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND created_at <= $4`,
				p.Bank, string(p.TPP), m.requestID, sqldb.Micros(since))
			if err == nil && n == 1 {
				n, err = tx.Exec(insert, args...)
			}
		}
		switch {
		case err != nil:
			return err
		case n == 0:
			return payment.ErrRepeated
		case !content:
			return nil
		}
		_, err = tx.Exec(`INSERT INTO payment_content (bank, id, entries, media, document) VALUES ($1, $2, $3, $4, $5)`,
			p.Bank, p.ID, entries, p.Document.Media, append([]byte{}, p.Document.Bytes...))
		return err
	})
}

func (s Store) Get(ctx context.Context, bank, id string) (payment.Payment, error) {
	p, r, err := s.one(ctx, `id = $2`, bank, id)
	if err != nil || !r.content {
		return p, err
	}
	var listed string
	err = s.DB.QueryRow(ctx, `SELECT entries, media, document FROM payment_content WHERE bank = $1 AND id = $2`, bank, id).
		Scan(&listed, &p.Document.Media, &p.Document.Bytes)
	if err != nil || p.Bulk == nil {
		return p, err
	}
	if p.Items, err = s.items(ctx, bank, id); err != nil {
		return p, err
	}
	var all []order
	if err = json.Unmarshal([]byte(listed), &all); err != nil {
		return p, err
	}
	p.Bulk.Payments = make([]core.Payment, len(all))
	for i, o := range all {
		p.Bulk.Payments[i] = o.payment()
	}
	return p, nil
}

func (s Store) Outline(ctx context.Context, bank, id string) (payment.Payment, error) {
	p, _, err := s.one(ctx, `id = $2`, bank, id)
	return p, err
}

func (s Store) ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (payment.Payment, error) {
	p, _, err := s.one(ctx, `tpp = $2 AND request_id = $3`, bank, string(t), requestID)
	return p, err
}

func (s Store) Unsettled(ctx context.Context, bank string, before time.Time, after payment.Place, limit int) ([]payment.Payment, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM payment WHERE bank = $1 AND hand = 'sending' AND handed_at <= $2
		AND (handed_at, id) > ($3, $4) ORDER BY handed_at, id LIMIT $5`, bank, sqldb.Micros(before), sqldb.Micros(after.HandedAt), after.ID, limit)
}

// Given leaves out what was rejected: the PSU has authorised none of that, as far as is known.
func (s Store) Given(ctx context.Context, bank string, q payment.GivenQuery) ([]payment.Payment, error) {
	created := int64(math.MaxInt64)
	if q.After != (payment.Given{}) {
		created = sqldb.Micros(q.After.CreatedAt)
	}
	return s.all(ctx, `SELECT `+columns+`, version FROM payment WHERE bank = $1 AND psu = $2 AND psu <> '' AND due <> '' AND (created_at, id) < ($3, $4)
		AND authorise_by = 0 AND status <> 'RJCT' AND (due >= $5 AND status NOT IN ('CANC', 'ACSC', 'ACCC', 'PART', 'ACWP')) = ($6 = 0)
		AND ($7 = '' OR tpp = $7) ORDER BY created_at DESC, id DESC LIMIT $8`,
		bank, q.PSU, created, q.After.ID, q.Today.String(), sqldb.Bool(q.Ended), string(q.TPP), q.Limit)
}

// due is the last day on which p may be made, as it is compared.
func due(p payment.Payment) string {
	if p.Due().IsZero() {
		return ""
	}
	return p.Due().String()
}

func (s Store) all(ctx context.Context, query string, args ...any) ([]payment.Payment, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []payment.Payment
	for rows.Next() {
		p, _, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

func (s Store) Update(ctx context.Context, bank, id string, change func(payment.Payment) (payment.Payment, error)) error {
	for range attempts {
		p, r, err := s.one(ctx, `id = $2`, bank, id)
		if err != nil {
			return err
		}
		old, err := mutableOf(p)
		if err != nil {
			return err
		}
		if p, err = change(p); err != nil {
			return err
		}
		m, err := mutableOf(p)
		if err != nil || m == old && p.Items == nil {
			return err
		}
		n, err := s.replace(ctx, p, m, r.version)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("payment %s: overtaken by other writers %d times", id, attempts)
}

// replace writes p over the version that was read; 0: somebody else was faster.
func (s Store) replace(ctx context.Context, p payment.Payment, m mutable, version int64) (n int64, err error) {
	const update = `UPDATE payment SET psu = $1, debtor_account = $2, status = $3, funds_available = $4, request_id = $5,
		authorise_by = $6, hand = $7, handed_at = $8, session = $9, unconfirmed = $10, cancel_request = $11, basket = $12, items_ended = $13, version = version + 1
		WHERE bank = $14 AND id = $15 AND version = $16`
	args := []any{
		m.psu, m.debtor, m.status, m.funds, m.requestID, m.authoriseBy, m.hand, m.handedAt, m.session, m.unconfirmed, m.cancelRequest, m.basket, m.itemsEnded,
		p.Bank, p.ID, version,
	}
	if p.Items == nil {
		return s.DB.Exec(ctx, update, args...)
	}
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		if n, err = tx.Exec(update, args...); err != nil || n == 0 {
			return err
		}
		return putItems(tx, p)
	})
	return n, err
}

func (s Store) one(ctx context.Context, where string, args ...any) (payment.Payment, row, error) {
	p, r, err := scan(s.DB.QueryRow(ctx, `SELECT `+columns+`, version FROM payment WHERE bank = $1 AND `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = payment.ErrUnknown
	}
	return p, r, err
}

// row is what a row says beside the payment.
type row struct {
	version int64
	content bool // there is a row of payment_content
}

// mutable holds the columns that change in the life of a payment.
type mutable struct {
	psu, debtor, status string
	funds               sql.NullInt64
	requestID           sql.NullString
	authoriseBy         int64
	hand, session       string
	handedAt            int64
	unconfirmed         int
	cancelRequest       string
	basket              string
	itemsEnded          int
}

func mutableOf(p payment.Payment) (m mutable, err error) {
	m = mutable{
		psu: p.PSU, status: string(p.Status), requestID: sqldb.Null(p.RequestID), authoriseBy: sqldb.Micros(p.AuthoriseBy),
		hand: string(p.Hand), session: p.Session, handedAt: sqldb.Micros(p.HandedAt), unconfirmed: sqldb.Bool(p.Unconfirmed),
		cancelRequest: p.CancelRequest, basket: p.Basket, itemsEnded: sqldb.Bool(p.ItemsEnded),
	}
	if p.FundsAvailable != nil {
		m.funds = sql.NullInt64{Int64: int64(sqldb.Bool(*p.FundsAvailable)), Valid: true}
	}
	account := p.Order.DebtorAccount
	if p.Bulk != nil {
		account = p.Bulk.DebtorAccount
	}
	m.debtor, err = marshal(account)
	return m, err
}

func scan(from interface{ Scan(...any) error }) (p payment.Payment, r row, err error) {
	var m mutable
	var text string
	var digest []byte
	var created int64
	var content int
	err = from.Scan(&p.Bank, &p.ID, &p.TPP, &p.TPPName, &m.psu, &p.Service, &p.Product, &text, &m.debtor, &m.status, &m.funds, &m.requestID,
		&digest, &created, &m.authoriseBy, &m.hand, &m.handedAt, &m.session, &m.unconfirmed, &m.cancelRequest, &content, &m.basket, &m.itemsEnded, &r.version)
	if err != nil {
		return p, r, err
	}
	r.content = content == 1
	p.PSU, p.Status, p.RequestID = m.psu, payment.Status(m.status), m.requestID.String
	p.CreatedAt, p.AuthoriseBy = sqldb.Time(created), sqldb.Time(m.authoriseBy)
	p.Hand, p.HandedAt, p.Session = payment.Hand(m.hand), sqldb.Time(m.handedAt), m.session
	p.Unconfirmed, p.CancelRequest, p.Basket = m.unconfirmed == 1, m.cancelRequest, m.basket
	p.ItemsEnded = m.itemsEnded == 1
	if m.funds.Valid {
		p.FundsAvailable = new(m.funds.Int64 == 1)
	}
	copy(p.Digest[:], digest)
	var f fixed
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return p, r, err
	}
	f.into(&p)
	account := &p.Order.DebtorAccount
	if p.Bulk != nil {
		account = &p.Bulk.DebtorAccount
	}
	return p, r, json.Unmarshal([]byte(m.debtor), account)
}

func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

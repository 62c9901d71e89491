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
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// attempts bounds how often Update decides anew because another writer came first.
const attempts = 10

// Store is a payment.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ payment.Store = Store{}

const columns = `bank, id, tpp, tpp_name, psu, service, product, payment_order, debtor_account, status, funds_available, request_id,
	digest, created_at, authorise_by`

func (s Store) Create(ctx context.Context, p payment.Payment, since time.Time) error {
	fixed, err := marshal(orderOf(p.Order))
	if err != nil {
		return err
	}
	m, err := mutableOf(p)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		const insert = `INSERT INTO payment (` + columns + `, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)
			ON CONFLICT (bank, tpp, request_id) DO NOTHING`
		args := []any{
			p.Bank, p.ID, string(p.TPP), p.TPPName, m.psu, p.Service, p.Product, fixed, m.debtor, m.status, m.funds, m.requestID,
			p.Digest[:], sqldb.Micros(p.CreatedAt), m.authoriseBy,
		}
		n, err := tx.Exec(insert, args...)
		if err != nil || n == 1 {
			return err
		}
		// The other one may be so old that its claim is over.
		n, err = tx.Exec(`UPDATE payment SET request_id = NULL, version = version + 1 WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND created_at <= $4`,
			p.Bank, string(p.TPP), m.requestID, sqldb.Micros(since))
		if err != nil {
			return err
		}
		if n == 1 {
			n, err = tx.Exec(insert, args...)
		}
		if err == nil && n == 0 {
			err = payment.ErrRepeated
		}
		return err
	})
}

func (s Store) Get(ctx context.Context, bank, id string) (payment.Payment, error) {
	p, _, err := s.one(ctx, `id = $2`, bank, id)
	return p, err
}

func (s Store) ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (payment.Payment, error) {
	p, _, err := s.one(ctx, `tpp = $2 AND request_id = $3`, bank, string(t), requestID)
	return p, err
}

func (s Store) Update(ctx context.Context, bank, id string, change func(payment.Payment) (payment.Payment, error)) error {
	for range attempts {
		p, version, err := s.one(ctx, `id = $2`, bank, id)
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
		if err != nil || m == old {
			return err
		}
		n, err := s.DB.Exec(ctx, `UPDATE payment SET psu = $1, debtor_account = $2, status = $3, funds_available = $4, request_id = $5,
			authorise_by = $6, version = version + 1 WHERE bank = $7 AND id = $8 AND version = $9`,
			m.psu, m.debtor, m.status, m.funds, m.requestID, m.authoriseBy, bank, id, version)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("payment %s: overtaken by other writers %d times", id, attempts)
}

func (s Store) one(ctx context.Context, where string, args ...any) (payment.Payment, int64, error) {
	p, version, err := scan(s.DB.QueryRow(ctx, `SELECT `+columns+`, version FROM payment WHERE bank = $1 AND `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = payment.ErrUnknown
	}
	return p, version, err
}

// mutable holds the columns that change in the life of a payment.
type mutable struct {
	psu, debtor, status string
	funds               sql.NullInt64
	requestID           sql.NullString
	authoriseBy         int64
}

func mutableOf(p payment.Payment) (m mutable, err error) {
	m = mutable{
		psu: p.PSU, status: string(p.Status), requestID: sqldb.Null(p.RequestID),
		authoriseBy: sqldb.Micros(p.AuthoriseBy),
	}
	if p.FundsAvailable != nil {
		m.funds = sql.NullInt64{Int64: int64(sqldb.Bool(*p.FundsAvailable)), Valid: true}
	}
	m.debtor, err = marshal(p.Order.DebtorAccount)
	return m, err
}

// order is what of an order never changes, as it is stored.
type order struct {
	EndToEndID        string                `json:"endToEndId"`
	Minor             int64                 `json:"minor"`
	Currency          string                `json:"currency"`
	CreditorName      string                `json:"creditorName"`
	CreditorAccount   core.AccountReference `json:"creditorAccount"`
	CreditorAgent     string                `json:"creditorAgent,omitempty"`
	CreditorAgentName string                `json:"creditorAgentName,omitempty"`
	CreditorAddress   *core.Address         `json:"creditorAddress,omitempty"`
	Remittance        string                `json:"remittance,omitempty"`
	ExecutionDate     day.Day               `json:"executionDate"`
}

func orderOf(o core.Payment) order {
	return order{
		EndToEndID: o.EndToEndID, Minor: o.Amount.Minor, Currency: o.Amount.Currency, CreditorName: o.CreditorName,
		CreditorAccount: o.CreditorAccount, CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName,
		CreditorAddress: o.CreditorAddress, Remittance: o.Remittance, ExecutionDate: o.RequestedExecutionDate,
	}
}

func scan(row interface{ Scan(...any) error }) (p payment.Payment, version int64, err error) {
	var m mutable
	var fixed string
	var digest []byte
	var created int64
	err = row.Scan(&p.Bank, &p.ID, &p.TPP, &p.TPPName, &m.psu, &p.Service, &p.Product, &fixed, &m.debtor, &m.status, &m.funds, &m.requestID,
		&digest, &created, &m.authoriseBy, &version)
	if err != nil {
		return p, 0, err
	}
	p.PSU, p.Status, p.RequestID = m.psu, payment.Status(m.status), m.requestID.String
	p.CreatedAt, p.AuthoriseBy = sqldb.Time(created), sqldb.Time(m.authoriseBy)
	if m.funds.Valid {
		p.FundsAvailable = new(m.funds.Int64 == 1)
	}
	copy(p.Digest[:], digest)
	var o order
	if err := json.Unmarshal([]byte(fixed), &o); err != nil {
		return p, 0, err
	}
	p.Order = core.Payment{
		EndToEndID: o.EndToEndID, Amount: money.Amount{Minor: o.Minor, Currency: o.Currency}, CreditorName: o.CreditorName,
		CreditorAccount: o.CreditorAccount, CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName,
		CreditorAddress: o.CreditorAddress, Remittance: o.Remittance, RequestedExecutionDate: o.ExecutionDate,
	}
	return p, version, json.Unmarshal([]byte(m.debtor), &p.Order.DebtorAccount)
}

func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

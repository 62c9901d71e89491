// Package basketsql keeps signing baskets in SQLite or PostgreSQL. Both run the same
// statements; a version column takes the place of row locks.
package basketsql

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kontor/bank/basket"
	"kontor/bank/payment"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// attempts bounds how often Update decides anew because another writer came first.
const attempts = 10

// Store is a basket.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ basket.Store = Store{}

const columns = `bank, id, tpp, tpp_name, psu, payments, consents, status, unconfirmed, request_id, digest, delete_request,
	hand, handed_at, session, created_at, authorise_by, authorised_at, look_at`

func (s Store) Create(ctx context.Context, k basket.Basket, since time.Time) error {
	payments, err := json.Marshal(k.Payments)
	if err != nil {
		return err
	}
	consents, err := json.Marshal(k.Consents)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		const insert = `INSERT INTO basket (` + columns + `, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1)
			ON CONFLICT (bank, tpp, request_id) DO NOTHING`
		args := []any{
			k.Bank, k.ID, string(k.TPP), k.TPPName, k.PSU, string(payments), string(consents), string(k.Status), sqldb.Bool(k.Unconfirmed),
			sqldb.Null(k.RequestID), k.Digest[:], k.DeleteRequest, string(k.Hand), sqldb.Micros(k.HandedAt), k.Session,
			sqldb.Micros(k.CreatedAt), sqldb.Micros(k.AuthoriseBy), sqldb.Micros(k.AuthorisedAt), sqldb.Micros(k.LookAt),
		}
		n, err := tx.Exec(insert, args...)
		if err == nil && n == 0 {
			// The other one may be so old that its claim is over.
			n, err = tx.Exec(`UPDATE basket SET request_id = NULL, version = version + 1 WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND created_at <= $4`,
				k.Bank, string(k.TPP), k.RequestID, sqldb.Micros(since))
			if err == nil && n == 1 {
				n, err = tx.Exec(insert, args...)
			}
		}
		if err == nil && n == 0 {
			err = basket.ErrRepeated
		}
		return err
	})
}

func (s Store) ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (basket.Basket, error) {
	k, _, err := s.one(ctx, `tpp = $2 AND request_id = $3`, bank, string(t), requestID)
	return k, err
}

func (s Store) Get(ctx context.Context, bank, id string) (basket.Basket, error) {
	k, _, err := s.one(ctx, `id = $2`, bank, id)
	return k, err
}

func (s Store) Update(ctx context.Context, bank, id string, change func(basket.Basket) (basket.Basket, error)) error {
	for range attempts {
		k, version, err := s.one(ctx, `id = $2`, bank, id)
		if err != nil {
			return err
		}
		if k, err = change(k); err != nil {
			return err
		}
		n, err := s.DB.Exec(ctx, `UPDATE basket SET psu = $1, status = $2, unconfirmed = $3, request_id = $4, delete_request = $5, hand = $6,
			handed_at = $7, session = $8, authorise_by = $9, authorised_at = $10, look_at = $11, version = version + 1
			WHERE bank = $12 AND id = $13 AND version = $14`,
			k.PSU, string(k.Status), sqldb.Bool(k.Unconfirmed), sqldb.Null(k.RequestID), k.DeleteRequest, string(k.Hand),
			sqldb.Micros(k.HandedAt), k.Session, sqldb.Micros(k.AuthoriseBy), sqldb.Micros(k.AuthorisedAt), sqldb.Micros(k.LookAt),
			bank, id, version)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("signing basket %s: overtaken by other writers %d times", id, attempts)
}

func (s Store) Unsettled(ctx context.Context, bank string, before time.Time, limit int) ([]basket.Basket, error) {
	return s.all(ctx, `hand = 'sending' AND handed_at <= $2 ORDER BY handed_at LIMIT $3`, bank, before, limit)
}

func (s Store) Due(ctx context.Context, bank string, now time.Time, limit int) ([]basket.Basket, error) {
	return s.all(ctx, `look_at > 0 AND look_at <= $2 ORDER BY look_at LIMIT $3`, bank, now, limit)
}

func (s Store) all(ctx context.Context, where, bank string, at time.Time, limit int) ([]basket.Basket, error) {
	rows, err := s.DB.Query(ctx, `SELECT `+columns+`, version FROM basket WHERE bank = $1 AND `+where, bank, sqldb.Micros(at), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []basket.Basket
	for rows.Next() {
		k, _, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, rows.Err()
}

func (s Store) one(ctx context.Context, where string, args ...any) (basket.Basket, int64, error) {
	k, version, err := scan(s.DB.QueryRow(ctx, `SELECT `+columns+`, version FROM basket WHERE bank = $1 AND `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = basket.ErrUnknown
	}
	return k, version, err
}

func scan(from interface{ Scan(...any) error }) (k basket.Basket, version int64, err error) {
	var (
		payments, consents, hand             string
		unconfirmed                          int
		requestID                            sql.NullString
		digest                               []byte
		handed, created, by, authorised, due int64
	)
	err = from.Scan(&k.Bank, &k.ID, &k.TPP, &k.TPPName, &k.PSU, &payments, &consents, &k.Status, &unconfirmed, &requestID, &digest,
		&k.DeleteRequest, &hand, &handed, &k.Session, &created, &by, &authorised, &due, &version)
	if err != nil {
		return k, 0, err
	}
	copy(k.Digest[:], digest)
	k.Unconfirmed, k.RequestID, k.Hand = unconfirmed == 1, requestID.String, payment.Hand(hand)
	k.HandedAt, k.CreatedAt, k.AuthoriseBy = sqldb.Time(handed), sqldb.Time(created), sqldb.Time(by)
	k.AuthorisedAt, k.LookAt = sqldb.Time(authorised), sqldb.Time(due)
	return k, version, errors.Join(json.Unmarshal([]byte(payments), &k.Payments), json.Unmarshal([]byte(consents), &k.Consents))
}

// Package fundssql keeps answers to questions about funds in SQLite or PostgreSQL.
package fundssql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"kontor/bank/funds"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// Store is funds.Answers on one database.
type Store struct{ DB *sqldb.DB }

var _ funds.Answers = Store{}

func (s Store) Keep(ctx context.Context, a funds.Answer, since time.Time) (funds.Answer, error) {
	n, err := s.DB.Exec(ctx, `INSERT INTO funds_answer (bank, tpp, request_id, consent, digest, available, given_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (bank, tpp, request_id) DO UPDATE SET consent = $4, digest = $5, available = $6, given_at = $7 WHERE funds_answer.given_at <= $8`,
		a.Bank, string(a.TPP), a.RequestID, a.ConsentID, a.Digest[:], sqldb.Bool(a.Available), sqldb.Micros(a.At), sqldb.Micros(since))
	if err != nil || n == 1 {
		return a, err
	}
	return s.Find(ctx, a.Bank, a.TPP, a.RequestID, since)
}

func (s Store) Find(ctx context.Context, bank string, t tpp.ID, requestID string, since time.Time) (funds.Answer, error) {
	a := funds.Answer{Bank: bank, TPP: t, RequestID: requestID}
	var digest []byte
	var available int
	var at int64
	err := s.DB.QueryRow(ctx, `SELECT consent, digest, available, given_at FROM funds_answer
		WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND given_at > $4`,
		bank, string(t), requestID, sqldb.Micros(since)).Scan(&a.ConsentID, &digest, &available, &at)
	if errors.Is(err, sql.ErrNoRows) {
		err = funds.ErrUnanswered
	}
	copy(a.Digest[:], digest)
	a.Available, a.At = available == 1, sqldb.Time(at)
	return a, err
}

func (s Store) Forget(ctx context.Context, before time.Time) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM funds_answer WHERE given_at <= $1`, sqldb.Micros(before))
	return err
}

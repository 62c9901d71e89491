// Package accountsql keeps, in SQLite or PostgreSQL, what reads of accounts must remember.
// Both run the same statements.
package accountsql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"kontor/bank/account"
	"kontor/bank/core"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the tables.
var Migrations fs.FS = files

// Store is an account.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ account.Store = Store{}

func (s Store) Mark(ctx context.Context, bank, consentID, resourceID string) (mark string, err error) {
	err = s.DB.QueryRow(ctx, `SELECT mark FROM account_mark WHERE bank = $1 AND consent = $2 AND account = $3`, bank, consentID, resourceID).Scan(&mark)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return mark, err
}

func (s Store) SetMark(ctx context.Context, bank, consentID, resourceID, mark string) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO account_mark (bank, consent, account, mark) VALUES ($1, $2, $3, $4)
		ON CONFLICT (bank, consent, account) DO UPDATE SET mark = excluded.mark`, bank, consentID, resourceID, mark)
	return err
}

func (s Store) Copy(ctx context.Context, bank, consentID string) (c account.Copy, err error) {
	var session sql.NullString
	var asked, fresh int64
	err = s.DB.QueryRow(ctx, `SELECT session, asked_at, fresh_at FROM account_copy WHERE bank = $1 AND consent = $2`, bank, consentID).Scan(&session, &asked, &fresh)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	return account.Copy{Session: session.String, AskedAt: sqldb.Time(asked), FreshAt: sqldb.Time(fresh)}, err
}

func (s Store) SetCopy(ctx context.Context, bank, consentID string, c account.Copy) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO account_copy (bank, consent, session, asked_at, fresh_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (bank, consent) DO UPDATE SET session = excluded.session, asked_at = excluded.asked_at, fresh_at = excluded.fresh_at`,
		bank, consentID, sqldb.Null(c.Session), sqldb.Micros(c.AskedAt), sqldb.Micros(c.FreshAt))
	return err
}

func (s Store) EndRefresh(ctx context.Context, bank, session string, fresh time.Time) error {
	n, err := s.DB.Exec(ctx, `UPDATE account_copy SET session = NULL, fresh_at = CASE WHEN CAST($1 AS BIGINT) = 0 THEN fresh_at ELSE CAST($1 AS BIGINT) END WHERE bank = $2 AND session = $3`,
		sqldb.Micros(fresh), bank, session)
	if err == nil && n == 0 {
		err = core.ErrSessionUnknown
	}
	return err
}

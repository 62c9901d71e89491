// Package dashboardsql keeps who is logged in to the dashboard, in SQLite or PostgreSQL.
package dashboardsql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"kontor/bank/dashboard"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// Store is dashboard.Sessions on one database.
type Store struct{ DB *sqldb.DB }

var _ dashboard.Sessions = Store{}

func (s Store) Create(ctx context.Context, one dashboard.Session) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO dashboard_session (bank, session_key, entry, authorisation, psu, began_at, seen_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		one.Bank, one.Key[:], one.Entry[:], one.Authorisation, one.PSU, sqldb.Micros(one.Began), sqldb.Micros(one.Seen))
	return err
}

func (s Store) Get(ctx context.Context, bank string, key [32]byte) (dashboard.Session, error) {
	one := dashboard.Session{Bank: bank, Key: key}
	var entry []byte
	var began, seen int64
	err := s.DB.QueryRow(ctx, `SELECT entry, authorisation, psu, began_at, seen_at FROM dashboard_session WHERE bank = $1 AND session_key = $2`, bank, key[:]).
		Scan(&entry, &one.Authorisation, &one.PSU, &began, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return dashboard.Session{}, dashboard.ErrSession
	}
	copy(one.Entry[:], entry)
	one.Began, one.Seen = sqldb.Time(began), sqldb.Time(seen)
	return one, err
}

func (s Store) Replace(ctx context.Context, key [32]byte, next dashboard.Session) error {
	return s.DB.Atomically(ctx, func(ctx context.Context) error {
		n, err := s.DB.Exec(ctx, `DELETE FROM dashboard_session WHERE bank = $1 AND session_key = $2`, next.Bank, key[:])
		if err == nil && n == 0 {
			err = dashboard.ErrSession
		}
		if err != nil {
			return err
		}
		return s.Create(ctx, next)
	})
}

func (s Store) Touch(ctx context.Context, bank string, key [32]byte, seen time.Time) error {
	_, err := s.DB.Exec(ctx, `UPDATE dashboard_session SET seen_at = $1 WHERE bank = $2 AND session_key = $3`, sqldb.Micros(seen), bank, key[:])
	return err
}

func (s Store) Delete(ctx context.Context, bank string, key [32]byte) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM dashboard_session WHERE bank = $1 AND session_key = $2`, bank, key[:])
	return err
}

func (s Store) Forget(ctx context.Context, before time.Time) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM dashboard_session WHERE began_at < $1`, sqldb.Micros(before))
	return err
}

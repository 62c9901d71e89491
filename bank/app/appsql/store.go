// Package appsql keeps apps in SQLite or PostgreSQL. Both run the same statements.
package appsql

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"

	"kontor/bank/app"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// Store is an app.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ app.Store = Store{}

func (s Store) Put(ctx context.Context, a app.App) error {
	uris, err := json.Marshal(a.RedirectURIs)
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `INSERT INTO app (bank, client_id, secret, tpp, name, redirect_uris, thumbprint) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (bank, client_id) DO UPDATE SET secret = excluded.secret, tpp = excluded.tpp, name = excluded.name,
		redirect_uris = excluded.redirect_uris, thumbprint = excluded.thumbprint`,
		a.Bank, a.ClientID, null(a.SecretHash), string(a.TPP), a.Name, string(uris), null(a.CertificateThumbprint))
	return err
}

const columns = `bank, client_id, secret, tpp, name, redirect_uris, thumbprint`

func (s Store) ByClient(ctx context.Context, bank, clientID string) (app.App, error) {
	a, err := scan(s.DB.QueryRow(ctx, `SELECT `+columns+` FROM app WHERE bank IN ($1, '') AND client_id = $2 ORDER BY bank DESC LIMIT 1`, bank, clientID))
	if errors.Is(err, sql.ErrNoRows) {
		err = app.ErrUnknown
	}
	return a, err
}

func (s Store) OfTPP(ctx context.Context, bank string, t tpp.ID) ([]app.App, error) {
	rows, err := s.DB.Query(ctx, `SELECT `+columns+` FROM app WHERE bank IN ($1, '') AND tpp = $2 ORDER BY client_id, bank DESC`, bank, string(t))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []app.App
	for rows.Next() {
		a, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if n := len(all); n > 0 && all[n-1].ClientID == a.ClientID {
			continue // the bank's own app stands before that of all banks
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func scan(from interface{ Scan(...any) error }) (a app.App, err error) {
	var secret, thumbprint []byte
	var uris string
	if err := from.Scan(&a.Bank, &a.ClientID, &secret, &a.TPP, &a.Name, &uris, &thumbprint); err != nil {
		return a, err
	}
	copy(a.SecretHash[:], secret)
	copy(a.CertificateThumbprint[:], thumbprint)
	return a, json.Unmarshal([]byte(uris), &a.RedirectURIs)
}

func null[H ~[32]byte](h H) any {
	if h == (H{}) {
		return nil
	}
	return h[:]
}

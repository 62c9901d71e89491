// Package tokensql keeps grants and tokens in SQLite or PostgreSQL. Both run the same
// statements. Of codes and tokens only the SHA-256 is kept.
//
// What must happen once is one conditional statement: the UPDATE that finds its status, or
// the INSERT that finds its parent free. Nothing is decided by reading first.
package tokensql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"kontor/bank/token"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the tables.
var Migrations fs.FS = files

// Store is a token.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ token.Store = Store{}

func (s Store) Create(ctx context.Context, g token.Grant) error {
	_, err := s.DB.Exec(ctx, `INSERT INTO oauth_grant (bank, id, client, tpp, kind, resource, scope, redirect_uri, state, challenge, browser,
		refreshable, ends_at, created_at, wait_until, kept_until, status, psu, code, code_expires_at, pushed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		g.Bank, g.ID, g.Client, string(g.TPP), string(g.Scope.Kind), g.Scope.Resource, g.Scope.Asked, g.RedirectURI, g.State, g.Challenge,
		g.Browser[:], sqldb.Bool(g.Refreshable), sqldb.Micros(g.EndsAt), sqldb.Micros(g.CreatedAt), sqldb.Micros(g.WaitUntil),
		sqldb.Micros(g.WaitUntil), string(g.Status), g.PSU, null(g.Code), sqldb.Micros(g.CodeExpiresAt), null(g.Pushed))
	return err
}

// Texts of the statements are constants, so that each is prepared once. Pairs are read with
// their grant in one statement.
const (
	grantColumns = `g.bank, g.id, g.client, g.tpp, g.kind, g.resource, g.scope, g.redirect_uri, g.state, g.challenge, g.browser,
		g.refreshable, g.ends_at, g.created_at, g.wait_until, g.status, g.psu, g.code, g.code_expires_at, g.pushed`
	pairColumns = `t.access, t.refresh, t.parent, t.thumbprint, t.expires_at, g.bank, g.id, g.client, g.tpp, g.kind, g.resource, g.scope,
		g.refreshable, g.ends_at, g.status, g.psu`
	ofPair = `
		FROM oauth_token t JOIN oauth_grant g ON g.bank = t.bank AND g.id = t.grant_id WHERE t.bank = $1`
	selectID   = `SELECT ` + grantColumns + ` FROM oauth_grant g WHERE g.bank = $1 AND g.id = $2`
	selectCode = `SELECT ` + grantColumns + ` FROM oauth_grant g WHERE g.bank = $1 AND g.code = $2`
	insertPair = `INSERT INTO oauth_token (bank, access, refresh, parent, grant_id, thumbprint, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
)

// A pair is read at every call of a TPP.
var (
	selectAccess  = `SELECT ` + sqldb.Nameless(pairColumns) + ofPair + ` AND t.access = $2`
	selectRefresh = `SELECT ` + sqldb.Nameless(pairColumns) + ofPair + ` AND t.refresh = $2`
)

func (s Store) Get(ctx context.Context, bank, id string) (token.Grant, error) {
	return scanGrant(s.DB.QueryRow(ctx, selectID, bank, id))
}

func (s Store) ByCode(ctx context.Context, bank string, code token.Hash) (token.Grant, error) {
	return scanGrant(s.DB.QueryRow(ctx, selectCode, bank, code[:]))
}

func scanGrant(row sqldb.Row) (g token.Grant, err error) {
	var browser, code, pushed []byte
	var refreshable int
	var ends, created, wait, expires int64
	err = row.Scan(&g.Bank, &g.ID, &g.Client, &g.TPP, &g.Scope.Kind, &g.Scope.Resource, &g.Scope.Asked, &g.RedirectURI, &g.State, &g.Challenge,
		&browser, &refreshable, &ends, &created, &wait, &g.Status, &g.PSU, &code, &expires, &pushed)
	copy(g.Browser[:], browser)
	copy(g.Code[:], code)
	copy(g.Pushed[:], pushed)
	g.Refreshable = refreshable == 1
	g.EndsAt, g.CreatedAt, g.WaitUntil, g.CodeExpiresAt = sqldb.Time(ends), sqldb.Time(created), sqldb.Time(wait), sqldb.Time(expires)
	return g, unknown(err)
}

func (s Store) ByAccess(ctx context.Context, bank string, access token.Hash) (token.Grant, token.Pair, error) {
	return scanPair(s.DB.QueryRow(ctx, selectAccess, bank, access[:]))
}

func (s Store) ByRefresh(ctx context.Context, bank string, refresh token.Hash) (token.Grant, token.Pair, error) {
	return scanPair(s.DB.QueryRow(ctx, selectRefresh, bank, refresh[:]))
}

// scanPair reads of the grant only what tokens need: this is read at every call of a TPP.
func scanPair(row sqldb.Row) (token.Grant, token.Pair, error) {
	var r struct { // in one piece, because all of it escapes to Scan
		token.Grant
		access, refresh, parent, thumbprint []byte
		refreshable                         int
		ends, expires                       int64
	}
	err := row.Scan(&r.access, &r.refresh, &r.parent, &r.thumbprint, &r.expires, &r.Bank, &r.ID, &r.Client, &r.TPP, &r.Scope.Kind, &r.Scope.Resource,
		&r.Scope.Asked, &r.refreshable, &r.ends, &r.Status, &r.PSU)
	g := r.Grant
	g.Refreshable, g.EndsAt = r.refreshable == 1, sqldb.Time(r.ends)
	p := token.Pair{Bank: g.Bank, Grant: g.ID, ExpiresAt: sqldb.Time(r.expires)}
	copy(p.Access[:], r.access)
	copy(p.Refresh[:], r.refresh)
	copy(p.Parent[:], r.parent)
	copy(p.Thumbprint[:], r.thumbprint)
	return g, p, unknown(err)
}

func (s Store) Approve(ctx context.Context, g token.Grant) error {
	const update = `UPDATE oauth_grant SET status = 'approved', psu = $1, code = $2, code_expires_at = $3, kept_until = $3
		WHERE bank = $4 AND id = $5 AND status = 'waiting'`
	row := []any{g.PSU, g.Code[:], sqldb.Micros(g.CodeExpiresAt), g.Bank, g.ID}
	if g.Pushed == (token.Hash{}) {
		return once(s.DB.Exec(ctx, update, row...))
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		if err := once(tx.Exec(update, row...)); err != nil {
			return err
		}
		return once(tx.Exec(deletePushed, g.Bank, g.Pushed[:]))
	})
}

func (s Store) Redeem(ctx context.Context, g token.Grant, p token.Pair) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		err := once(tx.Exec(`UPDATE oauth_grant SET status = 'redeemed', kept_until = $1 WHERE bank = $2 AND id = $3 AND status = 'approved'`,
			sqldb.Micros(g.KeptUntil(p.ExpiresAt)), g.Bank, g.ID))
		if err != nil {
			return err
		}
		_, err = tx.Exec(insertPair, pairRow(p)...)
		return err
	})
}

func (s Store) Rotate(ctx context.Context, p token.Pair) error {
	_, err := s.DB.Exec(ctx, insertPair, pairRow(p)...)
	// Two access tokens of 256 random bits are not the same, so it is the parent.
	if sqldb.IsUnique(err) {
		return token.ErrUsed
	}
	return err
}

func pairRow(p token.Pair) []any {
	return []any{p.Bank, p.Access[:], null(p.Refresh), null(p.Parent), p.Grant, null(p.Thumbprint), sqldb.Micros(p.ExpiresAt)}
}

func (s Store) End(ctx context.Context, bank, id string) error {
	_, err := s.DB.Exec(ctx, `UPDATE oauth_grant SET status = 'ended' WHERE bank = $1 AND id = $2`, bank, id)
	return err
}

func (s Store) EndResource(ctx context.Context, bank, resource string) error {
	_, err := s.DB.Exec(ctx, `UPDATE oauth_grant SET status = 'ended' WHERE bank = $1 AND resource = $2 AND status <> 'ended'`, bank, resource)
	return err
}

// Sweep looks for what to delete beside the writer, and deletes it in small pieces, so that
// nobody waits for it. What can be deleted once can be deleted for ever, so nothing is lost
// between the two. The newest pair of a grant has no child, and stays as long as the grant.
func (s Store) Sweep(ctx context.Context, before time.Time) error {
	at := sqldb.Micros(before)
	err := s.sweep(ctx, `SELECT bank, id FROM oauth_grant WHERE kept_until < $1 LIMIT $2`, `DELETE FROM oauth_grant WHERE bank = $1 AND id = $2`, at)
	if err != nil {
		return err
	}
	err = s.sweep(ctx, `SELECT bank, reference FROM oauth_pushed WHERE expires_at < $1 LIMIT $2`, deletePushed, at)
	if err != nil {
		return err
	}
	return s.sweep(ctx, `SELECT t.bank, t.access FROM oauth_token t WHERE t.expires_at < $1 AND (t.refresh IS NULL
		OR EXISTS (SELECT 1 FROM oauth_token c WHERE c.bank = t.bank AND c.parent = t.refresh)
		OR NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.bank = t.bank AND g.id = t.grant_id)) LIMIT $2`,
		`DELETE FROM oauth_token WHERE bank = $1 AND access = $2`, at)
}

func (s Store) sweep(ctx context.Context, find, remove string, at int64) error {
	const piece = 200
	for {
		found, err := s.keys(ctx, find, at, piece)
		if err != nil || len(found) == 0 {
			return err
		}
		err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
			for _, k := range found {
				if _, err := tx.Exec(remove, k.bank, k.id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

type key struct {
	bank string
	id   any // as the database has it: text of a grant, bytes of a token or reference
}

func (s Store) keys(ctx context.Context, query string, args ...any) ([]key, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []key
	for rows.Next() {
		var k key
		if err := rows.Scan(&k.bank, &k.id); err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, rows.Err()
}

// once turns a statement that found nothing to change into ErrUsed.
func once(changed int64, err error) error {
	if err == nil && changed == 0 {
		return token.ErrUsed
	}
	return err
}

func unknown(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return token.ErrUnknown
	}
	return err
}

// null keeps a hash that is not there as NULL, which a unique index does not count.
func null[H ~[32]byte](h H) any {
	if h == (H{}) {
		return nil
	}
	return h[:]
}

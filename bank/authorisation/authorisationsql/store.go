// Package authorisationsql keeps authorisations in SQLite or PostgreSQL.
package authorisationsql

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the table.
var Migrations fs.FS = files

// attempts bounds how often Update decides anew because another writer came first.
const attempts = 10

// Store is an authorisation.Store on one database.
type Store struct{ DB *sqldb.DB }

var _ authorisation.Store = Store{}

const columns = `bank, id, kind, subject, tpp, status, oauth, session, bank_url, return_key, redirect_uri, nok_redirect_uri,
	oauth_session, psu, psu_message, created_at, expires_at, finalised_at, success_token, request_id, digest,
	approach, methods, chosen, challenge, signs, awaits_until, confirm, code_hash, confirmed_at, exemption`

func (s Store) Create(ctx context.Context, a authorisation.Authorisation) error {
	var digest []byte
	if a.RequestID != "" {
		digest = a.Digest[:]
	}
	said, err := offered(a)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		const insert = `INSERT INTO authorisation (` + columns + `, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, 1)
			ON CONFLICT (bank, tpp, request_id) WHERE request_id IS NOT NULL DO NOTHING`
		args := []any{
			a.Bank, a.ID, string(a.Kind), a.Subject, string(a.TPP), string(a.Status), sqldb.Bool(a.OAuth), a.Session, a.BankURL, a.ReturnKey,
			a.RedirectURI, a.NokRedirectURI, sqldb.Null(a.OAuthSession), a.PSU, a.PSUMessage,
			sqldb.Micros(a.CreatedAt), sqldb.Micros(a.ExpiresAt), sqldb.Micros(a.FinalisedAt), a.SuccessToken, sqldb.Null(a.RequestID), digest,
			string(a.Approach), said[0], said[1], said[2], a.Signs, sqldb.Micros(a.AwaitsUntil),
			sqldb.Bool(a.Confirm), a.CodeHash, sqldb.Micros(a.ConfirmedAt), a.Exemption,
		}
		n, err := tx.Exec(insert, args...)
		if err != nil || n == 1 {
			return err
		}
		// The other one may be so old that its claim is over.
		n, err = tx.Exec(`UPDATE authorisation SET request_id = NULL, version = version + 1 WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND created_at <= $4`,
			a.Bank, string(a.TPP), a.RequestID, sqldb.Micros(a.CreatedAt.Add(-authorisation.RepeatWindow)))
		if err == nil && n == 1 {
			n, err = tx.Exec(insert, args...)
		}
		if err == nil && n == 0 {
			err = authorisation.ErrRepeated
		}
		return err
	})
}

func (s Store) ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (authorisation.Authorisation, error) {
	a, _, err := s.one(ctx, `tpp = $2 AND request_id = $3`, bank, string(t), requestID)
	return a, err
}

func (s Store) Get(ctx context.Context, bank, id string) (authorisation.Authorisation, error) {
	a, _, err := s.one(ctx, `id = $2`, bank, id)
	return a, err
}

func (s Store) ByReturnKey(ctx context.Context, bank, key string) (authorisation.Authorisation, error) {
	a, _, err := s.one(ctx, `return_key = $2`, bank, key)
	return a, err
}

func (s Store) ByOAuthSession(ctx context.Context, bank, session string) (authorisation.Authorisation, error) {
	a, _, err := s.one(ctx, `oauth_session = $2`, bank, session)
	return a, err
}

func (s Store) List(ctx context.Context, bank string, kind authorisation.Kind, subject string) ([]authorisation.Authorisation, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM authorisation WHERE bank = $1 AND kind = $2 AND subject = $3 ORDER BY created_at, id`,
		bank, string(kind), subject)
}

func (s Store) Overdue(ctx context.Context, now time.Time, limit int) ([]authorisation.Authorisation, error) {
	all, err := s.all(ctx, `SELECT `+columns+`, version FROM authorisation
		WHERE status IN ('received', 'psuIdentified', 'psuAuthenticated', 'scaMethodSelected', 'started', 'unconfirmed') AND expires_at <= $1
		ORDER BY expires_at LIMIT $2`, sqldb.Micros(now), limit)
	if err != nil || len(all) == limit {
		return all, err
	}
	waiting, err := s.all(ctx, `SELECT `+columns+`, version FROM authorisation WHERE awaits_until > 0 AND awaits_until <= $1
		ORDER BY awaits_until LIMIT $2`, sqldb.Micros(now), limit-len(all))
	return append(all, waiting...), err
}

func (s Store) Update(ctx context.Context, bank, id string, change func(authorisation.Authorisation) (authorisation.Authorisation, error)) error {
	return s.update(ctx, `id = $2`, bank, id, change)
}

func (s Store) UpdateBySession(ctx context.Context, bank, session string, change func(authorisation.Authorisation) (authorisation.Authorisation, error)) error {
	return s.update(ctx, `session = $2`, bank, session, change)
}

func (s Store) update(ctx context.Context, where, bank, key string, change func(authorisation.Authorisation) (authorisation.Authorisation, error)) error {
	for range attempts {
		a, version, err := s.one(ctx, where, bank, key)
		if err != nil {
			return err
		}
		if a, err = change(a); err != nil {
			return err
		}
		said, err := offered(a)
		if err != nil {
			return err
		}
		n, err := s.DB.Exec(ctx, `UPDATE authorisation SET status = $1, bank_url = $2, oauth_session = $3, psu = $4, psu_message = $5,
			expires_at = $6, finalised_at = $7, success_token = $8, request_id = $9, session = $10,
			approach = $11, oauth = $12, methods = $13, chosen = $14, challenge = $15, awaits_until = $16, code_hash = $17, confirmed_at = $18, exemption = $19,
			version = version + 1
			WHERE bank = $20 AND id = $21 AND version = $22`,
			string(a.Status), a.BankURL, sqldb.Null(a.OAuthSession), a.PSU, a.PSUMessage,
			sqldb.Micros(a.ExpiresAt), sqldb.Micros(a.FinalisedAt), a.SuccessToken, sqldb.Null(a.RequestID), a.Session,
			string(a.Approach), sqldb.Bool(a.OAuth), said[0], said[1], said[2], sqldb.Micros(a.AwaitsUntil),
			a.CodeHash, sqldb.Micros(a.ConfirmedAt), a.Exemption, bank, a.ID, version)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("an authorisation was overtaken by other writers %d times", attempts)
}

func (s Store) one(ctx context.Context, where string, args ...any) (authorisation.Authorisation, int64, error) {
	a, version, err := scan(s.DB.QueryRow(ctx, `SELECT `+columns+`, version FROM authorisation WHERE bank = $1 AND `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = authorisation.ErrUnknown
	}
	return a, version, err
}

func (s Store) all(ctx context.Context, query string, args ...any) ([]authorisation.Authorisation, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []authorisation.Authorisation
	for rows.Next() {
		a, _, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func scan(row interface{ Scan(...any) error }) (a authorisation.Authorisation, version int64, err error) {
	var oauth, confirm int
	var oauthSession, requestID, methods, chosen, challenge sql.NullString
	var digest []byte
	var created, expires, finalised, awaits, confirmed int64
	err = row.Scan(&a.Bank, &a.ID, &a.Kind, &a.Subject, &a.TPP, &a.Status, &oauth, &a.Session, &a.BankURL, &a.ReturnKey,
		&a.RedirectURI, &a.NokRedirectURI, &oauthSession, &a.PSU, &a.PSUMessage, &created, &expires, &finalised, &a.SuccessToken,
		&requestID, &digest, &a.Approach, &methods, &chosen, &challenge, &a.Signs, &awaits,
		&confirm, &a.CodeHash, &confirmed, &a.Exemption, &version)
	if err != nil {
		return a, version, err
	}
	a.OAuth, a.Confirm, a.OAuthSession, a.RequestID = oauth == 1, confirm == 1, oauthSession.String, requestID.String
	copy(a.Digest[:], digest)
	a.CreatedAt, a.ExpiresAt, a.FinalisedAt = sqldb.Time(created), sqldb.Time(expires), sqldb.Time(finalised)
	a.AwaitsUntil, a.ConfirmedAt = sqldb.Time(awaits), sqldb.Time(confirmed)
	for _, m := range []struct {
		text sql.NullString
		to   any
	}{{methods, &a.Methods}, {chosen, &a.Chosen}, {challenge, &a.Challenge}} {
		if m.text.Valid {
			err = errors.Join(err, json.Unmarshal([]byte(m.text.String), m.to))
		}
	}
	return a, version, err
}

// offered returns what the bank says of methods, as JSON each.
func offered(a authorisation.Authorisation) (said [3]sql.NullString, err error) {
	for i, m := range []struct {
		is   bool
		what any
	}{{a.Methods != nil, a.Methods}, {a.Chosen != nil, a.Chosen}, {a.Challenge != nil, a.Challenge}} {
		if m.is {
			text, merr := json.Marshal(m.what)
			said[i], err = sql.NullString{String: string(text), Valid: true}, errors.Join(err, merr)
		}
	}
	return said, err
}

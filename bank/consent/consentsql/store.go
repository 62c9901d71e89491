// Package consentsql keeps consents in SQLite or PostgreSQL. Both run the same statements;
// a version column takes the place of row locks. The bank's access tokens are sealed.
package consentsql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
)

//go:embed *.sql
var files embed.FS

// Migrations creates the tables.
var Migrations fs.FS = files

// attempts bounds how often Update decides anew because another writer came first.
const attempts = 10

// Store is a consent.Store on one database.
type Store struct {
	DB  *sqldb.DB
	Box secretbox.Box
}

var _ consent.Store = Store{}

const columns = `bank, id, tpp, tpp_name, psu, model, access, recurring, valid_until, expires_at, frequency_per_day, status,
	last_action_date, created_at, authorise_by, authorised_at, one_off_end, session, token, grant_json, accounts, request_id, digest, card, basket, brand`

// One consent is read at every call of a TPP.
var (
	selectID = selectOne(`id = $2`)
	// Where there is no such consent the nearest one is read and left: a miss that ends in the
	// index would be quicker than one that ends at the row of another TPP. Both names are compared
	// at once, for the same reason.
	selectOfTPP   = selectOne(`id = (SELECT MAX(id) FROM consent WHERE bank = $1 AND id <= $2) AND tpp || ' ' || id = CAST($3 AS TEXT) || ' ' || CAST($2 AS TEXT)`)
	selectRequest = selectOne(`tpp = $2 AND request_id = $3`)
	selectToken   = selectOne(`token_hash = $2 AND (model = 'funds') = ($3 = 1)`)
)

func selectOne(where string) string {
	return `SELECT ` + sqldb.Nameless(columns+`, version`) + ` FROM consent WHERE bank = $1 AND ` + where
}

func (s Store) Create(ctx context.Context, c consent.Consent) error {
	row, err := s.row(c)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		const insert = `INSERT INTO consent (` + columns + `, token_hash, funds_account, told, ends_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, 1)
			ON CONFLICT (bank, tpp, request_id) WHERE request_id IS NOT NULL DO NOTHING`
		args := []any{
			c.Bank, c.ID, string(c.TPP), c.TPPName, c.PSU, string(c.Model), row.access, sqldb.Bool(c.Recurring), c.ValidUntil.String(),
			sqldb.Micros(c.ExpiresAt), c.FrequencyPerDay, string(c.Status), c.LastActionDate.String(), sqldb.Micros(c.CreatedAt),
			sqldb.Micros(c.AuthoriseBy), sqldb.Micros(c.AuthorisedAt), sqldb.Micros(c.OneOffEnd), c.Session,
			row.token, row.grant, row.accounts, sqldb.Null(c.RequestID), row.digest, row.card, c.Basket, c.Brand, row.tokenHash, sqldb.Null(fundsAccount(c)), row.told, row.endsAt,
		}
		n, err := tx.Exec(insert, args...)
		if err != nil || n == 1 {
			return err
		}
		// The other one may be so old that its claim is over.
		n, err = tx.Exec(`UPDATE consent SET request_id = NULL, version = version + 1 WHERE bank = $1 AND tpp = $2 AND request_id = $3 AND created_at <= $4`,
			c.Bank, string(c.TPP), c.RequestID, sqldb.Micros(c.CreatedAt.Add(-consent.RepeatWindow)))
		if err == nil && n == 1 {
			n, err = tx.Exec(insert, args...)
		}
		if err == nil && n == 0 {
			err = consent.ErrRepeated
		}
		return err
	})
}

func (s Store) ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (consent.Consent, error) {
	c, _, err := s.one(ctx, selectRequest, bank, string(t), requestID)
	return c, err
}

func (s Store) Get(ctx context.Context, bank, id string) (consent.Consent, error) {
	c, _, err := s.one(ctx, selectID, bank, id)
	return c, err
}

func (s Store) OfTPP(ctx context.Context, bank string, t tpp.ID, id string) (consent.Consent, error) {
	c, _, err := s.one(ctx, selectOfTPP, bank, id, string(t))
	return c, err
}

func (s Store) Update(ctx context.Context, bank, id string, change func(consent.Consent) (consent.Consent, error)) error {
	for range attempts {
		c, version, err := s.one(ctx, selectID, bank, id)
		if err != nil {
			return err
		}
		if c, err = change(c); err != nil {
			return err
		}
		row, err := s.row(c)
		if err != nil {
			return err
		}
		// told goes back to 0 only when the consent comes to an end here: Told is the way out.
		n, err := s.DB.Exec(ctx, `UPDATE consent SET psu = $1, status = $2, last_action_date = $3, authorised_at = $4, one_off_end = $5,
			token = $6, token_hash = $7, grant_json = $8, accounts = $9, told = CASE WHEN status = $2 THEN told ELSE $10 END,
			authorise_by = $11, session = $12, request_id = $13, ends_at = $14, basket = $15, version = version + 1 WHERE bank = $16 AND id = $17 AND version = $18`,
			c.PSU, string(c.Status), c.LastActionDate.String(), sqldb.Micros(c.AuthorisedAt), sqldb.Micros(c.OneOffEnd),
			row.token, row.tokenHash, row.grant, row.accounts, row.told, sqldb.Micros(c.AuthoriseBy),
			c.Session, sqldb.Null(c.RequestID), row.endsAt, c.Basket, bank, id, version)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("consent %s: overtaken by other writers %d times", id, attempts)
}

// Count also forgets, with the first read of a kind on a day, what was counted on days
// before: nobody asks for it any more, and it would grow with every day of a consent.
func (s Store) Count(ctx context.Context, bank, id string, d day.Day, key string, limit int) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		var used int
		err := tx.QueryRow(`INSERT INTO consent_usage (bank, consent, day, key, used) VALUES ($1, $2, $3, $4, 1)
			ON CONFLICT (bank, consent, day, key) DO UPDATE SET used = consent_usage.used + 1 WHERE consent_usage.used < $5 RETURNING used`,
			bank, id, d.String(), key, limit).Scan(&used)
		if errors.Is(err, sql.ErrNoRows) {
			return consent.ErrExceeded
		}
		if err == nil && used == 1 && !d.IsZero() {
			_, err = tx.Exec(`DELETE FROM consent_usage WHERE bank = $1 AND consent = $2 AND day > '' AND day < $3`, bank, id, d.String())
		}
		return err
	})
}

func (s Store) Recurring(ctx context.Context, bank string, t tpp.ID, psu string) ([]string, error) {
	_, err := s.DB.Exec(ctx, `INSERT INTO consent_turn (bank, psu, tpp, turn) VALUES ($1, $2, $3, 1)
		ON CONFLICT (bank, psu, tpp) DO UPDATE SET turn = consent_turn.turn + 1`, bank, psu, string(t))
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Query(ctx, `SELECT id FROM consent WHERE bank = $1 AND psu = $2 AND psu <> '' AND tpp = $3 AND recurring = 1
		AND model <> 'funds' AND status IN ('received', 'partiallyAuthorised', 'valid')`, bank, psu, string(t))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (s Store) ByToken(ctx context.Context, bank, token string, funds bool) (consent.Consent, error) {
	c, _, err := s.one(ctx, selectToken, bank, hash(token), sqldb.Bool(funds))
	return c, err
}

func (s Store) ForFunds(ctx context.Context, bank string, t tpp.ID, account core.AccountReference) ([]consent.Consent, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM consent WHERE bank = $1 AND tpp = $2 AND funds_account = $3 AND status = 'valid'
		ORDER BY authorised_at DESC LIMIT 100`, bank, string(t), identifier(account))
}

func (s Store) Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]consent.Consent, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM consent WHERE bank = $1 AND token_hash IS NOT NULL AND ($2 = '' OR psu = $2) AND id >= $3
		ORDER BY id LIMIT $4`, bank, q.UserID, q.FromID, q.Limit)
}

func (s Store) Given(ctx context.Context, bank string, q consent.GivenQuery) ([]consent.Consent, error) {
	created := int64(math.MaxInt64)
	if q.After != (consent.Place{}) {
		created = sqldb.Micros(q.After.CreatedAt)
	}
	return s.all(ctx, `SELECT `+columns+`, version FROM consent WHERE bank = $1 AND psu = $2 AND psu <> '' AND (created_at, id) < ($3, $4)
		AND authorised_at > 0 AND (status = 'valid' AND ends_at > $5) = ($6 = 0) AND ($7 = '' OR tpp = $7)
		ORDER BY created_at DESC, id DESC LIMIT $8`,
		bank, q.PSU, created, q.After.ID, sqldb.Micros(q.Now), sqldb.Bool(q.Ended), string(q.TPP), q.Limit)
}

func (s Store) Overdue(ctx context.Context, bank string, now time.Time, limit int) ([]consent.Consent, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM consent WHERE bank = $1 AND ends_at <= $2 ORDER BY ends_at LIMIT $3`,
		bank, sqldb.Micros(now), limit)
}

func (s Store) Untold(ctx context.Context, bank string, limit int) ([]consent.Consent, error) {
	return s.all(ctx, `SELECT `+columns+`, version FROM consent WHERE bank = $1 AND told = 0 LIMIT $2`, bank, limit)
}

func (s Store) Told(ctx context.Context, bank, id string) error {
	_, err := s.DB.Exec(ctx, `UPDATE consent SET told = 1 WHERE bank = $1 AND id = $2`, bank, id)
	return err
}

func (s Store) Supersede(ctx context.Context, c consent.Consent) error {
	token, err := s.Box.Seal(place(c.Bank, c.ID), c.Token)
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `INSERT INTO consent_superseded (bank, session, consent, tpp, token) VALUES ($1, $2, $3, $4, $5)`,
		c.Bank, c.Session, c.ID, string(c.TPP), token)
	return err
}

func (s Store) Superseded(ctx context.Context, bank string, limit int) ([]core.Access, error) {
	rows, err := s.DB.Query(ctx, `SELECT session, consent, tpp, token FROM consent_superseded WHERE bank = $1 ORDER BY session LIMIT $2`, bank, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []core.Access
	for rows.Next() {
		var a core.Access
		var token []byte
		if err := rows.Scan(&a.Session, &a.ConsentID, &a.TPP, &token); err != nil {
			return nil, err
		}
		if a.Token, err = s.Box.Open(place(bank, a.ConsentID), token); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func (s Store) EndSuperseded(ctx context.Context, bank, session string) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM consent_superseded WHERE bank = $1 AND session = $2`, bank, session)
	return err
}

func (s Store) one(ctx context.Context, query string, args ...any) (consent.Consent, int64, error) {
	c, version, err := s.scan(s.DB.QueryRow(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = consent.ErrUnknown
	}
	return c, version, err
}

func (s Store) all(ctx context.Context, query string, args ...any) ([]consent.Consent, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []consent.Consent
	for rows.Next() {
		c, _, err := s.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// row holds the columns that are not plain values.
type row struct {
	access, grant, accounts string
	token, tokenHash        []byte
	card                    []byte // nil: nothing is known of one
	digest                  []byte // nil: nothing is a repeat
	told                    int
	endsAt                  *int64 // nil: it has ended
}

func (s Store) row(c consent.Consent) (r row, err error) {
	r.access, err = marshal(c.Access)
	if err != nil {
		return r, err
	}
	if c.Grant != nil {
		if r.grant, err = marshal(c.Grant); err != nil {
			return r, err
		}
	}
	if c.Accounts != nil {
		if r.accounts, err = marshal(c.Accounts); err != nil {
			return r, err
		}
	}
	if c.Token != "" {
		r.tokenHash = hash(c.Token)
	}
	if c.RequestID != "" {
		r.digest = c.Digest[:]
	}
	if end := c.EndsAt(); !end.IsZero() {
		r.endsAt = new(sqldb.Micros(end))
	}
	r.told = sqldb.Bool(!c.Status.Final() || c.Token == "")
	if c.Card != (consent.Card{}) {
		card, err := marshal(c.Card)
		if err != nil {
			return r, err
		}
		if r.card, err = s.Box.Seal(cardPlace(c.Bank, c.ID), card); err != nil {
			return r, err
		}
	}
	r.token, err = s.Box.Seal(place(c.Bank, c.ID), c.Token)
	return r, err
}

func (s Store) scan(from interface{ Scan(...any) error }) (c consent.Consent, version int64, err error) {
	var r struct { // in one piece, because all of it escapes to Scan
		row
		consent.Consent
		recurring                                int
		validUntil, lastAction                   string
		requestID                                sql.NullString
		expires, created, by, authorised, oneOff int64
		version                                  int64
	}
	err = from.Scan(&r.Bank, &r.ID, &r.TPP, &r.TPPName, &r.PSU, &r.Model, &r.access, &r.recurring, &r.validUntil, &r.expires, &r.FrequencyPerDay,
		&r.Status, &r.lastAction, &r.created, &r.by, &r.authorised, &r.oneOff, &r.Session, &r.token, &r.grant, &r.accounts,
		&r.requestID, &r.digest, &r.card, &r.Basket, &r.Brand, &r.version)
	if err != nil {
		return c, 0, err
	}
	c, version = r.Consent, r.version
	c.Recurring, c.RequestID = r.recurring == 1, r.requestID.String
	copy(c.Digest[:], r.digest)
	c.ExpiresAt, c.CreatedAt, c.AuthoriseBy = sqldb.Time(r.expires), sqldb.Time(r.created), sqldb.Time(r.by)
	c.AuthorisedAt, c.OneOffEnd = sqldb.Time(r.authorised), sqldb.Time(r.oneOff)
	var errs [7]error
	c.ValidUntil, errs[0] = day.Parse(r.validUntil)
	c.LastActionDate, errs[1] = day.Parse(r.lastAction)
	errs[2] = json.Unmarshal([]byte(r.access), &c.Access)
	if r.grant != "" {
		errs[3] = json.Unmarshal([]byte(r.grant), &c.Grant)
	}
	if r.accounts != "" {
		errs[4] = json.Unmarshal([]byte(r.accounts), &c.Accounts)
	}
	c.Token, errs[5] = s.Box.Open(place(c.Bank, c.ID), r.token)
	if len(r.card) > 0 {
		card, err := s.Box.Open(cardPlace(c.Bank, c.ID), r.card)
		if err == nil {
			err = json.Unmarshal([]byte(card), &c.Card)
		}
		errs[6] = err
	}
	return c, version, errors.Join(errs[:]...)
}

func place(bank, id string) string { return "consent/" + bank + "/" + id + "/token" }

func cardPlace(bank, id string) string { return "consent/" + bank + "/" + id + "/card" }

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// fundsAccount is the account that a consent to confirm funds names, as it is looked for.
func fundsAccount(c consent.Consent) string {
	if c.Model != consent.Funds || c.Access.Accounts == nil {
		return ""
	}
	return identifier((*c.Access.Accounts)[0])
}

// identifier is how an account reference is looked for: the currency is compared after.
func identifier(r core.AccountReference) string {
	return r.IBAN + "|" + r.BBAN + "|" + r.PAN + "|" + r.MaskedPAN + "|" + r.MSISDN + other(r)
}

// other adds what has no field of its own; nothing where there is nothing, so that what was
// stored before there was such is found.
func other(r core.AccountReference) string {
	if r.Other.Identification == "" {
		return ""
	}
	return "|" + r.Other.Identification
}

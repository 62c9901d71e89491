package corebank

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// Services an access can be for.
const (
	serviceAccounts = "ais"
	serviceFunds    = "piis"
)

// An access is what a customer gave a third party through the hub.
type access struct {
	ID         string
	Service    string
	Customer   string
	State      string // active, revoked
	AppName    string
	Granted    grant
	Asked      *wire.Access // by the third party; nil: not known any more
	ValidUntil string       // the last day, or empty
	CreatedAt  time.Time
}

// A grant says what an access covers.
type grant struct {
	All      bool             `json:"all,omitempty"` // every account, those of tomorrow too
	Accounts []grantedAccount `json:"accounts,omitempty"`
	// Named is the account exactly as the hub named it; a check of funds must repeat it.
	Named *wire.Account `json:"named,omitempty"`
}

type grantedAccount struct {
	ID           string `json:"id"`
	Balances     bool   `json:"balances,omitempty"`
	Transactions bool   `json:"transactions,omitempty"`
}

// of returns what g gives on account id; ok is false when it gives nothing.
func (g grant) of(id string) (a grantedAccount, ok bool) {
	if g.All {
		return grantedAccount{id, true, true}, true
	}
	for _, a := range g.Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return grantedAccount{}, false
}

// token is what the hub shows to use access id. It is computed, never stored: the database
// alone gives nobody access.
func (b *Bank) token(id string) string {
	return id + "." + base64.RawURLEncoding.EncodeToString(b.mac("access", id))
}

// mac is the bank's seal over parts. Each part is told with its length, so that no two
// lists of parts look the same.
func (b *Bank) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, b.secret)
	for _, p := range append([]string{b.code}, parts...) {
		var n [8]byte
		for i := range n {
			n[i] = byte(len(p) >> (8 * i))
		}
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// accessOf returns the access behind token when it may be used for service now.
func (b *Bank) accessOf(ctx context.Context, token, service string) (access, error) {
	id, _, _ := strings.Cut(token, ".")
	if !hmac.Equal([]byte(token), []byte(b.token(id))) {
		return access{}, sdk.ErrTokenUnknown
	}
	a, err := b.access(ctx, id)
	switch {
	case err != nil:
		return a, err
	case a.Service != service:
		return a, sdk.ErrTokenUnknown
	case a.State != "active":
		return a, sdk.ErrAccessDenied
	case a.ValidUntil != "" && a.ValidUntil < b.today().String():
		return a, sdk.ErrTokenExpired
	}
	return a, nil
}

const selectAccess = `SELECT id, service, customer, state, app_name, granted, asked, valid_until, created_at FROM corebank_access WHERE bank = $1 AND `

func (b *Bank) access(ctx context.Context, id string) (access, error) {
	if !isPlain(id) {
		return access{}, sdk.ErrTokenUnknown
	}
	a, err := scanAccess(b.db.QueryRow(ctx, selectAccess+`id = $2`, b.code, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, sdk.ErrTokenUnknown
	}
	return a, err
}

func scanAccess(scan func(...any) error) (a access, err error) {
	var granted, asked string
	var created int64
	if err := scan(&a.ID, &a.Service, &a.Customer, &a.State, &a.AppName, &granted, &asked, &a.ValidUntil, &created); err != nil {
		return a, err
	}
	a.CreatedAt = time.UnixMicro(created)
	if asked != "" {
		if err := json.Unmarshal([]byte(asked), &a.Asked); err != nil {
			return a, err
		}
	}
	return a, json.Unmarshal([]byte(granted), &a.Granted)
}

// accessesOf lists what a customer has given and not withdrawn, newest first.
func (b *Bank) accessesOf(ctx context.Context, customer string) ([]access, error) {
	rows, err := b.db.Query(ctx, selectAccess+`customer = $2 AND state = 'active' ORDER BY created_at DESC LIMIT 200`, b.code, customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []access
	for rows.Next() {
		a, err := scanAccess(rows.Scan)
		if err != nil {
			return nil, err
		}
		if a.ValidUntil == "" || a.ValidUntil >= b.today().String() {
			all = append(all, a)
		}
	}
	return all, rows.Err()
}

// addAccess stores a new access and returns its ID.
func (b *Bank) addAccess(tx *sqldb.Tx, a access) (string, error) {
	a.ID = rand.Text()
	granted, err := json.Marshal(a.Granted)
	if err != nil {
		return "", err
	}
	asked := []byte{}
	if a.Asked != nil {
		if asked, err = json.Marshal(a.Asked); err != nil {
			return "", err
		}
	}
	_, err = tx.Exec(`INSERT INTO corebank_access (bank, id, service, customer, state, app_name, granted, asked, valid_until, created_at)
		VALUES ($1, $2, $3, $4, 'active', $5, $6, $7, $8, $9)`,
		b.code, a.ID, a.Service, a.Customer, a.AppName, string(granted), string(asked), a.ValidUntil, b.now().UnixMicro())
	return a.ID, err
}

// revoke ends the access behind token at the wish of the hub. A second time it is refused,
// as the protocol's other banks do.
func (b *Bank) revoke(ctx context.Context, token, service string) error {
	a, err := b.accessOf(ctx, token, service)
	if err != nil {
		return err
	}
	n, err := b.db.Exec(ctx, `UPDATE corebank_access SET state = 'revoked' WHERE bank = $1 AND id = $2 AND state = 'active'`, b.code, a.ID)
	if err == nil && n == 0 {
		return sdk.ErrAccessDenied
	}
	return err
}

// withdraw ends an access at the wish of its customer and tells the hub.
func (b *Bank) withdraw(ctx context.Context, customer, id string) error {
	a, err := b.access(ctx, id)
	if err != nil {
		return err
	}
	verb := verbRevoke
	if a.Service == serviceFunds {
		verb = verbRevokeFunds
	}
	var reports reports
	err = b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		n, err := tx.Exec(`UPDATE corebank_access SET state = 'revoked' WHERE bank = $1 AND id = $2 AND customer = $3 AND state = 'active'`,
			b.code, id, customer)
		if err != nil {
			return err
		}
		if n == 0 {
			return sdk.ErrTokenUnknown
		}
		return b.report(tx, &reports, report{stream: "access " + id, verb: verb, access: id})
	})
	if err == nil {
		b.send(ctx, reports)
	}
	return err
}

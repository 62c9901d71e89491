package corebank

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Limits of a log-in: RTS art. 4(3)(b) allows five wrong attempts in a row.
const (
	wrongPasswordsMax = 5
	lockFor           = 15 * time.Minute
)

// errCredentials covers every way a log-in can fail, so that nobody learns which.
var errCredentials = errors.New("log-in or password is wrong, or access is locked")

// A customer is a PSU of this bank.
type customer struct {
	ID, Login, Name, Phone, Language string
	password                         string
}

// An account is what a customer has: the ledger's account and what it is called outside.
type account struct {
	ledger.Account
	Customer string
	Owner    string // name of the customer
	IBAN     string // empty for a card
	Type     string // CACC, SVGS, LOAN, card
	Product  string
	PAN      string // masked

	DisplayName string // given by the customer
	Usage       string // PRIV, ORGA
	Details     string
	Linked      string // masked PAN of the card that is settled from it
	Owners      string // names, one a line; empty: the customer alone
}

// Types of accounts that the bank treats in their own way.
const (
	typeCard = "card" // the account behind a card
	typeLoan = "LOAN" // below zero by what is owed

	typeClosed = "closed" // nobody's any more: what is sent there goes back
)

// bundles says whether a is no account of its own but those of all currencies of its IBAN.
func (a account) bundles() bool { return a.Currency == money.Several }

// owners lists who has the account.
func (a account) owners() []string {
	if a.Owners == "" {
		return []string{a.Owner}
	}
	return strings.Split(a.Owners, "\n")
}

// Shown is how the pages name the account.
func (a account) Shown() string {
	if a.Type == typeCard {
		return a.PAN
	}
	return spaced(a.IBAN)
}

// reference names the account to the hub.
func (a account) reference() wire.Account {
	if a.Type == typeCard {
		return wire.Account{MaskedPAN: wire.String(a.PAN), Currency: wire.String(a.Currency)}
	}
	return wire.Account{IBAN: wire.String(a.IBAN), Currency: wire.String(a.Currency)}
}

// isMeantBy says whether r, perhaps without a currency, can mean a.
func (a account) isMeantBy(r wire.Account) bool {
	if r.Currency != "" && string(r.Currency) != a.Currency {
		return false
	}
	return r.IBAN != "" && plainIBAN(r.IBAN) == a.IBAN || r.MaskedPAN != "" && string(r.MaskedPAN) == a.PAN
}

// plainIBAN removes the blanks people write.
func plainIBAN(s wire.String) string {
	return strings.ToUpper(strings.ReplaceAll(string(s), " ", ""))
}

// isPlain says whether s is a text that every database takes: UTF-8 without control characters.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func (b *Bank) customer(ctx context.Context, id string) (customer, error) {
	c := customer{ID: id}
	err := b.db.QueryRow(ctx, `SELECT login, name, phone, language, password FROM corebank_customer WHERE bank = $1 AND id = $2`, b.code, id).
		Scan(&c.Login, &c.Name, &c.Phone, &c.Language, &c.password)
	return c, err
}

const selectAccounts = `SELECT ` + ledger.Columns + `, a.customer, c.name, a.iban, a.type, a.product, a.pan, a.display_name, a.usage, a.details, a.linked, a.owners
	FROM corebank_account a
	JOIN corebank_ledger_account l ON l.bank = a.bank AND l.id = a.id
	JOIN corebank_customer c ON c.bank = a.bank AND c.id = a.customer
	WHERE a.bank = $1 AND `

func (a *account) fields() []any {
	return append(a.Account.Fields(), &a.Customer, &a.Owner, &a.IBAN, &a.Type, &a.Product, &a.PAN, &a.DisplayName, &a.Usage, &a.Details, &a.Linked, &a.Owners)
}

// accountsOf lists a customer's accounts and cards with their balances.
func (b *Bank) accountsOf(ctx context.Context, customer string) ([]account, error) {
	return b.listAccounts(ctx, selectAccounts, customer)
}

func (b *Bank) listAccounts(ctx context.Context, selected, customer string) ([]account, error) {
	rows, err := b.db.Query(ctx, selected+`a.customer = $2 ORDER BY a.position`, b.code, customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []account
	for rows.Next() {
		var a account
		if err := rows.Scan(a.fields()...); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// accountByIBAN finds whose account iban is in currency; ok is false when it is another
// bank's. Where several customers share it, it is that of the one named.
func (b *Bank) accountByIBAN(ctx context.Context, iban, currency, customer string) (a account, ok bool, err error) {
	err = b.db.QueryRow(ctx, selectAccounts+`a.iban = $2 AND l.currency = $3
		ORDER BY CASE WHEN a.customer = $4 THEN 0 ELSE 1 END, a.customer LIMIT 1`, b.code, iban, currency, customer).Scan(a.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}

func (b *Bank) hasIBAN(ctx context.Context, iban string) (bool, error) {
	var n int
	err := b.db.QueryRow(ctx, `SELECT COUNT(*) FROM corebank_account WHERE bank = $1 AND iban = $2`, b.code, iban).Scan(&n)
	return n > 0, err
}

// authenticate checks a log-in. The attempt is counted before the password is looked at,
// so that many at once get no more than five together.
func (b *Bank) authenticate(ctx context.Context, login, password string) (customer, error) {
	var c customer
	if !isPlain(login) {
		login = "" // nobody's
	}
	err := b.db.QueryRow(ctx, `SELECT id, login, name, phone, language, password FROM corebank_customer WHERE bank = $1 AND login = $2`, b.code, login).
		Scan(&c.ID, &c.Login, &c.Name, &c.Phone, &c.Language, &c.password)
	if errors.Is(err, sql.ErrNoRows) {
		c.password, err = b.nobodysPassword, nil // takes as long as for somebody
	}
	if err != nil {
		return customer{}, err
	}
	counted, err := b.countLogIn(ctx, c.ID)
	if err != nil {
		return customer{}, err
	}
	if !b.verifyPassword(ctx, c.password, password) || !counted {
		return customer{}, errCredentials
	}
	_, err = b.db.Exec(ctx, `UPDATE corebank_customer SET wrong = 0, locked_until = 0 WHERE bank = $1 AND id = $2`, b.code, c.ID)
	return c, err
}

// countLogIn counts an attempt, unless the customer is locked out, or is nobody. The fifth
// closes the door for a while at once; if it is the right one, it opens it again. Behind a lock
// that is over, counting begins anew.
//
// A write waits for the disk, which takes longer than everything else here. So every attempt
// changes a row, be it the one of somebody else, and only in what means nothing: for how long a
// lock has been over, and how many more than enough attempts there were behind one that is not.
func (b *Bank) countLogIn(ctx context.Context, id string) (counted bool, err error) {
	now := b.now().UnixMicro()
	err = b.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(`UPDATE corebank_customer SET
				locked_until = CASE WHEN wrong + 1 = $1 THEN CAST($2 AS BIGINT) ELSE 0 END,
				wrong = CASE WHEN wrong >= $1 THEN 1 ELSE wrong + 1 END
			WHERE bank = $3 AND id = $4 AND locked_until <= $5`,
			wrongPasswordsMax, now+lockFor.Microseconds(), b.code, id, now)
		if err != nil {
			return err
		}
		counted = n == 1
		whose := b.code
		if counted {
			whose = "" // one row was changed, and one is enough
		}
		_, err = tx.Exec(`UPDATE corebank_customer SET
				locked_until = CASE WHEN locked_until > $3 THEN locked_until ELSE CAST($3 AS BIGINT) - 1 END,
				wrong = CASE WHEN locked_until > $3 THEN $4 + (wrong + 1) % 1000 ELSE wrong END
			WHERE bank = $1 AND id = COALESCE((SELECT id FROM corebank_customer WHERE bank = $1 AND id = $2), (SELECT MIN(id) FROM corebank_customer WHERE bank = $1))`,
			whose, id, now, wrongPasswordsMax)
		return err
	})
	return counted, err
}

// A passwordCost is what argon2id takes to check one password. It is kept with the hash.
type passwordCost struct{ memoryKiB, rounds uint32 }

var (
	// costPersona is for invented customers, whose passwords are printed on the screen: a
	// sandbox must be ready before one honest hash would be.
	costPersona = passwordCost{64, 1}
	// costCustomer is the usual cost for passwords that are secret.
	costCustomer = passwordCost{19 * 1024, 2}
)

func hashPassword(password string, cost passwordCost) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	hash := argon2.IDKey([]byte(password), salt, cost.rounds, cost.memoryKiB, 1, 32)
	return fmt.Sprintf("argon2id$%d$%d$%s$%s", cost.memoryKiB, cost.rounds,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}

// verifyPassword hashes at most a few passwords at a time: each takes its memory.
func (b *Bank) verifyPassword(ctx context.Context, stored, password string) bool {
	select {
	case b.hashing <- struct{}{}:
		defer func() { <-b.hashing }()
	case <-ctx.Done():
		return false
	}
	var cost passwordCost
	parts := strings.Split(stored, "$")
	if len(parts) != 5 || len(password) > 200 {
		return false
	}
	if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &cost.memoryKiB, &cost.rounds); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[3])
	hash, err2 := base64.RawStdEncoding.DecodeString(parts[4])
	if err1 != nil || err2 != nil || len(hash) == 0 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, cost.rounds, cost.memoryKiB, 1, uint32(len(hash)))
	return subtle.ConstantTimeCompare(got, hash) == 1
}

func (b *Bank) today() day.Day { return day.Of(b.now(), b.zone) }

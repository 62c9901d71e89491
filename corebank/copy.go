package corebank

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/sqldb"
)

// Refresh makes the copy anew that a bank with Config.Copy answers from, and tells the hub
// when that is done. A bank without one answers from its books: there is nothing to do, and
// the hub hears so.
func (c connector) Refresh(ctx context.Context, token string, r wire.SessionOnly) error {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return err
	}
	if r.SessionSecret == "" || len(r.SessionSecret) > 255 || !isPlain(string(r.SessionSecret)) {
		return sdk.ErrInvalid
	}
	var reports reports
	err = c.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		if err := c.makeCopy(tx, acc.Customer); err != nil {
			return err
		}
		return c.Bank.report(tx, &reports, report{stream: string(r.SessionSecret), verb: verbSuccess, event: wire.Event{SessionSecret: r.SessionSecret}})
	})
	if err == nil {
		c.send(ctx, reports)
	}
	return err
}

// insertCopy notes how accounts stand now.
const insertCopy = `INSERT INTO corebank_copy (bank, id, kind, currency, credit_limit, booked, held, last_seq, day, day_opening, made_at)
	SELECT DISTINCT l.bank, l.id, l.kind, l.currency, l.credit_limit, l.booked, l.held, l.last_seq, l.day, l.day_opening, CAST($1 AS BIGINT)
	FROM corebank_ledger_account l JOIN corebank_account a ON a.bank = l.bank AND a.id = l.id
	WHERE a.bank = $2`

// makeCopy notes how the accounts of a customer stand now. The copy is the bank's: every
// access to one of them is answered from it.
func (b *Bank) makeCopy(tx *sqldb.Tx, customer string) error {
	if !b.copy {
		return nil
	}
	_, err := tx.Exec(insertCopy+` AND a.customer = $3
		ON CONFLICT (bank, id) DO UPDATE SET booked = excluded.booked, held = excluded.held, last_seq = excluded.last_seq,
			day = excluded.day, day_opening = excluded.day_opening, made_at = excluded.made_at`, b.now().UnixMicro(), b.code, customer)
	return err
}

// firstCopy notes how the accounts stand that have no copy yet, so that a bank that begins
// to answer from one has it from the start.
func (b *Bank) firstCopy(ctx context.Context) error {
	if !b.copy {
		return nil
	}
	_, err := b.db.Exec(ctx, insertCopy+` ON CONFLICT (bank, id) DO NOTHING`, b.now().UnixMicro(), b.code)
	return err
}

// selectCopies is selectAccounts as the accounts stood when the copy was made.
var selectCopies = strings.Replace(selectAccounts, "corebank_ledger_account l", "corebank_copy l", 1)

// accountsShown lists a customer's accounts as third parties see them.
func (c connector) accountsShown(ctx context.Context, customer string) ([]account, error) {
	if c.copy {
		return c.listAccounts(ctx, selectCopies, customer)
	}
	return c.accountsOf(ctx, customer)
}

// newest is the place before the newest entry of account that third parties see, and until
// when holds are told; a zero place is before all.
func (c connector) newest(ctx context.Context, account string) (ledger.Position, time.Time, error) {
	if !c.copy {
		return ledger.Position{}, time.Time{}, nil
	}
	var p ledger.Position
	var made int64
	err := c.db.QueryRow(ctx, `SELECT day, last_seq + 1, made_at FROM corebank_copy WHERE bank = $1 AND id = $2`, c.code, account).Scan(&p.Booked, &p.Seq, &made)
	if errors.Is(err, sql.ErrNoRows) { // opened after the copy was made
		return p, time.Time{}, sdk.ErrAccountUnknown
	}
	return p, time.UnixMicro(made), err
}

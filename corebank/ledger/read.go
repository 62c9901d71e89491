package ledger

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"
	"time"

	"kontor/kit/day"
)

// A Position is a place in an account's history; the zero Position is before the newest entry.
type Position struct {
	Booked string
	Seq    int64
}

// After says whether p is newer than q.
func (p Position) After(q Position) bool {
	return p.Booked > q.Booked || p.Booked == q.Booked && p.Seq > q.Seq
}

// ID names e for good; no other entry of the bank has it.
func (e Entry) ID() string { return e.Account + "-" + strconv.FormatInt(e.Seq, 10) }

// Columns are what Fields scans, for statements that join corebank_ledger_account as l.
const Columns = `l.id, l.kind, l.currency, l.credit_limit, l.booked, l.held, l.day, l.day_opening, l.last_seq`

// Fields returns where Columns go.
func (a *Account) Fields() []any {
	return []any{&a.ID, &a.Kind, &a.Currency, &a.CreditLimit, &a.Booked, &a.Held, &a.day, &a.dayOpening, &a.lastSeq}
}

const selectAccount = `SELECT ` + Columns + ` FROM corebank_ledger_account l WHERE l.bank = $1 AND l.id = $2`

// Account returns one account as it stands, or ErrAccount.
func (b Book) Account(ctx context.Context, id string) (Account, error) {
	var a Account
	err := b.DB.QueryRow(ctx, selectAccount, b.Bank, id).Scan(a.Fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrAccount
	}
	return a, err
}

// Entries returns up to limit entries older than after whose booking date lies in from … to,
// newest first. It reads the key of the table backwards, so a page costs the same wherever
// it lies in the history.
func (b Book) Entries(ctx context.Context, account string, from, to day.Day, after Position, limit int) ([]Entry, error) {
	// SQLite plans a statement anew whenever a bare limit is bound; a sum it does not look at.
	//
	// Both ends of the period are places in the key, so one comparison each is enough.
	if end := (Position{to.String(), math.MaxInt64}); after == (Position{}) || after.Booked > end.Booked {
		after = end
	}
	rows, err := b.DB.Query(ctx, `SELECT booking_date, seq, amount, currency, value_date, details, balance
		FROM corebank_ledger_entry
		WHERE bank = $1 AND account = $2 AND booking_date >= $3 AND (booking_date, seq) < ($4, $5)
		ORDER BY booking_date DESC, seq DESC LIMIT $6 + 0`,
		b.Bank, account, from.String(), after.Booked, after.Seq, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	entries := make([]Entry, 0, min(limit, 128))
	var e Entry
	var details string
	fields := []any{&e.Booked, &e.Seq, &e.Amount.Minor, &e.Amount.Currency, &e.Value, &details, &e.Balance}
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		e.Account, e.Details = account, unpack(details)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Last returns the place of account's newest entry with a bank transaction code; the zero
// Position when there is none. It looks no further back than to that entry.
func (b Book) Last(ctx context.Context, account, code string) (p Position, err error) {
	err = b.DB.QueryRow(ctx, `SELECT booking_date, seq FROM corebank_ledger_entry
		WHERE bank = $1 AND account = $2 AND details LIKE $3 ORDER BY booking_date DESC, seq DESC LIMIT 1`,
		b.Bank, account, "%"+separator+code+separator+"%").Scan(&p.Booked, &p.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return Position{}, nil
	}
	return p, err
}

// Holds returns up to limit holds of account whose ID is greater than after, by ID.
func (b Book) Holds(ctx context.Context, account, after string, limit int) ([]Hold, error) {
	rows, err := b.DB.Query(ctx, `SELECT id, at, amount, currency, value_date, details
		FROM corebank_ledger_hold WHERE bank = $1 AND account = $2 AND id > $3 ORDER BY id LIMIT $4 + 0`, b.Bank, account, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var holds []Hold
	for rows.Next() {
		h := Hold{Account: account}
		var details string
		var at int64
		if err := rows.Scan(&h.ID, &at, &h.Amount.Minor, &h.Amount.Currency, &h.Value, &details); err != nil {
			return nil, err
		}
		h.At = time.UnixMicro(at)
		h.Details = unpack(details)
		holds = append(holds, h)
	}
	return holds, rows.Err()
}

package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"kontor/kit/sqldb"
)

// Load writes whole books at once: new accounts, their history in booking order, and what
// is on hold. It keeps the same rules as Post and Hold, but decides them in memory and
// inserts many rows with one statement, because an empty bank must be ready in moments.
func (b Book) Load(tx *sqldb.Tx, accounts []Account, postings []Posting, holds []Hold) error {
	byID := make(map[string]*Account, len(accounts))
	for i := range accounts {
		byID[accounts[i].ID] = &accounts[i]
	}
	history, err := b.decide(byID, postings)
	if err != nil {
		return err
	}
	var holdRows, accountRows [][]any
	for _, h := range holds {
		a := byID[h.Account]
		if a == nil || a.Currency != h.Amount.Currency {
			return fmt.Errorf("%w: %s", ErrAccount, h.Account)
		}
		a.Held += h.Amount.Minor
		if h.Amount.Minor <= 0 || a.CreditLimit != Unlimited && a.Spendable() < 0 {
			return fmt.Errorf("%w: hold on %s", ErrFunds, h.Account)
		}
		holdRows = append(holdRows, holdRow(b.Bank, h))
	}
	for _, a := range accounts {
		accountRows = append(accountRows, []any{b.Bank, a.ID, a.Kind, a.Currency, a.CreditLimit, a.Booked, a.Held, a.lastSeq, a.day, a.dayOpening})
	}
	if err := insert(tx, `INSERT INTO corebank_ledger_account (bank, id, kind, currency, credit_limit, booked, held, last_seq, day, day_opening) VALUES `, accountRows); err != nil {
		return err
	}
	if err := history.insert(tx); err != nil {
		return err
	}
	return insert(tx, insertHold, holdRows)
}

// Extend writes many postings to accounts that are there, as Load does: for a history too
// long to post one by one, or to hold in memory as a whole. When an account is changed by
// somebody else meanwhile, it returns ErrChanged and nothing is to be kept.
func (b Book) Extend(tx *sqldb.Tx, postings []Posting) error {
	byID := map[string]*Account{}
	before := map[string]Account{}
	for _, p := range postings {
		for _, l := range p.Lines {
			if byID[l.Account] != nil {
				continue
			}
			var a Account
			if err := tx.QueryRow(selectAccount, b.Bank, l.Account).Scan(a.Fields()...); err != nil {
				return fmt.Errorf("%w: %s", ErrAccount, l.Account)
			}
			byID[l.Account], before[l.Account] = &a, a
		}
	}
	history, err := b.decide(byID, postings)
	if err != nil {
		return err
	}
	for id, a := range byID {
		n, err := tx.Exec(`UPDATE corebank_ledger_account SET booked = $1, last_seq = $2, day = $3, day_opening = $4
			WHERE bank = $5 AND id = $6 AND last_seq = $7 AND held = $8`, a.Booked, a.lastSeq, a.day, a.dayOpening, b.Bank, id, before[id].lastSeq, a.Held)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrChanged
		}
	}
	return history.insert(tx)
}

// A history is what is inserted of postings that were found good.
type history struct{ postings, entries [][]any }

// decide books postings on accounts in memory.
func (b Book) decide(accounts map[string]*Account, postings []Posting) (h history, err error) {
	posted := make(map[string]bool, len(postings))
	for _, p := range postings {
		if err := p.balances(); err != nil {
			return h, err
		}
		if posted[p.ID] {
			return h, fmt.Errorf("%w: %s", ErrPosted, p.ID)
		}
		posted[p.ID] = true
		h.postings = append(h.postings, []any{b.Bank, p.ID, p.At.UnixMicro()})
		booked := p.Booked.String()
		for _, l := range p.Lines {
			a := accounts[l.Account]
			if a == nil || a.Currency != l.Amount.Currency {
				return h, fmt.Errorf("%w: %s", ErrAccount, l.Account)
			}
			if a.day != booked {
				a.day, a.dayOpening = booked, a.Booked
			}
			a.Booked += l.Amount.Minor
			a.lastSeq++
			value := booked
			if !l.Value.IsZero() {
				value = l.Value.String()
			}
			h.entries = append(h.entries, []any{b.Bank, l.Account, booked, a.lastSeq, p.ID, l.Amount.Minor, l.Amount.Currency,
				value, l.Details.pack(), a.Booked})
			if l.Amount.Minor < 0 && a.CreditLimit != Unlimited && a.Spendable() < 0 {
				return h, fmt.Errorf("%w: %s on %s", ErrFunds, l.Account, booked)
			}
		}
	}
	return h, nil
}

func (h history) insert(tx *sqldb.Tx) error {
	if err := insert(tx, `INSERT INTO corebank_ledger_posting (bank, id, at) VALUES `, h.postings); err != nil {
		return err
	}
	return insert(tx, insertEntry, h.entries)
}

// Insert writes rows of the bank's other tables with few statements. into ends in VALUES.
func Insert(tx *sqldb.Tx, into string, rows [][]any) error { return insert(tx, into, rows) }

// insert writes rows in chunks of few sizes, so that few different statements are prepared,
// and sends many chunks together.
func insert(tx *sqldb.Tx, into string, rows [][]any) error {
	const together = 64 // bounds what is in memory twice
	var statements []sqldb.Statement
	for _, size := range []int{16, 2, 1} {
		if len(rows) < size {
			continue
		}
		text := into + row(len(rows[0]), size)
		for len(rows) >= size {
			args := make([]any, 0, size*len(rows[0]))
			for _, r := range rows[:size] {
				args = append(args, r...)
			}
			statements = append(statements, sqldb.Statement{Query: text, Args: args})
			if rows = rows[size:]; len(statements) == together || len(rows) == 0 {
				if _, err := tx.Each(statements...); err != nil {
					return err
				}
				statements = statements[:0]
			}
		}
	}
	return nil
}

// row returns n times a row of parameters: "($1,$2),($3,$4)".
func row(columns, n int) string {
	var s strings.Builder
	for i := range columns * n {
		switch {
		case i == 0:
			s.WriteByte('(')
		case i%columns == 0:
			s.WriteString("),(")
		default:
			s.WriteByte(',')
		}
		s.WriteByte('$')
		s.WriteString(strconv.Itoa(i + 1))
	}
	s.WriteByte(')')
	return s.String()
}

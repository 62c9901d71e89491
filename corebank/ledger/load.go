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
	posted := make(map[string]bool, len(postings))
	var postingRows, entryRows, holdRows, accountRows [][]any
	for _, p := range postings {
		if err := p.balances(); err != nil {
			return err
		}
		if posted[p.ID] {
			return fmt.Errorf("%w: %s", ErrPosted, p.ID)
		}
		posted[p.ID] = true
		postingRows = append(postingRows, []any{b.Bank, p.ID, p.At.UnixMicro()})
		booked := p.Booked.String()
		for _, l := range p.Lines {
			a := byID[l.Account]
			if a == nil || a.Currency != l.Amount.Currency {
				return fmt.Errorf("%w: %s", ErrAccount, l.Account)
			}
			if a.day != booked {
				a.day, a.dayOpening = booked, a.Booked
			}
			a.Booked += l.Amount.Minor
			a.lastSeq++
			value := l.Value
			if value.IsZero() {
				value = p.Booked
			}
			entryRows = append(entryRows, []any{b.Bank, l.Account, booked, a.lastSeq, p.ID, l.Amount.Minor, l.Amount.Currency,
				value.String(), l.Details.pack()})
			if l.Amount.Minor < 0 && a.CreditLimit != Unlimited && a.Spendable() < 0 {
				return fmt.Errorf("%w: %s on %s", ErrFunds, l.Account, booked)
			}
		}
	}
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
	for _, ins := range []struct {
		into string
		rows [][]any
	}{
		{`INSERT INTO corebank_ledger_account (bank, id, kind, currency, credit_limit, booked, held, last_seq, day, day_opening) VALUES `, accountRows},
		{`INSERT INTO corebank_ledger_posting (bank, id, at) VALUES `, postingRows},
		{insertEntry, entryRows},
		{insertHold, holdRows},
	} {
		if err := insert(tx, ins.into, ins.rows); err != nil {
			return err
		}
	}
	return nil
}

// insert writes rows in chunks of few sizes, so that few different statements are prepared.
func insert(tx *sqldb.Tx, into string, rows [][]any) error {
	for _, size := range []int{16, 1} {
		for len(rows) >= size {
			args := make([]any, 0, size*len(rows[0]))
			for _, r := range rows[:size] {
				args = append(args, r...)
			}
			if _, err := tx.Exec(into+row(len(rows[0]), size), args...); err != nil {
				return err
			}
			rows = rows[size:]
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

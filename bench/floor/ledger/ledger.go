// Package ledger is the least that a double-entry ledger can do: a transfer is a row, two
// entries with the balances they left, and two changed accounts, all in one durable commit.
//
// An identifier is used once and no account goes below its limit, because the tables say so.
// What it leaves out is what makes a ledger of a bank: postings of more than two lines and
// several currencies, holds, booking days, words, and an error that says what was wrong.
package ledger

import (
	"kontor/bench/floor/store"
)

const schema = `
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, balance BIGINT NOT NULL, low BIGINT NOT NULL, version BIGINT NOT NULL, CHECK (balance >= low));
CREATE TABLE IF NOT EXISTS transfer (id TEXT PRIMARY KEY, debtor TEXT NOT NULL, creditor TEXT NOT NULL, amount BIGINT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (account TEXT NOT NULL, version BIGINT NOT NULL, transfer TEXT NOT NULL, amount BIGINT NOT NULL, balance BIGINT NOT NULL,
	PRIMARY KEY (account, version))`

const (
	insertTransfer = `INSERT INTO transfer (id, debtor, creditor, amount, at) VALUES ($1, $2, $3, $4, $5)`
	change         = `UPDATE account SET balance = balance + $1, version = version + 1 WHERE id = $2`
	insertEntry    = `INSERT INTO entry (account, version, transfer, amount, balance) SELECT id, version, $1, $2, balance FROM account WHERE id = $3`
	off            = `SELECT COUNT(*) + ABS((SELECT COUNT(*) FROM entry) - 2 * (SELECT COUNT(*) FROM transfer)) FROM account a WHERE a.balance <> (SELECT COALESCE(SUM(e.amount), 0) FROM entry e WHERE e.account = a.id)`
)

// A Ledger keeps accounts.
type Ledger struct{ db store.Store }

// Open opens a ledger with the accounts given, which may owe as much as limit.
func Open(dsn string, limit int64, accounts []string) (*Ledger, error) {
	db, err := store.Open(dsn, schema, []string{off})
	if err != nil {
		return nil, err
	}
	all := make([]store.Statement, len(accounts))
	for i, id := range accounts {
		all[i] = store.Statement{Query: `INSERT INTO account (id, balance, low, version) VALUES ($1, 0, $2, 0)`, Args: []any{id, -limit}}
	}
	return &Ledger{db}, db.Write(all...)
}

// Transfer moves amount. Accounts are changed in the order of their names, so that two
// transfers cannot wait for each other.
func (l *Ledger) Transfer(id, debtor, creditor string, amount, at int64) error {
	changes := [2]store.Statement{{Query: change, Args: []any{-amount, debtor}}, {Query: change, Args: []any{amount, creditor}}}
	if creditor < debtor {
		changes[0], changes[1] = changes[1], changes[0]
	}
	return l.db.Write(
		store.Statement{Query: insertTransfer, Args: []any{id, debtor, creditor, amount, at}},
		changes[0], changes[1],
		store.Statement{Query: insertEntry, Args: []any{id, -amount, debtor}},
		store.Statement{Query: insertEntry, Args: []any{id, amount, creditor}},
	)
}

// Off counts accounts that are not the sum of their entries, and entries that transfers lack.
func (l *Ledger) Off() (n int64, err error) {
	err = l.db.Row([]any{&n}, off)
	return n, err
}

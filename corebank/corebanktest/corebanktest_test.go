package corebanktest_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/corebank/corebanktest"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

func TestLongAccount(t *testing.T) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		today := day.New(2026, time.November, 21)
		book := ledger.Book{DB: db, Bank: "lon"}
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			return book.Open(tx, ledger.Account{ID: persona.ClearingID("EUR"), Kind: ledger.Clearing, Currency: "EUR", CreditLimit: ledger.Unlimited})
		}); err != nil {
			t.Fatal(err)
		}
		const entries = 25_013
		a, err := corebanktest.LongAccount(t.Context(), db, "lon", "1001", entries, today)
		if err != nil || iban.Validate(a.IBAN) != nil {
			t.Fatal(a, err)
		}
		if err := book.Check(t.Context()); err != nil {
			t.Error(err)
		}
		var after ledger.Position
		n := 0
		for {
			page, err := book.Entries(t.Context(), a.ID, today.AddDays(-corebanktest.Days), today, after, 500)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			n += len(page)
			last := page[len(page)-1]
			after = ledger.Position{Booked: last.Booked, Seq: last.Seq}
		}
		if n != entries {
			t.Errorf("%d entries are read", n)
		}
		if _, err := corebanktest.LongAccount(t.Context(), db, "lon", "1001", entries, today); err == nil {
			t.Error("an account was opened twice")
		}
	})
}

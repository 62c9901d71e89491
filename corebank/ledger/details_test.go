package ledger_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"kontor/corebank/ledger"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

func TestWordsOfAnEntryAreKept(t *testing.T) {
	d := ledger.Details{Reference: "R1", Text: "Gas\x1f and\x1e light"}.
		With(ledger.Mandate, "M-1").With(ledger.Purpose, "").With(ledger.Exchange, ledger.Join("FX\x1e1", "1.0832", "2026-03-01")).With(ledger.Part, ledger.Join("-1", "a"))
	if again := ledger.Unpack(d.Pack()); again.Text != "Gas  and  light" || again.More != d.More {
		t.Errorf("%+v", again)
	}
	var told string
	for w, text := range ledger.Unpack(d.Pack()).Words() {
		told += fmt.Sprintf("%c=%q ", w, text)
	}
	if told != "m=\"M-1\" x=\"FX 1\\x1e1.0832\\x1e2026-03-01\" b=\"-1\\x1ea\" " {
		t.Error(told)
	}
	var contract, rate, quoted, missing string
	missing = "something"
	ledger.Split("FX 1\x1e1.0832\x1e2026-03-01", &contract, &rate, &quoted, &missing)
	if contract != "FX 1" || rate != "1.0832" || quoted != "2026-03-01" || missing != "" {
		t.Error(contract, rate, quoted, missing)
	}
	if old := ledger.Unpack("R\x1fE\x1fC\x1fN\x1fI\x1fT"); old != (ledger.Details{Reference: "R", EndToEnd: "E", Code: "C", PartyName: "N", PartyIBAN: "I", Text: "T"}) {
		t.Errorf("a row of before is read as %+v", old)
	}
}

// Entries written before the balance was kept get it from the migration.
func TestBalancesOfOldEntriesAreFilledIn(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		for i := range 5 {
			write(t, b, func(tx *sqldb.Tx) error { return b.Post(tx, transfer(fmt.Sprint("p", i), "ana", "luka", int64(100+i))) })
		}
		for _, statement := range []string{`ALTER TABLE corebank_ledger_entry DROP COLUMN balance`, `ALTER TABLE corebank_ledger_entry ADD COLUMN balance BIGINT NOT NULL DEFAULT 0`, backfill(t)} {
			if _, err := b.DB.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := b.Entries(t.Context(), "luka", today, today, ledger.Position{}, 2)
		if err != nil || page[0].Balance != 10510 || page[1].Balance != 10406 {
			t.Errorf("%+v %v", page, err)
		}
		if _, err := b.DB.Exec(t.Context(), `UPDATE corebank_ledger_entry SET balance = balance + 1 WHERE account = 'luka' AND seq = 3`); err != nil {
			t.Fatal(err)
		}
		if b.Check(t.Context()) == nil {
			t.Error("a wrong balance is not noticed")
		}
		if _, err := b.DB.Exec(t.Context(), `UPDATE corebank_ledger_entry SET balance = balance - 1 WHERE account = 'luka' AND seq = 3`); err != nil {
			t.Fatal(err)
		}
	})
}

// backfill is the statement of the migration, so that what is tested is what is run.
func backfill(t *testing.T) string {
	t.Helper()
	all, err := fs.ReadFile(schema.FS, "9004_whole.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(all), "UPDATE corebank_ledger_entry")
	statement, _, found := strings.Cut(after, ";")
	if !found {
		t.Fatal("the migration fills nothing in")
	}
	return "UPDATE corebank_ledger_entry" + statement
}

func TestExtendingBooks(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		write(t, b, func(tx *sqldb.Tx) error {
			return b.Extend(tx, []ledger.Posting{transfer("e1", "ana", "luka", 4000), transfer("e2", "ana", "luka", 6000)})
		})
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := b.Entries(t.Context(), "ana", today, today, ledger.Position{}, 10)
		if err != nil || len(page) != 3 || page[0].Balance != 0 || page[1].Balance != 6000 {
			t.Errorf("%+v %v", page, err)
		}
		for name, p := range map[string]ledger.Posting{
			"money that is not there":    transfer("e3", "ana", "luka", 1),
			"an ID that is in the books": transfer("e1", "luka", "ana", 1),
			"an unknown account":         transfer("e4", "luka", "nobody", 1),
		} {
			if err := b.DB.Write(t.Context(), func(tx *sqldb.Tx) error { return b.Extend(tx, []ledger.Posting{p}) }); err == nil {
				t.Errorf("%s was booked", name)
			}
		}
		if a, _ := b.Account(t.Context(), "luka"); a.Booked != 20000 || a.ClosingBefore(day.New(2026, 3, 3)).Minor != 20000 {
			t.Errorf("%+v", a)
		}
	})
}

// An account of many entries is filled in moments, so that long reports can be tried.
func BenchmarkExtend(b *testing.B) {
	book := ledger.Book{DB: sqldbtest.SQLite(b, schema.FS), Bank: "lon"}
	if err := book.DB.Write(b.Context(), func(tx *sqldb.Tx) error {
		return book.Open(tx, ledger.Account{ID: "long", Kind: ledger.Customer, Currency: "EUR"},
			ledger.Account{ID: "out", Kind: ledger.Clearing, Currency: "EUR", CreditLimit: ledger.Unlimited})
	}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		p := ledger.Posting{ID: fmt.Sprint("p", n), Booked: today, At: at}
		for range 999 {
			p.Lines = append(p.Lines, ledger.Line{Account: "long", Amount: eur(1)})
		}
		p.Lines = append(p.Lines, ledger.Line{Account: "out", Amount: eur(-999)})
		if err := book.DB.Write(b.Context(), func(tx *sqldb.Tx) error { return book.Extend(tx, []ledger.Posting{p}) }); err != nil {
			b.Fatal(err)
		}
	}
}

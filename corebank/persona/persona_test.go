package persona_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// Whatever day the sandbox starts on, the invented books pass the ledger, and the
// customers are who they are said to be.
func TestHistoryPassesTheLedgerOnAnyDay(t *testing.T) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		for _, today := range []day.Day{day.New(2026, 11, 21), day.New(2024, 2, 29), day.New(2027, 1, 1), day.New(2026, 3, 31), day.New(2026, 5, 27)} {
			t.Run(today.String(), func(t *testing.T) {
				b := ledger.Book{DB: db, Bank: today.String()}
				postings, holds := persona.History(persona.All(), today)
				start := time.Now()
				if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
					return b.Load(tx, persona.LedgerAccounts(persona.All()), postings, holds)
				}); err != nil {
					t.Fatal(err)
				}
				t.Logf("%d postings loaded in %v", len(postings), time.Since(start))
				if err := b.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				page, err := b.Entries(t.Context(), "ana-current", monthsAgo(today), today, ledger.Position{}, 1000)
				if err != nil || len(page) <= 250 {
					t.Errorf("Ana's current account has %d entries (%v)", len(page), err)
				}
				if luka, err := b.Account(t.Context(), "luka-current"); err != nil || luka.Booked > 1240 || luka.Booked < 0 {
					t.Errorf("Luka has %d", luka.Booked)
				}
				if ana, _ := b.Account(t.Context(), "ana-current"); ana.Spendable() < 20000 {
					t.Errorf("Ana cannot pay anything: %d", ana.Spendable())
				}
			})
		}
	})
}

func monthsAgo(d day.Day) day.Day { return d.AddDays(-400) }

func TestTheSameDayTellsTheSameHistory(t *testing.T) {
	today := day.New(2026, 11, 21)
	a, _ := persona.History(persona.All(), today)
	b, _ := persona.History(persona.All(), today)
	if len(a) != len(b) {
		t.Fatal("lengths differ")
	}
	for i := range a {
		if a[i].ID != b[i].ID || a[i].Lines[0] != b[i].Lines[0] || a[i].Lines[1] != b[i].Lines[1] {
			t.Fatalf("posting %d differs", i)
		}
	}
}

func TestEveryIBANIsValidAndUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range persona.All() {
		for _, a := range p.Accounts {
			if err := iban.Validate(a.IBAN); err != nil || seen[a.IBAN] {
				t.Errorf("%s %s: %v", a.ID, a.IBAN, err)
			}
			seen[a.IBAN] = true
		}
		for _, q := range p.Trusted {
			if err := iban.Validate(q.IBAN); err != nil {
				t.Errorf("%s %s: %v", q.Name, q.IBAN, err)
			}
		}
	}
	for _, want := range []string{"SI56", "RO", "DE"} {
		found := false
		for i := range seen {
			found = found || i[:len(want)] == want
		}
		if !found {
			t.Errorf("nobody has an IBAN that begins with %s", want)
		}
	}
}

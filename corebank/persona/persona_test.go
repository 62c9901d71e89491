package persona_test

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/money"
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
	seen := map[string]string{}
	for _, p := range persona.All() {
		for _, a := range p.Accounts {
			// Joint holders share an account, and a multi-currency account is one IBAN.
			if err := iban.Validate(a.IBAN); err != nil || seen[a.IBAN] != "" && seen[a.IBAN] != a.ID && !strings.HasPrefix(a.ID, "sofia-") {
				t.Errorf("%s %s: %v", a.ID, a.IBAN, err)
			}
			seen[a.IBAN] = a.ID
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

// Whatever day it is told, what the entries say besides the usual is well formed, a batch
// is the sum of its payments, and standing orders were executed as they are told.
func TestWordsOfTheHistory(t *testing.T) {
	patterns := map[ledger.Word]string{
		ledger.Purpose: `^[A-Z]{4}$`, ledger.Agent: `^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]$`, ledger.Category: `^[0-9]{4}$`,
		ledger.Bought: `^\d{4}-\d\d-\d\d$`, ledger.At: `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, ledger.Mandate: `^MN-\d{8}$`,
	}
	for _, today := range []day.Day{day.New(2026, 11, 21), day.New(2024, 2, 29), day.New(2027, 1, 1), day.New(2026, 3, 31), day.New(2026, 5, 27)} {
		postings, holds := persona.History(persona.All(), today)
		words := map[ledger.Word]int{}
		executed := map[string]int{} // by account, amount and payee
		look := func(d ledger.Details, amount money.Amount) {
			sum := int64(0)
			for w, text := range d.Words() {
				words[w]++
				if p := patterns[w]; p != "" && !regexp.MustCompile(p).MatchString(text) {
					t.Errorf("%c: %q", w, text)
				}
				switch w {
				case ledger.Structured:
					checkDigits(t, text, text[4:]+text[:4])
				case ledger.CreditorID:
					checkDigits(t, text, text[7:]+text[:4])
				case ledger.Part:
					var part, name, account, endToEnd, unstructured, structured string
					ledger.Split(text, &part, &name, &account, &endToEnd, &unstructured, &structured)
					a, err := money.Parse(part, amount.Currency)
					if err != nil || iban.Validate(account) != nil || name == "" || endToEnd == "" || (unstructured == "") == (structured == "") {
						t.Errorf("a payment of a batch: %q", text)
					}
					if sum += a.Minor; structured != "" {
						checkDigits(t, structured, structured[4:]+structured[:4])
					}
				}
			}
			if sum != 0 && sum != amount.Minor {
				t.Errorf("a batch of %v tells %d", amount, sum)
			}
		}
		for _, p := range postings {
			for _, l := range p.Lines {
				look(l.Details, l.Amount)
				if l.Code == "PMNT-ICDT-STDO" && l.Amount.Minor < 0 {
					executed[l.Account+" "+l.Amount.String()+" "+l.PartyName]++
				}
			}
		}
		for _, h := range holds {
			look(h.Details, h.Amount)
		}
		for w := range patterns {
			if words[w] == 0 {
				t.Errorf("%s: no entry says %c", today, w)
			}
		}
		for _, w := range []ledger.Word{ledger.Structured, ledger.CreditorID, ledger.UltimateCreditor, ledger.UltimateDebtor, ledger.Exchange, ledger.Original, ledger.Markup, ledger.Part} {
			if words[w] == 0 {
				t.Errorf("%s: no entry says %c", today, w)
			}
		}
		if words[ledger.Check] != 1 {
			t.Errorf("%s: %d cheques", today, words[ledger.Check])
		}
		orders := persona.Orders(persona.All(), today)
		told := map[string]bool{}
		for _, o := range orders {
			key := o.Account + " " + o.Amount.String() + " " + o.PartyName
			told[key] = true
			want := [2]int{12, 14}
			switch {
			case o.Months != "":
				want = [2]int{4, 5}
			case !o.End.IsZero():
				want = [2]int{9, 11}
			}
			if n := executed[key]; n < want[0] || n > want[1] {
				t.Errorf("%s: %s was executed %d times", today, key, n)
			}
			if !o.End.IsZero() && !o.End.After(today) || o.Start.After(today) || o.Day < 1 || o.Day > 28 {
				t.Errorf("%s: %+v", today, o)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(executed)) {
			if !told[key] {
				t.Errorf("%s: nobody ordered %s", today, key)
			}
		}
	}
}

// checkDigits verifies ISO 7064 97-10 by long division of the letters written as numbers.
func checkDigits(t *testing.T, whole, moved string) {
	t.Helper()
	rest := 0
	for _, c := range moved {
		n := strconv.Itoa(strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", c))
		for _, digit := range n {
			rest = (rest*10 + int(digit-'0')) % 97
		}
	}
	if rest != 1 {
		t.Errorf("the check digits of %s are wrong", whole)
	}
}

// Where the history ends, a standing order goes on: the day after, either its next payment is
// told, and another one is next, or neither.
func TestAStandingOrderGoesOnWhereTheHistoryEnds(t *testing.T) {
	before := map[string]day.Day{}
	moved := 0
	for today := day.New(2026, 11, 27); today.Before(day.New(2027, 1, 9)); today = today.AddDays(1) {
		paid := map[string]bool{}
		postings, _ := persona.History(persona.All(), today)
		for _, p := range postings {
			for _, l := range p.Lines {
				if p.Booked == today && l.Details.Code == "PMNT-ICDT-STDO" && l.Amount.Minor < 0 {
					paid[l.Account+l.Amount.String()] = true
				}
			}
		}
		for _, o := range persona.Orders(persona.All(), today) {
			last, known := before[o.ID]
			if known && (last != o.Next) != paid[o.Account+o.Amount.String()] {
				t.Errorf("%s: %s was due on %s, is next on %s, and is told: %t", today, o.ID, last, o.Next, paid[o.Account+o.Amount.String()])
			}
			if known && last != o.Next {
				moved++
			}
			before[o.ID] = o.Next
		}
	}
	if moved < 10 {
		t.Errorf("only %d payments", moved)
	}
}

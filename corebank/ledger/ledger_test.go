package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kontor/corebank/ledger"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

var (
	at    = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	today = day.New(2026, 3, 2)
)

func eur(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }
func ron(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "RON"} }

func transfer(id, from, to string, amount int64) ledger.Posting {
	return ledger.Posting{ID: id, Booked: today, At: at, Lines: []ledger.Line{
		{Account: from, Amount: eur(-amount)}, {Account: to, Amount: eur(amount)},
	}}
}

// each runs test on a book with two customers of 100.00 EUR and a card of 50.00 EUR credit.
func each(t *testing.T, test func(t *testing.T, b ledger.Book)) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		b := ledger.Book{DB: db, Bank: "lon"}
		write(t, b, func(tx *sqldb.Tx) error {
			return b.Open(tx,
				ledger.Account{ID: "ana", Kind: ledger.Customer, Currency: "EUR"},
				ledger.Account{ID: "luka", Kind: ledger.Customer, Currency: "EUR"},
				ledger.Account{ID: "card", Kind: ledger.Card, Currency: "EUR", CreditLimit: 5000},
				ledger.Account{ID: "out", Kind: ledger.Clearing, Currency: "EUR", CreditLimit: ledger.Unlimited},
				ledger.Account{ID: "lei", Kind: ledger.Clearing, Currency: "RON", CreditLimit: ledger.Unlimited})
		})
		for _, id := range []string{"ana", "luka"} {
			write(t, b, func(tx *sqldb.Tx) error { return b.Post(tx, transfer("open-"+id, "out", id, 10000)) })
		}
		test(t, b)
	})
}

func write(t *testing.T, b ledger.Book, fn func(tx *sqldb.Tx) error) {
	t.Helper()
	if err := b.DB.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestPostingRefused(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		lines := func(l ...ledger.Line) ledger.Posting {
			return ledger.Posting{ID: "p", Booked: today, At: at, Lines: l}
		}
		for _, c := range []struct {
			name string
			p    ledger.Posting
			want error
		}{
			{"a posting that leaves a cent is refused", lines(ledger.Line{Account: "ana", Amount: eur(-100)}, ledger.Line{Account: "luka", Amount: eur(99)}), ledger.ErrUnbalanced},
			{"currencies do not make up for each other", lines(ledger.Line{Account: "out", Amount: eur(-100)}, ledger.Line{Account: "lei", Amount: ron(100)}), ledger.ErrUnbalanced},
			{"one line is no posting", lines(ledger.Line{Account: "ana", Amount: eur(1)}), ledger.ErrUnbalanced},
			{"a line of nothing is refused", lines(ledger.Line{Account: "ana", Amount: eur(0)}, ledger.Line{Account: "out", Amount: eur(0)}), ledger.ErrUnbalanced},
			{"an amount that could overflow is refused", lines(ledger.Line{Account: "out", Amount: eur(-1 << 62)}, ledger.Line{Account: "ana", Amount: eur(1 << 62)}), ledger.ErrUnbalanced},
			{"a customer cannot spend more than there is", transfer("p", "ana", "out", 10001), ledger.ErrFunds},
			{"a card cannot go below its limit", transfer("p", "card", "out", 5001), ledger.ErrFunds},
			{"an unknown account is refused", transfer("p", "ana", "nobody", 1), ledger.ErrAccount},
			{"an account takes only its own currency", transfer("p", "ana", "lei", 1), ledger.ErrAccount},
			{"an ID is used once", transfer("open-ana", "out", "ana", 1), ledger.ErrPosted},
		} {
			t.Run(c.name, func(t *testing.T) {
				err := b.DB.Write(t.Context(), func(tx *sqldb.Tx) error { return b.Post(tx, c.p) })
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if err := b.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		if a, _ := b.Account(t.Context(), "ana"); a.Booked != 10000 {
			t.Errorf("a refused posting moved money: %d", a.Booked)
		}
	})
}

func TestHolds(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		hold := func(id string, amount int64) error {
			return b.DB.Write(t.Context(), func(tx *sqldb.Tx) error {
				return b.Hold(tx, ledger.Hold{ID: id, Account: "ana", Amount: eur(amount), At: at, Value: today.String()})
			})
		}
		if err := hold("h1", 9000); err != nil {
			t.Fatal(err)
		}
		if err := hold("h2", 1001); !errors.Is(err, ledger.ErrFunds) {
			t.Errorf("held money was held again: %v", err)
		}
		if err := b.DB.Write(t.Context(), func(tx *sqldb.Tx) error { return b.Post(tx, transfer("p1", "ana", "out", 1001)) }); !errors.Is(err, ledger.ErrFunds) {
			t.Errorf("held money was spent: %v", err)
		}
		settle := func() error {
			return b.DB.Write(t.Context(), func(tx *sqldb.Tx) error {
				if err := b.Release(tx, "ana", "h1"); err != nil {
					return err
				}
				return b.Post(tx, transfer("settle", "ana", "out", 9000))
			})
		}
		if err := settle(); err != nil {
			t.Fatal(err)
		}
		if err := settle(); !errors.Is(err, ledger.ErrHold) {
			t.Errorf("a hold was released twice: %v", err)
		}
		if a, _ := b.Account(t.Context(), "ana"); a.Booked != 1000 || a.Held != 0 {
			t.Errorf("booked %d, held %d", a.Booked, a.Held)
		}
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// However postings and holds follow each other, the books are right after every step, and
// they agree with a model of three numbers.
func TestAnySequenceKeepsTheBooks(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		ids := []string{"ana", "luka", "card", "out"}
		limit := map[string]int64{"ana": 0, "luka": 0, "card": 5000, "out": 1 << 50}
		booked := map[string]int64{"ana": 10000, "luka": 10000, "out": -20000}
		held, holds, n := map[string]int64{}, map[string]int64{}, 0
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(t, "steps") {
				n++
				from, to := rapid.SampledFrom(ids).Draw(t, "from"), rapid.SampledFrom(ids).Draw(t, "to")
				amount := rapid.Int64Range(1, 12000).Draw(t, "amount")
				enough := booked[from]-held[from]+limit[from] >= amount
				var err error
				switch rapid.IntRange(0, 3).Draw(t, "what") {
				case 0, 1:
					if from == to {
						continue
					}
					err = b.DB.Write(context.Background(), func(tx *sqldb.Tx) error { return b.Post(tx, transfer(fmt.Sprint("t", n), from, to, amount)) })
					if enough {
						booked[from] -= amount
						booked[to] += amount
					}
				case 2:
					id := fmt.Sprint("h", n)
					err = b.DB.Write(context.Background(), func(tx *sqldb.Tx) error {
						return b.Hold(tx, ledger.Hold{ID: id, Account: from, Amount: eur(amount), At: at, Value: today.String()})
					})
					if enough {
						held[from] += amount
						holds[from+"/"+id] = amount
					}
				case 3:
					enough = true
					for key, amount := range holds {
						var account, id string
						for _, a := range ids {
							if len(key) > len(a) && key[:len(a)+1] == a+"/" {
								account, id = a, key[len(a)+1:]
							}
						}
						err = b.DB.Write(context.Background(), func(tx *sqldb.Tx) error { return b.Release(tx, account, id) })
						held[account] -= amount
						delete(holds, key)
						break
					}
				}
				if enough != (err == nil) || err != nil && !errors.Is(err, ledger.ErrFunds) {
					t.Fatalf("enough money: %v, but: %v", enough, err)
				}
			}
			if err := b.Check(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				a, err := b.Account(context.Background(), id)
				if err != nil || a.Booked != booked[id] || a.Held != held[id] {
					t.Fatalf("%s: %+v, want %d and %d held (%v)", id, a, booked[id], held[id], err)
				}
			}
		})
	})
}

func TestConcurrentDebitsNeverOverdraw(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		var wg sync.WaitGroup
		done := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() {
				done <- b.DB.Write(context.Background(), func(tx *sqldb.Tx) error {
					to := "out"
					if i%2 == 0 {
						to = "luka"
					}
					return b.Post(tx, transfer(fmt.Sprint("c", i), "ana", to, 3000))
				})
			})
		}
		wg.Wait()
		close(done)
		ok := 0
		for err := range done {
			switch {
			case err == nil:
				ok++
			case !errors.Is(err, ledger.ErrFunds):
				t.Error(err)
			}
		}
		if ok != 3 {
			t.Errorf("%d debits of 30.00 went through on 100.00", ok)
		}
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestEntriesArePagedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, b ledger.Book) {
		for i := range 25 {
			p := transfer(fmt.Sprint("p", i), "out", "ana", int64(100+i))
			p.Booked = today.AddDays(i / 3)
			write(t, b, func(tx *sqldb.Tx) error { return b.Post(tx, p) })
		}
		var seqs []int64
		var after ledger.Position
		for {
			page, err := b.Entries(t.Context(), "ana", today.AddDays(1), today.AddDays(6), after, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				seqs = append(seqs, e.Seq)
			}
			if len(page) < 4 {
				break
			}
			// An entry that is booked while somebody pages shifts nothing.
			write(t, b, func(tx *sqldb.Tx) error {
				p := transfer(fmt.Sprint("late", after.Seq), "out", "ana", 1)
				p.Booked = today.AddDays(6)
				return b.Post(tx, p)
			})
			after = ledger.Position{Booked: page[3].Booked, Seq: page[3].Seq}
		}
		// Seq 1 is the opening; 2 to 4 are the first day, which was not asked for.
		if len(seqs) != 18 || seqs[0] != 22 || seqs[17] != 5 {
			t.Errorf("read %v", seqs)
		}
	})
}

func TestLoadKeepsTheSameRules(t *testing.T) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		b := ledger.Book{DB: db, Bank: "lon"}
		accounts := func() []ledger.Account {
			return []ledger.Account{{ID: "ana", Kind: ledger.Customer, Currency: "EUR"}, {ID: "out", Kind: ledger.Clearing, Currency: "EUR", CreditLimit: ledger.Unlimited}}
		}
		load := func(p []ledger.Posting, h []ledger.Hold) error {
			return db.Write(t.Context(), func(tx *sqldb.Tx) error { return b.Load(tx, accounts(), p, h) })
		}
		if err := load([]ledger.Posting{transfer("p", "ana", "out", 1)}, nil); !errors.Is(err, ledger.ErrFunds) {
			t.Errorf("loaded an overdraft: %v", err)
		}
		var postings []ledger.Posting
		for i := range 300 {
			postings = append(postings, transfer(fmt.Sprint("p", i), "out", "ana", 10))
		}
		if err := load(postings, []ledger.Hold{{ID: "h", Account: "ana", Amount: eur(3001)}}); !errors.Is(err, ledger.ErrFunds) {
			t.Errorf("loaded a hold on money that is not there: %v", err)
		}
		if err := load(postings, []ledger.Hold{{ID: "h", Account: "ana", Amount: eur(3000)}}); err != nil {
			t.Fatal(err)
		}
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
		// Posting goes on where loading ended.
		write(t, b, func(tx *sqldb.Tx) error { return b.Post(tx, transfer("next", "out", "ana", 5)) })
		if page, err := b.Entries(t.Context(), "ana", today, today, ledger.Position{}, 1); err != nil || page[0].Seq != 301 {
			t.Errorf("%v %v", page, err)
		}
	})
}

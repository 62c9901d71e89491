package corebank

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/persona"
	"kontor/kit/money"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// crashDB names the database of a test's child process, which works until it is killed.
const crashDB = "KONTOR_TEST_CRASH_DB"

// crashPair opens two banks of one database as they are after a start of their process, far
// enough in the future that all is due.
func crashPair(t *testing.T, dsn string, at time.Time) (lon, isar *Bank) {
	db, err := sqldb.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	open := func(code, ibans string) *Bank {
		b, err := New(t.Context(), Config{
			Code: code, DB: db, BaseURL: "http://127.0.0.1:1/" + code, Hub: &hub{last: map[string]wire.Event{}}, Secret: []byte(strings.Repeat(code, 32)),
			IBANs: ibans, Seed: true, Now: func() time.Time { return at },
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	lon, isar = open("lon", "SI39"), open("isar", "DE70990000")
	Join(lon, isar)
	return lon, isar
}

var crashAt = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// TestCrashChild is no test: it is the process that TestKilledInBetween kills.
func TestCrashChild(t *testing.T) {
	dsn := os.Getenv(crashDB)
	if dsn == "" {
		t.Skip("only as a child of TestKilledInBetween")
	}
	lon, isar := crashPair(t, dsn, crashAt.AddDate(0, 3, 0))
	for t.Context().Err() == nil {
		for _, b := range []*Bank{lon, isar} {
			if err := b.work(t.Context(), false); err != nil {
				t.Log(err)
			}
		}
	}
}

// approved gives an order as if its customer had approved it.
func (b *Bank) approved(t *testing.T, p payment) string {
	t.Helper()
	j, err := b.newJourney(kindPayment, wire.String(rand.Text()), "Zlatka Pay", hubReturn)
	if err != nil {
		t.Fatal(err)
	}
	j.State, j.Customer = stateDone, "1001"
	p.ID, p.Debtor = j.ID, "ana-current"
	if err := b.begin(t.Context(), j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.execute(tx, out, j, p, "finalised")
	}); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// A process that is killed again and again while it pays instalments, bulks and transfers to
// another bank pays each of them once, and both books are right in the end.
func TestKilledInBetween(t *testing.T) {
	if os.Getenv(crashDB) != "" {
		t.Skip("this is a child")
	}
	for _, c := range []struct {
		name string
		dsn  func(t *testing.T) string
	}{
		{"SQLite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "crash.db") }},
		{"PostgreSQL", func(t *testing.T) string { return sqldbtest.URL(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := c.dsn(t)
			lon, _ := crashPair(t, dsn, crashAt)
			shop := persona.Shop("isar", "", "DE70990000").Accounts[0].IBAN
			small := func(iban string) transfer {
				return transfer{Amount: money.Amount{Minor: 1, Currency: "EUR"}, CreditorName: "Shop", CreditorIBAN: iban}
			}
			ana, err := lon.book.Account(t.Context(), "ana-current")
			if err != nil {
				t.Fatal(err)
			}
			start := lon.today().AddDays(3)
			// Sixty instalments of one series, twenty payments of one day, and a bulk of a
			// hundred, a tenth of which the other bank has no account for.
			lon.approved(t, payment{Service: servicePeriodic, Product: productCredit, transfer: small(shop), Plan: &plan{Start: start, End: start.AddDays(59), Frequency: "Daily", Rule: ruleFollowing}})
			for range 20 {
				lon.approved(t, payment{Service: servicePayments, Product: productCredit, transfer: small(shop), ExecuteOn: start.String()})
			}
			bulk := payment{Service: serviceBulk, Product: productCredit, Items: 100, transfer: transfer{Amount: money.Amount{Minor: 100, Currency: "EUR"}}, ExecuteOn: start.String()}
			for n := range 100 {
				one := item{n: n, state: payReceived, transfer: small(shop)}
				if n%10 == 0 {
					one.CreditorIBAN = unknownIBAN(t)
				}
				bulk.list = append(bulk.list, one)
			}
			lon.approved(t, bulk)
			kills := 0
			for ; kills < 12; kills++ {
				child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
				child.Env = append(os.Environ(), crashDB+"="+dsn)
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(40+mathrand.IntN(300)) * time.Millisecond)
				child.Process.Kill() // SIGKILL
				child.Wait()
			}
			done := func() (n int) {
				if err := lon.db.QueryRow(context.Background(), `SELECT (SELECT COUNT(*) FROM corebank_instalment) + (SELECT COUNT(*) FROM corebank_transfer WHERE state <> 'waiting')`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			before := done()
			lon, isar := crashPair(t, dsn, crashAt.AddDate(0, 4, 0))
			for range 200 {
				for _, b := range []*Bank{lon, isar} {
					if err := b.work(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Logf("%d of %d steps were done by processes that were killed", before, done())
			paid, err := lon.book.Account(t.Context(), "ana-current")
			if err != nil {
				t.Fatal(err)
			}
			got, err := isar.book.Account(t.Context(), "isar-shop")
			if err != nil {
				t.Fatal(err)
			}
			if ana.Booked-paid.Booked != 170 || got.Booked != 170 || paid.Held != ana.Held {
				t.Errorf("%d paid, %d got, %d held", ana.Booked-paid.Booked, got.Booked, paid.Held-ana.Held)
			}
			for _, b := range []*Bank{lon, isar} {
				if err := b.Check(t.Context()); err != nil {
					t.Errorf("the books of %s: %v", b.code, err)
				}
			}
		})
	}
}

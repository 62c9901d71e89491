package corebank

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/persona"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// crashDB names the database of a test's child process, which works until it is killed.
const crashDB = "KONTOR_TEST_CRASH_DB"

// crashReady is what the child says when it begins to work.
const crashReady = "ready"

// TestMain makes the child of TestKilledInBetween out of the same program.
func TestMain(m *testing.M) {
	if dsn := os.Getenv(crashDB); dsn != "" {
		workUntilKilled(dsn)
	}
	m.Run()
}

// openPair opens two banks of one database as they are after a start of their process, far
// enough in the future that all is due.
func openPair(ctx context.Context, dsn string, at time.Time) (db *sqldb.DB, lon, isar *Bank, err error) {
	if db, err = sqldb.Open(ctx, dsn); err != nil {
		return nil, nil, nil, err
	}
	open := func(code, ibans string) (*Bank, error) {
		return New(ctx, Config{
			Code: code, DB: db, BaseURL: "http://127.0.0.1:1/" + code, Hub: &hub{last: map[string]wire.Event{}}, Secret: []byte(strings.Repeat(code, 32)),
			IBANs: ibans, Seed: true, Now: func() time.Time { return at },
		})
	}
	lon, err = open("lon", "SI39")
	if err == nil {
		isar, err = open("isar", "DE70990000")
	}
	if err != nil {
		db.Close()
		return nil, nil, nil, err
	}
	Join(lon, isar)
	return db, lon, isar, nil
}

func crashPair(t *testing.T, dsn string, at time.Time) (lon, isar *Bank) {
	t.Helper()
	db, lon, isar, err := openPair(t.Context(), dsn, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return lon, isar
}

// It begins on crashAt and is over on crashOver, a Monday: what is left to be begun then is
// executed on the same day.
var (
	crashAt   = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	crashOver = time.Date(2027, 3, 22, 10, 0, 0, 0, time.UTC)
)

// workUntilKilled is the process that TestKilledInBetween kills. It never returns.
func workUntilKilled(dsn string) {
	_, lon, isar, err := openPair(context.Background(), dsn, crashAt.AddDate(0, 3, 0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(crashReady)
	for {
		for _, b := range []*Bank{lon, isar} {
			if err := b.work(context.Background(), false); err != nil {
				log.Print(err)
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

// approvedBasket gives so many payments to creditor, and accesses, as if their customer had
// approved their basket a moment ago.
func (b *Bank) approvedBasket(t *testing.T, one transfer, payments, accesses int) {
	t.Helper()
	j, err := b.newJourney(kindBasket, wire.String(rand.Text()), "Zlatka Pay", hubReturn)
	if err != nil {
		t.Fatal(err)
	}
	j.State, j.Customer = stateDone, "1001"
	if err := b.begin(t.Context(), j, func(tx *sqldb.Tx, out *reports) error {
		for n := range payments + accesses {
			m := member{payment: payment{Service: servicePayments, Product: productCredit, transfer: one, Debtor: "ana-current"}}
			kind := kindPayment
			if n >= payments {
				kind = kindAccess
			}
			var err error
			if m.journey, err = b.newJourney(kind, wire.String(rand.Text()), "Zlatka Pay", hubReturn); err != nil {
				return err
			}
			m.payment.ID = m.ID
			m.State, m.Customer, m.Basket, m.Place, m.Choice = stateApproved, j.Customer, j.ID, n, []choice{{account: "ana-current"}}
			m.Request.Access = &wire.Access{Balances: &[]wire.Account{}}
			if _, err := b.addMember(tx, out, m); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// killWhileItWorks starts a child, and kills it some time after it has begun to work.
func killWhileItWorks(t *testing.T, dsn string, most time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDB+"="+dsn)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len(crashReady))
	_, err = io.ReadFull(out, said)
	time.Sleep(mathrand.N(most))
	child.Process.Kill() // SIGKILL
	child.Wait()
	if err != nil || string(said) != crashReady {
		t.Fatalf("the child did not begin: %q %v", said, err)
	}
}

// A process that is killed again and again while it pays instalments, bulks, what stands in
// a basket, and transfers to
// another bank pays each of them once, and both books are right in the end.
func TestKilledInBetween(t *testing.T) {
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
			// Four months of her standing orders as well.
			orders, err := lon.standingOrders(lon.reading(t.Context()), `account = 'ana-current'`)
			if err != nil {
				t.Fatal(err)
			}
			ordered := int64(0)
			for _, o := range orders {
				due, err := day.Parse(o.due)
				for more := err == nil; more && !o.executed(due).After(day.Of(crashOver, time.UTC)); due, more = o.after(due) {
					ordered += o.Amount.Minor
				}
			}
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
			// And a basket of twenty payments and five accesses.
			lon.approvedBasket(t, small(shop), 20, 5)
			done := func() (n int) {
				if err := lon.db.QueryRow(context.Background(), `SELECT (SELECT COUNT(*) FROM corebank_instalment) + (SELECT COUNT(*) FROM corebank_transfer WHERE state <> 'waiting') +
					(SELECT COUNT(*) FROM corebank_journey WHERE basket <> '' AND state = 'done')`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			// On a busy machine a child gets little done before it is killed: then there are more,
			// and each has longer.
			for kills := 0; kills < 12 || done() < 10 && kills < 60; kills++ {
				killWhileItWorks(t, dsn, time.Duration(150+10*kills)*time.Millisecond)
			}
			before := done()
			lon, isar := crashPair(t, dsn, crashOver)
			for range 200 {
				for _, b := range []*Bank{lon, isar} {
					if err := b.work(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Logf("%d of %d steps were done by processes that were killed", before, done())
			if before == 0 {
				t.Error("nothing was done by processes that were killed")
			}
			paid, err := lon.book.Account(t.Context(), "ana-current")
			if err != nil {
				t.Fatal(err)
			}
			got, err := isar.book.Account(t.Context(), "isar-shop")
			if err != nil {
				t.Fatal(err)
			}
			if ordered == 0 || ana.Booked-paid.Booked != 190+ordered || got.Booked != 190 || paid.Held != ana.Held {
				t.Errorf("%d paid, %d got, %d held", ana.Booked-paid.Booked, got.Booked, paid.Held-ana.Held)
			}
			var given, left int
			if err := lon.db.QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM corebank_access WHERE bank = 'lon'), (SELECT COUNT(*) FROM corebank_journey WHERE state = 'approved')`).Scan(&given, &left); err != nil {
				t.Fatal(err)
			}
			if given != 5 || left != 0 {
				t.Errorf("%d accesses given, %d members left", given, left)
			}
			for _, b := range []*Bank{lon, isar} {
				if err := b.Check(t.Context()); err != nil {
					t.Errorf("the books of %s: %v", b.code, err)
				}
			}
		})
	}
}

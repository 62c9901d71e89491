// Package corebanktest gives a reference bank what no sandbox has: an account with as many
// entries as a test wants. It writes them through the ledger, in pieces, beside a running
// bank: it needs only the bank's database.
package corebanktest

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Days is how many days up to today the entries of a long account are spread over: all of
// them can be read without a new SCA.
const Days = 85

// An Account is what LongAccount opened.
type Account struct{ ID, IBAN string }

// LongAccount opens a current account in EUR for a customer of a seeded bank and books so
// many entries on it, evenly over the last Days days. The account is called as long as it
// is: long-500000; a second of the same length is refused by the database.
func LongAccount(ctx context.Context, db *sqldb.DB, bank, customer string, entries int, today day.Day) (Account, error) {
	a := Account{ID: fmt.Sprintf("long-%d", entries)}
	h := fnv.New32a()
	h.Write([]byte(a.ID))
	number, err := iban.ReplaceChecksum(fmt.Sprintf("DE0076026000%010d", h.Sum32()))
	if err != nil {
		return a, err
	}
	a.IBAN = number
	book := ledger.Book{DB: db, Bank: bank}
	if err := db.Write(ctx, func(tx *sqldb.Tx) error {
		if err := book.Open(tx, ledger.Account{ID: a.ID, Kind: ledger.Customer, Currency: "EUR"}); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO corebank_account (bank, customer, id, position, iban, currency, type, product, pan)
			VALUES ($1, $2, $3, 1000, $4, 'EUR', 'CACC', 'Long account', '')`, bank, customer, a.ID, a.IBAN)
		return err
	}); err != nil {
		return a, fmt.Errorf("open %s: %w", a.ID, err)
	}
	const piece = 20 // postings of one transaction
	var postings []ledger.Posting
	for done := 0; done < entries; {
		n := min(entries-done, 999)
		booked := today.AddDays(-Days * (entries - done) / entries)
		postings = append(postings, posting(a.ID, booked, done, n))
		if done += n; len(postings) == piece || done == entries {
			if err := db.Write(ctx, func(tx *sqldb.Tx) error { return book.Extend(tx, postings) }); err != nil {
				return a, fmt.Errorf("fill %s: %w", a.ID, err)
			}
			postings = postings[:0]
		}
	}
	return a, nil
}

// posting books n entries: each tenth brings more than the nine after it take.
func posting(account string, booked day.Day, first, n int) ledger.Posting {
	p := ledger.Posting{ID: fmt.Sprintf("%s-%d", account, first), Booked: booked, At: booked.Start(time.UTC)}
	sum := int64(0)
	for i := first; i < first+n; i++ {
		l := ledger.Line{Account: account, Amount: money.Amount{Minor: -int64(100 + i*37%5000), Currency: "EUR"}, Details: ledger.Details{
			Reference: fmt.Sprintf("L%09d", i), Code: "PMNT-CCRD-POSD", PartyName: "Market Lipa Ljubljana", Text: "Nakup s kartico"}}
		if i%10 == 0 {
			l.Amount.Minor = 50000
			l.Details = ledger.Details{Reference: fmt.Sprintf("L%09d", i), EndToEnd: fmt.Sprintf("E2E-%d", i), Code: "PMNT-RCDT-ESCT",
				PartyName: "Mediana Sistemi d.o.o.", PartyIBAN: "SI56031001001300097", Text: "Izplačilo"}
		}
		sum += l.Amount.Minor
		p.Lines = append(p.Lines, l)
	}
	p.Lines = append(p.Lines, ledger.Line{Account: persona.ClearingID("EUR"), Amount: money.Amount{Minor: -sum, Currency: "EUR"}})
	return p
}

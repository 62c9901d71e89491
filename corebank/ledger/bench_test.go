package ledger_test

import (
	"io/fs"
	"strconv"
	"sync/atomic"
	"testing"

	"kontor/corebank/ledger"
	"kontor/corebank/schema"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// What a transfer costs beside the disk, many at a time.
func BenchmarkPost(b *testing.B) {
	for name, open := range map[string]func(testing.TB, ...fs.FS) *sqldb.DB{"SQLite": sqldbtest.SQLite, "PostgreSQL": sqldbtest.PostgreSQL} {
		b.Run(name, func(b *testing.B) {
			book := ledger.Book{DB: open(b, schema.FS), Bank: "lon"}
			if err := book.DB.Write(b.Context(), func(tx *sqldb.Tx) error {
				for i := range 1000 {
					if err := book.Open(tx, ledger.Account{ID: strconv.Itoa(i), Kind: ledger.Clearing, Currency: "EUR", CreditLimit: ledger.Unlimited}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := int(n.Add(1))
					posting := transfer(strconv.Itoa(i), strconv.Itoa(i*7%1000), strconv.Itoa((i*7+13)%1000), 100)
					if err := book.DB.Write(b.Context(), func(tx *sqldb.Tx) error { return book.Post(tx, posting) }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

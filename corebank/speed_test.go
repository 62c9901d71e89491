package corebank

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"kontor/connector/wire"
	"kontor/corebank/schema"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// How long an empty sandbox bank takes to be ready.
func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		db, err := sqldb.Open(b.Context(), filepath.Join(b.TempDir(), fmt.Sprint("bank", b.N, ".db")))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := New(b.Context(), Config{Code: "lon", DB: db, BaseURL: "http://127.0.0.1:8090/lon", Hub: &hub{}, Secret: []byte(rand.Text() + rand.Text()), Seed: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// What the hub's reads cost at the bank, without the wire.
func BenchmarkReads(b *testing.B) {
	read := func(name string, read func(c connector, token string) error) {
		b.Run(name, func(b *testing.B) {
			db := sqldbtest.SQLite(b, []fs.FS{schema.FS}...)
			bank, err := New(b.Context(), Config{Code: "lon", DB: db, BaseURL: "http://127.0.0.1:8090/lon", Hub: &hub{}, Secret: []byte(rand.Text() + rand.Text()), Seed: true})
			if err != nil {
				b.Fatal(err)
			}
			var id string
			if err := db.Write(b.Context(), func(tx *sqldb.Tx) (err error) {
				id, err = bank.addAccess(tx, access{Service: serviceAccounts, Customer: "1001", Granted: grant{All: true}})
				return err
			}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if err := read(connector{bank}, bank.token(id)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	read("accounts", func(c connector, token string) error {
		_, err := c.Accounts(b.Context(), token)
		return err
	})
	read("100 transactions", func(c connector, token string) error {
		page, err := c.Transactions(b.Context(), token, wire.TransactionsQuery{AccountID: "ana-current", FromDate: "2025-01-01"})
		if err == nil && len(page.Data) != pageSize {
			b.Fatalf("%d entries", len(page.Data))
		}
		return err
	})
}

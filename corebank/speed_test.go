package corebank

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
	"kontor/corebank/corebanktest"
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

// What a long report costs, over the wire and to its end, by the size of the pages.
func BenchmarkLongReport(b *testing.B) {
	const entries = 10_000
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	db := sqldbtest.SQLite(b, []fs.FS{schema.FS}...)
	bank, err := New(b.Context(), Config{Code: "lon", DB: db, BaseURL: "http://127.0.0.1:8090", Hub: &hub{}, HubKeys: []*rsa.PublicKey{&key.PublicKey},
		Secret: []byte(rand.Text() + rand.Text()), Seed: true})
	if err != nil {
		b.Fatal(err)
	}
	a, err := corebanktest.LongAccount(b.Context(), db, "lon", "1001", entries, bank.today())
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
	server := httptest.NewServer(bank.Handler())
	defer server.Close()
	b.ReportAllocs()
	for b.Loop() {
		q := wire.TransactionsQuery{SessionSecret: "s", AccountID: wire.String(a.ID), FromDate: "2020-01-01", ToDate: wire.String(bank.today().String())}
		for n := 0; n < entries; {
			signed, err := jws.Sign(key, q, time.Now().Add(time.Minute), wire.HubIssuer)
			if err != nil {
				b.Fatal(err)
			}
			r, _ := http.NewRequest("GET", server.URL+wire.ConnectorBase+"/accounts/"+a.ID+"/transactions", nil)
			r.Header.Set("Authorization", "Bearer "+signed)
			r.Header.Set("Client-Id", "7")
			r.Header.Set(wire.HeaderAccessToken, bank.token(id))
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 {
				b.Fatal(resp.StatusCode, err)
			}
			_, next, more := strings.Cut(string(body), `"next_id":"`)
			q.FromID = wire.String(strings.SplitN(next, `"`, 2)[0])
			n += strings.Count(string(body), `"status":"booked"`)
			if !more && n != entries {
				b.Fatalf("%d entries", n)
			}
		}
	}
}

package corebank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// The sandbox has two banks: what one sends, the other gets, once, whoever fails in between.
func eachPair(t *testing.T, test func(t *testing.T, w *world, isar *Bank)) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		w := &world{t: t, hub: &hub{last: map[string]wire.Event{}}, time: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		w.url = server.URL + "/lon"
		open := func(code, ibans string) *Bank {
			b, err := New(t.Context(), Config{
				Code: code, Name: "Bank " + code, DB: db, BaseURL: server.URL + "/" + code, Hub: w.hub, Secret: []byte(rand.Text() + rand.Text()), IBANs: ibans, BIC: "LONBSI2X",
				Seed: true, Outbox: true, Now: w.now, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
			})
			if err != nil {
				t.Fatal(err)
			}
			mux.Handle("/"+code+"/", b.Handler())
			return b
		}
		w.bank = open("lon", "SI39")
		isar := open("isar", "DE70990000")
		Join(w.bank, isar)
		w.c = connector{w.bank}
		for _, p := range w.bank.Personas() {
			for _, a := range p.Accounts {
				if ibanOf[p.Login] == "" {
					ibanOf[p.Login] = a.IBAN
				}
			}
		}
		test(t, w, isar)
		for _, b := range []*Bank{w.bank, isar} {
			if err := b.Check(context.Background()); err != nil {
				t.Errorf("the books of %s are wrong afterwards: %v", b.code, err)
			}
		}
	})
}

func TestSettlementBetweenBanks(t *testing.T) {
	eachPair(t, func(t *testing.T, w *world, isar *Bank) {
		shop := persona.Shop("isar", "", "DE70990000").Accounts[0].IBAN
		to := func(iban string) func(*wire.PaymentCreate) {
			return func(p *wire.PaymentCreate) {
				p.Payment.CreditorAccount.IBAN, p.Payment.CreditorName = wire.String(iban), "Shop"
			}
		}
		instant := func(p *wire.PaymentCreate) { p.PaymentProduct = productInstant }
		balance := func() int64 {
			a, err := isar.book.Account(t.Context(), "isar-shop")
			w.do(err)
			return a.Booked
		}
		clearing := func(b *Bank) int64 {
			a, err := b.book.Account(t.Context(), persona.ClearingID("EUR"))
			w.do(err)
			return a.Booked
		}
		ana, here, there := w.booked("ana-current"), clearing(w.bank), clearing(isar)
		for _, c := range []struct {
			name, iban string
			change     func(*wire.PaymentCreate)
			heard      string
			paid, got  int64
		}{
			{"a credit transfer", shop, func(*wire.PaymentCreate) {}, "update ACTC finalised funds, success, update ACSC, update ACCC", 1000, 1000},
			{"an instant one", shop, instant, "update ACTC finalised funds, success, update ACSP, update ACSC, update ACCC", 1000, 1000},
			{"to an account that is not there", "DE03709900000900100777", func(*wire.PaymentCreate) {}, "update ACTC finalised funds, success, update ACSC, update ACSC", 0, 0},
			{"to one that is closed, instantly", persona.ClosedIBAN("DE70990000"), instant, "update ACTC finalised funds, success, update ACSP, update RJCT PaymentNotExecuted", 0, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				before, had := w.booked("ana-current"), balance()
				held := w.held("ana-current")
				if c.name == "to an account that is not there" {
					c.iban = unknownIBAN(t)
				}
				w.do(w.c.StartPayment(t.Context(), w.order("10.00", to(c.iban), c.change)))
				w.hub.events = nil
				w.approve("ana")
				if w.hub.heard() != c.heard {
					t.Error(w.hub.heard())
				}
				if paid, got := before-w.booked("ana-current"), balance()-had; paid != c.paid || got != c.got || w.held("ana-current") != held {
					t.Errorf("%d paid, %d got, %d held", paid, got, w.held("ana-current")-held)
				}
			})
		}
		if e := w.entries("ana-current", 1)[0]; !strings.HasPrefix(e.Text, "Return AC01") || e.Amount.Minor != 1000 {
			t.Errorf("%+v", e)
		}
		if moved := ana - w.booked("ana-current"); clearing(w.bank) != here+moved || clearing(isar) != there-moved || moved != 2000 {
			t.Errorf("%d moved; clearing: %d here, %d there", moved, clearing(w.bank)-here, clearing(isar)-there)
		}
		e, err := isar.book.Entries(t.Context(), "isar-shop", day.New(2026, 11, 20), day.New(2026, 11, 20), ledger.Position{}, 1)
		w.do(err)
		if e[0].PartyName != "Ana Novak" || e[0].PartyIBAN != ibanOf["ana"] || !strings.Contains(e[0].More, "LONBSI2X") {
			t.Errorf("%+v", e[0])
		}
		t.Run("payments of a bulk that come back leave it settled", func(t *testing.T) {
			for _, c := range []struct{ name, heard, told, third string }{
				{"all others arrive", "update ACSP, update ACSC, update ACSC", "ACSC map[other_payments:ACSC payments:[map[end_to_end_identification:E-2 index:1 reason:AC01 status:ACSC]]]", shop},
				{"one was refused from the beginning", "update ACSP, update PART, update PART",
					"PART map[other_payments:ACSC payments:[map[end_to_end_identification:E-2 index:1 reason:AC01 status:ACSC] map[end_to_end_identification:E-3 index:2 reason:AC01 status:RJCT]]]", "DE00"},
			} {
				order := w.bulk(true, one(1, "1.50", shop), one(2, "2.25", unknownIBAN(t)), one(3, "1.00", c.third))
				w.do(w.c.StartPayment(t.Context(), order))
				w.hub.events = nil
				w.approve("ana")
				e := w.hub.last["update"]
				asked := w.status(order.SessionSecret)
				if got := fmt.Sprint(e.Status, " ", e.Extra); !strings.HasSuffix(w.hub.heard(), c.heard) || got != c.told || fmt.Sprint(asked.Status, " ", asked.Extra) != c.told {
					t.Errorf("%s: %s; %s; asked: %v", c.name, w.hub.heard(), got, asked.Extra)
				}
			}
		})
		t.Run("whoever fails in between, it arrives once", func(t *testing.T) {
			had := balance()
			w.bank.joined = nil // the other bank is away
			for _, change := range []func(*wire.PaymentCreate){func(*wire.PaymentCreate) {}, instant} {
				Join(w.bank, isar)
				w.bank.joined = []*Bank{{code: "isar", ibans: isar.ibans, db: closed(t), now: w.now}}
				w.do(w.c.StartPayment(t.Context(), w.order("10.00", to(shop), change)))
				w.approve("ana")
			}
			if balance() != had {
				t.Fatal("the other bank was not away")
			}
			// It comes back, and credits; but its answer is lost with the process that asked.
			rows := w.waiting()
			for _, o := range rows {
				if reason, err := isar.receive(t.Context(), "lon", o); reason != "" || err != nil {
					t.Fatal(reason, err)
				}
			}
			Join(w.bank, isar)
			w.pass(time.Hour)
			for range 3 {
				w.do(w.bank.work(t.Context(), false))
			}
			if len(rows) != 2 || balance() != had+2000 || len(w.waiting()) != 0 || !strings.HasSuffix(w.hub.heard(), "ACCC") {
				t.Errorf("%d were sent, %d arrived; %s", len(rows), balance()-had, w.hub.heard())
			}
		})
	})
}

// unknownIBAN is in the range of a bank that has no such account.
func unknownIBAN(t *testing.T) string {
	t.Helper()
	number, err := iban.ReplaceChecksum("DE00709900000900100777")
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// waiting lists what the bank has still to hand over.
func (w *world) waiting() []outgoing {
	w.t.Helper()
	rows, err := w.bank.db.Query(w.t.Context(), `SELECT body FROM corebank_transfer WHERE bank = 'lon' AND state = 'waiting' ORDER BY id`)
	w.do(err)
	defer rows.Close()
	var all []outgoing
	for rows.Next() {
		var body string
		var o outgoing
		w.do(rows.Scan(&body))
		w.do(json.Unmarshal([]byte(body), &o))
		all = append(all, o)
	}
	return all
}

// closed is a database that takes nothing any more.
func closed(t *testing.T) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+t.TempDir()+"/closed.db")
	if err != nil {
		t.Fatal(err)
	}
	return db // without tables every write fails
}

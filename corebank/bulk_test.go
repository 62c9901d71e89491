package corebank

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
)

func (w *world) bulk(batch bool, payments ...wire.Payment) wire.PaymentCreate {
	return w.order("", func(p *wire.PaymentCreate) {
		p.PaymentService, p.Bulk = serviceBulk, &wire.Bulk{DebtorAccount: p.Payment.DebtorAccount, BatchBookingPreferred: &batch, Payments: payments}
		p.Payment = wire.Payment{}
	})
}

func one(n int, amount, iban string) wire.Payment {
	return wire.Payment{EndToEndIdentification: wire.String(fmt.Sprintf("E-%d", n)), CreditorName: wire.String(fmt.Sprintf("Payee %d", n)), CreditorAccount: wire.Account{IBAN: wire.String(iban)},
		InstructedAmount: wire.Amount{Amount: wire.String(amount), Currency: "EUR"}}
}

func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		t.Run("single entries", func(t *testing.T) {
			ana, luka := w.booked("ana-current"), w.booked("luka-current")
			order := w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere), one(3, "3.00", ibanOf["luka"]))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("Approve payments", "6.75 EUR", `<dd class="count">3</dd>`, "Payee 1", "Payee 2", "one for each", "computed over amount, currency and payee")
			w.hub.events = nil
			w.approve("ana")
			if w.hub.heard() != "update ACTC finalised funds, success, update ACSP, update ACSC" {
				t.Error(w.hub.heard())
			}
			if ana-w.booked("ana-current") != 675 || w.booked("luka-current")-luka != 450 || w.held("ana-current") != 2315+890 {
				t.Error(ana-w.booked("ana-current"), w.booked("luka-current")-luka, w.held("ana-current"))
			}
			if e := w.entries("ana-current", 3); e[0].PartyName != "Payee 3" || e[2].Amount.Minor != -150 || e[1].EndToEnd != "E-2" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("one entry for all, and what cannot be executed is told", func(t *testing.T) {
			ana := w.booked("ana-current")
			order := w.bulk(true, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", "DE00"), one(3, "0.00", elsewhere), one(4, "4.00", elsewhere), one(5, "5.00", ibanOf["ana"]))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("5.50 EUR", `<dd class="count">2</dd>`, "3, because something is wrong with them", "one for all")
			w.approve("ana")
			e := w.status(order.SessionSecret)
			if fmt.Sprint(e.Extra["payments"]) != "[map[end_to_end_identification:E-2 index:1 reason:AC01 status:RJCT] map[end_to_end_identification:E-3 index:2 reason:AM01 status:RJCT] map[end_to_end_identification:E-5 index:4 reason:AC02 status:RJCT]]" || e.Status != "PART" {
				t.Errorf("%+v", e)
			}
			entry := w.entries("ana-current", 1)[0]
			parts := 0
			for word := range entry.Words() {
				if word == ledger.Part {
					parts++
				}
			}
			if ana-w.booked("ana-current") != 550 || entry.Amount.Minor != -550 || parts != 2 || w.booked(persona.BatchID("EUR")) != 0 {
				t.Errorf("%+v", entry)
			}
		})
		t.Run("as much is told as a header has room for", func(t *testing.T) {
			payments := []wire.Payment{one(0, "1.00", elsewhere)}
			for n := range 3000 {
				payments = append(payments, one(n, "0.00", elsewhere))
			}
			order := w.bulk(true, payments...)
			w.do(w.c.StartPayment(t.Context(), order))
			w.approve("ana")
			e := w.status(order.SessionSecret)
			text, err := json.Marshal(e)
			w.do(err)
			if n := len(e.Extra["payments"].([]any)); n < 100 || len(text) > 40<<10 || e.Extra["other_payments"] != "PART" {
				t.Errorf("%d told in %d bytes; of the others %v", n, len(text), e.Extra["other_payments"])
			}
		})
		t.Run("nothing of it can be executed", func(t *testing.T) {
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.bulk(true, one(1, "0.00", elsewhere), one(2, "1", "DE00"))))
			if w.hub.heard() != "fail RJCT InvalidAttributeValue" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("more than there is", func(t *testing.T) {
			order := w.bulk(true, one(1, "9000000.00", elsewhere), one(2, "9000000.00", elsewhere))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").submit("approve").sees("It could not be done")
			if w.status(order.SessionSecret).Status != "RJCT" {
				t.Error(w.status(order.SessionSecret))
			}
		})
		t.Run("dated ahead", func(t *testing.T) {
			ana, held := w.booked("ana-current"), w.held("ana-current")
			order := w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere))
			order.Bulk.RequestedExecutionDate = "2026-11-22" // a Sunday
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("2026-11-23")
			w.approve("ana")
			if w.booked("ana-current") != ana || w.held("ana-current") != held+375 || w.status(order.SessionSecret).Status != "ACTC" {
				t.Error(w.status(order.SessionSecret), w.held("ana-current")-held)
			}
			w.pass(3 * 24 * time.Hour)
			w.do(w.bank.executeDue(t.Context()))
			if w.booked("ana-current") != ana-375 || w.held("ana-current") != held || w.status(order.SessionSecret).Status != "ACSC" {
				t.Error(w.status(order.SessionSecret), w.held("ana-current")-held)
			}
		})
	})
}

// Ten thousand payments, and a worker that dies again and again on the way: each is booked once.
func TestLargeBulkSurvivesCrashes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, batch := range []bool{false, true} {
			n := map[bool]int{false: bulkMax, true: 1100}[batch]
			payments := make([]wire.Payment, n)
			for i := range payments {
				payments[i] = one(i, "0.01", elsewhere)
			}
			ana, clearing := w.booked("ana-current"), w.booked(persona.ClearingID("EUR"))
			order := w.bulk(batch, payments...)
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees(fmt.Sprintf("%d.00 EUR", n/100), fmt.Sprint(n), w.bank.textsTo("en").Fill("payment.more", n-itemsShown))
			w.approve("ana")
			rounds := 0
			for w.status(order.SessionSecret).Status == "ACSP" {
				if rounds++; rounds > 100 {
					t.Fatal("no end")
				}
				// Each round dies at another place.
				dying, die := context.WithCancel(t.Context())
				go func() { time.Sleep(time.Duration(rounds*50) * time.Millisecond); die() }()
				var both [2]error
				done := make(chan struct{})
				go func() { both[0] = w.bank.executeDue(dying); close(done) }() // two processes at once
				both[1] = w.bank.executeDue(dying)
				<-done
				die()
			}
			if ana-w.booked("ana-current") != int64(n) || w.booked(persona.ClearingID("EUR"))-clearing != int64(n) || w.status(order.SessionSecret).Status != "ACSC" || batch && w.booked(persona.BatchID("EUR")) != 0 {
				t.Errorf("%d paid, %d arrived, %+v", ana-w.booked("ana-current"), w.booked(persona.ClearingID("EUR"))-clearing, w.status(order.SessionSecret))
			}
			t.Logf("%d rounds", rounds)
		}
	})
}

// Whatever is changed between the approval and the code, the code approves nothing.
func TestCodeIsBoundToAllOfABulkOrSeries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		bulk := func() wire.PaymentCreate {
			return w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere))
		}
		series := func() wire.PaymentCreate {
			return w.periodic("5.00", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Monthly"})
		}
		for _, c := range []struct {
			name, statement string
			order           wire.PaymentCreate
		}{
			{"an amount of a bulk", `UPDATE corebank_payment_item SET amount = 9999 WHERE n = 1 AND payment = $1`, bulk()},
			{"a payee of a bulk", `UPDATE corebank_payment_item SET creditor_iban = 'DE02120300000000202051' WHERE n = 1 AND payment = $1`, bulk()},
			{"a payee's name", `UPDATE corebank_payment_item SET creditor_name = 'Somebody' WHERE n = 0 AND payment = $1`, bulk()},
			{"a currency", `UPDATE corebank_payment_item SET currency = 'RON' WHERE n = 0 AND payment = $1`, bulk()},
			{"one less", `DELETE FROM corebank_payment_item WHERE n = 0 AND payment = $1`, bulk()},
			{"the plan of a series", `UPDATE corebank_payment SET plan = '{"start":"2026-11-24","end":"","frequency":"Daily","rule":"following","day":0}' WHERE id = $1`, series()},
			{"the payee of a series", `UPDATE corebank_payment SET creditor_name = 'Somebody' WHERE id = $1`, series()},
		} {
			t.Run(c.name, func(t *testing.T) {
				w.do(w.bank.Unlock(t.Context(), "ana")) // five wrong codes in a row would lock her methods
				w.do(w.c.StartPayment(t.Context(), c.order))
				b := w.browser().open(w.page()).logIn("ana").submit("approve")
				right := w.code("ana")
				if n, err := w.bank.db.Exec(t.Context(), c.statement, b.at[strings.LastIndex(b.at, "/")+1:]); err != nil || n != 1 {
					t.Fatal(n, err)
				}
				b.submit("confirm", "code", right).sees("That is not the code")
			})
		}
		if w.booked("ana-current") != before || w.held("ana-current") != 2315+890 {
			t.Error("money moved")
		}
	})
}

package corebank

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

func (w *world) periodic(amount string, due wire.PeriodicDue, change ...func(*wire.PaymentCreate)) wire.PaymentCreate {
	return w.order(amount, append([]func(*wire.PaymentCreate){func(p *wire.PaymentCreate) { p.PaymentService, p.Periodic = servicePeriodic, &due }}, change...)...)
}

func TestPeriodicPayment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		order := w.periodic("25.00", wire.PeriodicDue{StartDate: "2026-11-30", EndDate: "2027-02-28", Frequency: "Monthly", DayOfExecution: "31", ExecutionRule: "preceding"})
		w.do(w.c.StartPayment(t.Context(), order))
		w.browser().open(w.page()).logIn("ana").sees("Approve a standing order", "25.00 EUR", "2026-11-30", "2026-12-31", "2027-01-29", "2027-02-26", "every month", "2027-02-28", "the business day before")
		w.hub.events = nil
		w.approve("ana")
		if w.hub.heard() != "update ACTC finalised funds, success, update ACSP" {
			t.Error(w.hub.heard())
		}
		access := w.give("ana", everything())
		orders, err := w.c.StandingOrders(t.Context(), access, "ana-current")
		w.do(err)
		found := false
		for _, o := range orders {
			if s := o.Extra.StandingOrder; o.Amount == "-25.00" && s.Frequency == "Monthly" && s.DayOfExecution == "31" && s.EndDate == "2027-02-28" && s.ExecutionRule == "preceding" {
				found = true
			}
		}
		if !found {
			t.Errorf("the series is none of the standing orders: %+v", orders)
		}
		for range 110 { // days
			for range 2 {
				w.do(w.bank.executeDue(t.Context()))
			}
			w.pass(24 * time.Hour)
		}
		if got := w.booked("ana-current"); got != before-4*2500 {
			t.Errorf("%d were paid", before-got)
		}
		var days []string
		for _, e := range w.entries("ana-current", 4) {
			days = append(days, e.Booked)
		}
		if strings.Join(days, " ") != "2027-02-26 2027-01-29 2026-12-31 2026-11-30" {
			t.Error(days)
		}
		if e := w.status(order.SessionSecret); e.Status != "ACSC" {
			t.Errorf("%+v", e)
		}
	})
}

func TestInstantInstalmentsAreOfEveryDay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pass(24 * time.Hour) // to a Saturday
		before := w.booked("ana-current")
		order := w.periodic("25.00", wire.PeriodicDue{StartDate: "2026-11-21", EndDate: "2026-11-22", Frequency: "Daily"}, func(p *wire.PaymentCreate) { p.PaymentProduct = productInstant })
		w.do(w.c.StartPayment(t.Context(), order))
		w.browser().open(w.page()).logIn("ana").sees("2026-11-21", "2026-11-22", "that very day")
		w.approve("ana")
		if got := w.booked("ana-current"); got != before-2500 {
			t.Errorf("%d were paid on Saturday", before-got)
		}
		w.pass(24 * time.Hour)
		w.do(w.bank.executeDue(t.Context()))
		if got := w.booked("ana-current"); got != before-2*2500 || w.status(order.SessionSecret).Status != "ACSC" {
			t.Errorf("%d were paid by Sunday, %+v", before-got, w.status(order.SessionSecret))
		}
	})
}

func TestInstalmentWithoutCoverIsSkipped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, err := w.bank.book.Account(t.Context(), "ana-current")
		w.do(err)
		each := a.Spendable()*2/3 + 1 // the second cannot be paid
		order := w.periodic(fmt.Sprintf("%d.%02d", each/100, each%100), wire.PeriodicDue{StartDate: "2026-11-23", EndDate: "2026-11-25", Frequency: "Daily"})
		w.do(w.c.StartPayment(t.Context(), order))
		w.approve("ana")
		w.pass(10 * 24 * time.Hour) // the bank was away meanwhile
		w.do(w.bank.executeDue(t.Context()))
		if got := w.booked("ana-current"); got != a.Booked-each {
			t.Errorf("%d were paid, one is %d", a.Booked-got, each)
		}
		var booked, skipped int
		w.do(w.bank.db.QueryRow(t.Context(), `SELECT COALESCE(SUM(CASE state WHEN 'booked' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN state = 'skipped' AND reason = 'AM04' THEN 1 ELSE 0 END), 0) FROM corebank_instalment`).Scan(&booked, &skipped))
		if booked != 1 || skipped != 2 || w.status(order.SessionSecret).Status != "ACSC" {
			t.Errorf("%d booked, %d skipped, %s", booked, skipped, w.status(order.SessionSecret).Status)
		}
	})
}

func (w *world) cancel(paid wire.PaymentCreate) wire.PaymentCancel {
	r := wire.PaymentCancel{SessionSecret: wire.String(rand.Text()), ProviderCode: "lon", PaymentSession: paid.SessionSecret, PaymentIdentification: 1, AppName: "Zlatka Pay", RedirectURL: hubReturn}
	w.hub.events = nil
	w.do(w.c.CancelPayment(w.t.Context(), r))
	return r
}

func TestCancellation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before, held := w.booked("ana-current"), w.held("ana-current")
		dated := func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-23" }
		t.Run("nobody approved it: at once", func(t *testing.T) {
			order := w.order("50.00")
			w.do(w.c.StartPayment(t.Context(), order))
			page := w.page()
			r := w.cancel(order)
			w.do(w.c.CancelPayment(t.Context(), r)) // repeated
			if w.hub.heard() != "update CANC exempted, success, fail CANC PaymentCancelled" || w.status(order.SessionSecret).Status != "CANC" {
				t.Error(w.hub.heard(), w.status(order.SessionSecret))
			}
			w.browser().open(page).sees("It could not be done")
		})
		t.Run("dated ahead: the customer cancels it", func(t *testing.T) {
			order := w.order("50.00", dated)
			w.do(w.c.StartPayment(t.Context(), order))
			w.approve("ana")
			w.cancel(order)
			if w.hub.heard() != "update received" {
				t.Error(w.hub.heard())
			}
			b := w.browser().open(w.page()).logIn("ana").sees("Cancel a payment", "50.00 EUR", "Luka Zupan", "2026-11-23")
			b.submit("approve").sees("only good for cancelling").submit("confirm", "code", w.code("ana")).sees("Done")
			if w.hub.heard() != "update received, update CANC finalised, success, update CANC" || w.held("ana-current") != held || w.status(order.SessionSecret).Status != "CANC" {
				t.Error(w.hub.heard(), w.held("ana-current")-held)
			}
		})
		t.Run("another customer cannot", func(t *testing.T) {
			order := w.order("50.00", dated)
			w.do(w.c.StartPayment(t.Context(), order))
			w.approve("ana")
			w.cancel(order)
			w.browser().open(w.page()).logIn("luka").sees("not yours")
			w.browser().open(w.page()).logIn("ana").submit("refuse").sees("You refused")
			if w.hub.heard() != "update received, fail AccessDenied" || w.held("ana-current") != held+5000 || w.status(order.SessionSecret).Status != "ACTC" {
				t.Error(w.hub.heard(), w.held("ana-current")-held)
			}
			w.cancel(order) // and once more
			w.approve("ana")
		})
		t.Run("nothing is executed while it is being cancelled", func(t *testing.T) {
			order := w.order("60.00", dated)
			w.do(w.c.StartPayment(t.Context(), order))
			w.approve("ana")
			w.pass(3*24*time.Hour - 10*time.Minute)
			w.cancel(order)
			w.pass(10 * time.Minute)
			w.do(w.bank.executeDue(t.Context()))
			if w.booked("ana-current") != before {
				t.Error("executed")
			}
			page := w.page()
			w.cancel(order) // the newest counts
			if w.hub.heard() != "update received, fail CancellationReplaced" {
				t.Error(w.hub.heard())
			}
			w.browser().open(page).sees("It could not be done")
			w.pass(journeyFor)
			w.do(w.bank.executeDue(t.Context()))
			if w.booked("ana-current") != before-6000 {
				t.Error("not executed although nobody cancelled it")
			}
			w.cancel(order)
			if w.hub.heard() != "fail CancellationInvalid" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("a payment nobody knows", func(t *testing.T) {
			if err := w.c.CancelPayment(t.Context(), wire.PaymentCancel{SessionSecret: "c-1", PaymentSession: "nothing", RedirectURL: hubReturn}); !errors.Is(err, sdk.ErrPaymentUnknown) {
				t.Error(err)
			}
		})
		t.Run("of a series, what is to come", func(t *testing.T) {
			before := w.booked("ana-current")
			order := w.periodic("5.00", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Daily"})
			w.do(w.c.StartPayment(t.Context(), order))
			w.approve("ana")
			w.pass(24 * time.Hour)
			w.do(w.bank.executeDue(t.Context()))
			w.cancel(order)
			w.browser().open(w.page()).logIn("ana").sees("what was paid stays paid", "2026-11-25")
			w.approve("ana")
			w.pass(10 * 24 * time.Hour)
			w.do(w.bank.executeDue(t.Context()))
			if got := w.booked("ana-current"); got != before-500 || w.status(order.SessionSecret).Status != "CANC" {
				t.Error(before - got)
			}
		})
	})
}

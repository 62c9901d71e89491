package coretest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"kontor/bank/core"
	"kontor/kit/money"
)

func (w *world) order(session string) core.PaymentOrder {
	return core.PaymentOrder{
		Session: session, PaymentID: "payment-" + session, TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/1",
		Product: "sepa-credit-transfers", PSU: core.PSUContext{IPAddress: "192.0.2.7"},
		Payment: core.Payment{
			DebtorAccount: w.Account, Amount: w.Affordable, CreditorName: "Zavod Zimzelen", Remittance: "Račun 17/2026",
			CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, CreditorAddress: &core.Address{TownName: "Maribor", Country: "SI"},
		},
	}
}

func (w *world) cancellation(session, of string) core.Cancellation {
	return core.Cancellation{
		Session: session, PaymentSession: of, PaymentID: "payment-" + of, TPP: "PSDDE-BAFIN-12345", AppName: "Saldo",
		ReturnURL: "https://hub.example/return/2", PSU: core.PSUContext{IPAddress: "192.0.2.7"},
	}
}

// decide leads the PSU through session, to its one end.
func (w *world) decide(session string, u *core.Update, yes bool) {
	w.t.Helper()
	w.page(session, u)
	w.Decide(w.t, session, yes)
	w.wait("the end of "+session, func() bool { return w.Ended(session) })
	if s, f := len(w.Successes(session)), len(w.Fails(session)); s+f != 1 || s == 1 != yes {
		w.t.Errorf("%s ended with %d successes and %d fails", session, s, f)
	}
}

// later hands over a payment that is made on a day to come, and approves it.
func (w *world) later(session string) {
	w.t.Helper()
	p := w.order(session)
	p.RequestedExecutionDate = w.Later
	u, err := w.Bank.StartPayment(w.ctx, p)
	w.must(err)
	w.decide(session, u, true)
}

func payment(_ *testing.T, w *world) {
	u, err := w.Bank.StartPayment(w.ctx, w.order("p1"))
	w.must(err)
	w.decide("p1", u, true)
}

func paymentRefused(_ *testing.T, w *world) {
	u, err := w.Bank.StartPayment(w.ctx, w.order("p1"))
	w.must(err)
	w.decide("p1", u, false)
}

// service hands over p, of a service that not every bank has. A connector that declares more
// than it has refuses.
func (w *world) service(o Offer, p core.PaymentOrder) {
	w.t.Helper()
	u, err := w.Bank.StartPayment(w.ctx, p)
	if !slices.Contains(w.Offers, o) {
		if !errors.Is(err, core.ErrNotOffered) && !errors.Is(err, core.ErrRefused) {
			w.t.Errorf("got %v", err)
		}
		return
	}
	w.must(err)
	w.decide(p.Session, u, true)
}

func bulkPayments(_ *testing.T, w *world) {
	const several = 25 // too long for a header
	p := w.order("p1")
	bulk := &core.Bulk{DebtorAccount: w.Account, DebtorName: "Ana Novak", PaymentInformationID: "PLAČE-11"}
	for i := range several {
		one := p.Payment
		one.DebtorAccount, one.EndToEndID = core.AccountReference{}, fmt.Sprintf("E2E-%04d", i)
		one.Amount = money.Amount{Minor: int64(i + 1), Currency: w.Affordable.Currency}
		bulk.Payments = append(bulk.Payments, one)
	}
	p.Service, p.Payment, p.Bulk = "bulk-payments", core.Payment{}, bulk
	w.service(Bulks, p)
	p = w.order("p2")
	p.Service, p.Payment, p.Bulk = "bulk-payments", core.Payment{}, &core.Bulk{DebtorAccount: w.Account, Payments: bulk.Payments[:1]}
	w.service(Bulks, p)
}

func periodicPayments(_ *testing.T, w *world) {
	p := w.order("p1")
	p.Service, p.Periodic = "periodic-payments", &core.Periodic{StartDate: w.Later, EndDate: w.Later.AddDays(100), Frequency: "Monthly", DayOfExecution: "5", ExecutionRule: "following"}
	w.service(Periodics, p)
}

func cancelled(_ *testing.T, w *world) {
	w.later("p1")
	r := w.cancellation("c1", "p1")
	u, err := w.Bank.CancelPayment(w.ctx, r)
	if !w.offered(Cancellations, err) {
		return
	}
	_, err = w.Bank.CancelPayment(w.ctx, r) // a repetition is still one session
	w.must(err)
	w.decide("c1", u, true)
	_, err = w.Bank.CancelPayment(w.ctx, w.cancellation("c2", "never"))
	w.is(err, core.ErrPaymentUnknown)
}

func cancellationRefused(_ *testing.T, w *world) {
	w.later("p1")
	u, err := w.Bank.CancelPayment(w.ctx, w.cancellation("c1", "p1"))
	if !w.offered(Cancellations, err) {
		return
	}
	w.decide("c1", u, false)
	u, err = w.Bank.CancelPayment(w.ctx, w.cancellation("c2", "p1")) // she may think again
	w.must(err)
	w.decide("c2", u, true)
}

func found(t *testing.T, w *world) {
	w.later("p1")
	u, err := w.Bank.PaymentStatus(w.ctx, "p1", "payment-p1")
	if !w.offered(PaymentStatus, err) {
		return
	}
	if u == nil || u.Session != "p1" || u.Status == "" && u.SCAStatus == "" {
		t.Errorf("got %+v", u)
	}
	if len(w.Successes("p1")) != 1 {
		t.Error("the question was taken for a report")
	}
}

func tooLate(_ *testing.T, w *world) {
	_, err := w.Bank.PaymentStatus(w.ctx, "p1", "payment-p1")
	if !slices.Contains(w.Offers, PaymentStatus) {
		w.is(err, core.ErrNotOffered)
		return
	}
	w.is(err, core.ErrPaymentUnknown)
	_, err = w.Bank.StartPayment(w.ctx, w.order("p1"))
	w.is(err, core.ErrRefused)
	_, err = w.Bank.PaymentStatus(w.ctx, "p1", "payment-p1")
	w.is(err, core.ErrPaymentUnknown)
}

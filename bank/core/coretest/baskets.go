package coretest

import (
	"fmt"
	"slices"
	"testing"

	"kontor/bank/core"
)

// basket has two payments p1 and p2 and an access a1, as members that leave to the basket
// what it says for all of them.
func (w *world) basket(session string) core.BasketOrder {
	b := core.BasketOrder{
		Session: session, BasketID: "basket-" + session, TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/1",
		PSU: core.PSUContext{IPAddress: "192.0.2.7"},
	}
	for _, member := range []string{"p1", "p2"} {
		p := w.order(member)
		p.AppName, p.ReturnURL, p.PSU, p.EndToEndID = "", "", core.PSUContext{}, "E2E-"+member
		b.Payments = append(b.Payments, p)
	}
	a := w.request("a1")
	a.AppName, a.ReturnURL, a.PSU = "", "", core.PSUContext{}
	b.Accesses = append(b.Accesses, a)
	return b
}

func (w *world) startBasket(b core.BasketOrder) (u *core.Update, offered bool) {
	w.t.Helper()
	u, err := w.Bank.StartBasket(w.ctx, b)
	return u, w.offered(Baskets, err)
}

func basket(t *testing.T, w *world) {
	b := w.basket("b1")
	for i := range 25 { // together too long for a header
		p := b.Payments[0]
		p.Session = fmt.Sprintf("m%d", i)
		p.PaymentID, p.EndToEndID = "payment-"+p.Session, "E2E-"+p.Session
		p.Amount.Minor = int64(i + 1)
		b.Payments = append(b.Payments, p)
	}
	u, ok := w.startBasket(b)
	if !ok {
		return
	}
	_, err := w.Bank.StartBasket(w.ctx, b) // a repetition is still one session
	w.must(err)
	w.decide("b1", u, true)
	for _, p := range b.Payments {
		w.wait("success of "+p.Session, func() bool { return w.Ended(p.Session) })
		if s := w.Successes(p.Session); len(s) != 1 || s[0].UserID == "" {
			t.Errorf("payment %s: got %+v; want one success that names the PSU", p.Session, s)
		}
	}
	w.wait("success of a1", func() bool { return w.Ended("a1") })
	s := w.Successes("a1")
	if len(s) != 1 || s[0].Token == "" {
		t.Fatalf("access: got %+v; want one success with a token", s)
	}
	w.account(core.Access{Session: "a1", Token: s[0].Token, ConsentID: "consent-a1", TPP: "PSDDE-BAFIN-12345", PSU: core.PSUContext{IPAddress: "192.0.2.7"}})
}

func basketRefused(t *testing.T, w *world) {
	u, ok := w.startBasket(w.basket("b1"))
	if !ok {
		return
	}
	w.decide("b1", u, false)
	for _, member := range []string{"p1", "p2", "a1"} {
		if s := w.Successes(member); len(s) != 0 {
			t.Errorf("%s: got %+v", member, s)
		}
	}
}

func basketFound(t *testing.T, w *world) {
	if !slices.Contains(w.Offers, PaymentStatus) {
		return
	}
	b := w.basket("b1")
	if _, ok := w.startBasket(b); !ok {
		return
	}
	u, err := w.Bank.PaymentStatus(w.ctx, "p1", "payment-p1")
	w.must(err)
	if u == nil || u.Session != "p1" || u.Status == "" && u.SCAStatus == "" {
		t.Errorf("got %+v", u)
	}
	// A payment that the bank says it never got does not come in by a basket either.
	_, err = w.Bank.PaymentStatus(w.ctx, "late", "payment-late")
	w.is(err, core.ErrPaymentUnknown)
	b = w.basket("b2")
	b.Payments = b.Payments[:1]
	b.Payments[0].Session, b.Payments[0].PaymentID, b.Accesses = "late", "payment-late", nil
	_, err = w.Bank.StartBasket(w.ctx, b)
	w.is(err, core.ErrRefused)
}

package corebank

import (
	"strings"
	"testing"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

// fromSofia is a payment of a customer whose phone can be asked.
func (w *world) fromSofia(amount string, sca wire.SCA) wire.PaymentCreate {
	return w.order(amount, func(p *wire.PaymentCreate) {
		p.SCA, p.Payment.DebtorAccount = sca, &wire.Account{IBAN: wire.String(ibanOf["sofia"]), Currency: "EUR"}
	})
}

// asks logs in with the phone of login.
func (w *world) asks(login string) *browser {
	w.t.Helper()
	return w.browser().open(w.url + "/phone").logIn(login)
}

func TestDecoupled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("a payment is approved by what the phone shows", func(t *testing.T) {
			before := w.booked("sofia-eur")
			r := w.fromSofia("42.50", onPhone("sofia"))
			w.do(w.c.StartPayment(ctx, r))
			w.do(w.c.StartPayment(ctx, r))
			if e := w.hub.last["update"]; e.RedirectURL != "" || e.SCAApproach != approachDecoupled || e.SCAStatus != "started" || e.Extra["psu_message"] == "" {
				t.Fatalf("%+v", e)
			}
			w.do(w.bank.work(ctx, false))
			w.do(w.bank.work(ctx, false))
			if e := w.status(r.SessionSecret); e.SCAStatus != "started" || e.UserID != "" || e.RedirectURL != "" {
				t.Errorf("%+v", e)
			}
			b := w.asks("sofia").sees("42,50 EUR", "Luka Zupan", spaced(ibanOf["luka"]), "Zlatka Pay", spaced(ibanOf["sofia"]))
			b.submit("approve")
			if got := w.hub.of(r.SessionSecret); got != "update RCVD started, update ACTC finalised funds, success, update ACSC" {
				t.Error(got)
			}
			if got := w.booked("sofia-eur"); got != before-4250 {
				t.Error(before - got)
			}
		})
		t.Run("a payment is refused", func(t *testing.T) {
			r := w.fromSofia("43.00", onPhone("sofia"))
			w.do(w.c.StartPayment(ctx, r))
			w.do(w.bank.work(ctx, false))
			w.asks("sofia").sees("43,00 EUR").submit("refuse")
			if got := w.hub.of(r.SessionSecret); got != "update RCVD started, fail RJCT AccessDenied" {
				t.Error(got)
			}
		})
		t.Run("a basket shows each of its members", func(t *testing.T) {
			named := []wire.Account{{IBAN: wire.String(ibanOf["sofia"]), Currency: "EUR"}}
			r := w.basket(w.fromSofia("3.10", wire.SCA{}), w.fromSofia("4.20", wire.SCA{}), wire.Access{Balances: &named})
			r.SCA = onPhone("sofia")
			w.do(w.c.StartBasket(ctx, r))
			w.do(w.bank.work(ctx, false))
			w.asks("sofia").sees("3,10 EUR", "4,20 EUR", "7,30 EUR", spaced(ibanOf["luka"]), "31.01.2027").submit("approve")
			if got := w.hub.of(r.SessionSecret); got != "update RCVD started, update finalised, success" {
				t.Error(got)
			}
		})
		t.Run("a phone is not flooded", func(t *testing.T) {
			for range 2 * phoneMax {
				w.do(w.c.StartPayment(ctx, w.fromSofia("44.00", onPhone("sofia"))))
			}
			w.do(w.bank.work(ctx, false))
			if n := strings.Count(w.asks("sofia").body, `value="approve"`); n != phoneMax {
				t.Errorf("%d things are asked", n)
			}
			w.pass(journeyFor)
		})
		t.Run("what nobody approves in time is not done", func(t *testing.T) {
			before := w.booked("sofia-eur")
			r := w.fromSofia("45.00", onPhone("sofia"))
			w.do(w.c.StartPayment(ctx, r))
			w.do(w.bank.work(ctx, false))
			b := w.asks("sofia").sees("45,00 EUR")
			w.pass(journeyFor)
			b.submit("approve")
			w.do(w.bank.work(ctx, true))
			if e := w.status(r.SessionSecret); e.Status != "RJCT" || w.booked("sofia-eur") != before {
				t.Errorf("%+v", e)
			}
		})
	})
}

func TestMethodsTurnTheApproach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.fromSofia("42.50", embedded("sofia"))
		w.do(w.c.StartPayment(t.Context(), r))
		e := w.takes(r.SessionSecret, password("sofia"), "embedded psuAuthenticated")
		if len(e.SCAMethods) != 2 || e.ChosenSCAMethod != nil {
			t.Fatalf("%+v", e.SCAMethods)
		}
		w.takes(r.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: "none"}, sdk.ErrMethodUnknown.Error())
		e = w.takes(r.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: "sms"}, "embedded scaMethodSelected")
		if !strings.Contains(string(e.ChallengeData.AdditionalInformation), "42,50 EUR") {
			t.Errorf("%+v", e.ChallengeData)
		}
		old := w.code("sofia")
		w.takes(r.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: "push"}, "decoupled started")
		w.takes(r.SessionSecret, answered(old), sdk.ErrStep.Error())
		w.asks("sofia").sees("42,50 EUR").submit("approve")
		if got := w.hub.of(r.SessionSecret); !strings.HasSuffix(got, "success, update ACSC") {
			t.Error(got)
		}
	})
}

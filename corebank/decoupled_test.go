package corebank

import (
	"crypto/rand"
	"testing"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

func onPhone(login wire.String) wire.SCA {
	return wire.SCA{SCAApproach: approachDecoupled, PSUID: login}
}

func TestDecoupledTellsNobodyWhoExists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("a name is answered alike, whoever has it", func(t *testing.T) {
			var told []string
			for _, login := range []wire.String{"nobody", "ana", "sofia", "katharina"} {
				r := accessRequest(everything())
				r.SessionSecret, r.SCA = wire.String(rand.Text()), onPhone(login)
				w.do(w.c.StartAccess(ctx, r))
				w.do(w.bank.work(ctx, false))
				got, e := w.step(r.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: "sms"})
				told = append(told, w.hub.of(r.SessionSecret)+", "+got+string(e.UserID))
			}
			for _, s := range told {
				if s != "update received started, "+sdk.ErrStep.Error() {
					t.Error(told)
				}
			}
		})
		t.Run("what leaves a choice is refused to everybody alike", func(t *testing.T) {
			for _, login := range []wire.String{"sofia", "nobody"} {
				r := w.order("1.00", func(p *wire.PaymentCreate) { p.SCA, p.Payment.DebtorAccount = onPhone(login), nil })
				w.do(w.c.StartPayment(ctx, r))
				if got := w.hub.of(r.SessionSecret); got != "fail RJCT InvalidAttributeValue" {
					t.Error(got)
				}
			}
		})
		t.Run("who she is may be said by a step, and nothing else", func(t *testing.T) {
			r := accessRequest(everything())
			r.SessionSecret, r.SCA = "later", onPhone("")
			w.do(w.c.StartAccess(ctx, r))
			w.takes("later", password("ana"), sdk.ErrInvalid.Error()) // whose?
			w.takes("later", wire.SessionAuthorise{SCA: wire.SCA{PSUID: "ana"}}, "decoupled started")
			w.takes("later", password("ana"), sdk.ErrStep.Error())
			w.takes("later", answered("123456"), sdk.ErrStep.Error())
		})
	})
}

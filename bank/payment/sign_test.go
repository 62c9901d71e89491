package payment_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/payment"
)

func (b *bench) StartSignature(_ context.Context, r core.Signature) (*core.Update, error) {
	return &core.Update{RedirectURL: "https://bank.example/sign/1"}, nil
}

// signedOnce creates a payment that one of several PSUs has signed.
func (b *bench) signedOnce(t *testing.T) (payment.Payment, authorisation.Authorisation) {
	t.Helper()
	b.auths.Cores = map[string]core.Bank{"lon": b}
	p, a := b.create(t, "r1")
	if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7", Partly: true}); err != nil {
		t.Fatal(err)
	}
	b.want(t, p.ID, payment.PartiallyAuthorised)
	return p, a
}

func (b *bench) signs(t *testing.T, p payment.Payment, requestID string) authorisation.Authorisation {
	t.Helper()
	a, err := b.StartAuthorisation(t.Context(), b.bank, b.tpp, "payments", "sepa-credit-transfers", p.ID, payment.Start{RequestID: requestID})
	if err != nil || a.BankURL == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	return a
}

// What the bank has done counts, though none of its reports has come.
func TestSignaturesOfWhichTheReportsAreLost(t *testing.T) {
	const day = 24 * time.Hour
	told := func(status string, partly bool) func(string) (*core.Update, error) {
		return func(string) (*core.Update, error) {
			return &core.Update{Status: status, SCAStatus: "finalised", Partly: partly}, nil
		}
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, b *bench) payment.Payment
		want payment.Status
	}{
		{"the first, and the bank waits for another", func(t *testing.T, b *bench) payment.Payment {
			b.auths.Cores = map[string]core.Bank{"lon": b}
			p, _ := b.create(t, "r1")
			b.ask = told("PATC", true)
			b.pass(b.bank.SCATimeout)
			b.sweep(t)
			b.want(t, p.ID, payment.PartiallyAuthorised)
			last := b.signs(t, p, "r2")
			if err := b.auths.Success(t.Context(), "lon", core.Success{Session: last.Session}); err != nil {
				t.Error(err)
			}
			return p
		}, payment.Settled},
		{"the second, which was the last", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			last := b.signs(t, p, "r2")
			b.ask = func(session string) (*core.Update, error) {
				if session != last.Session {
					t.Errorf("asked for %s", session)
				}
				return told("ACTC", false)(session)
			}
			b.pass(b.bank.SCATimeout)
			b.sweep(t)
			return p
		}, payment.TechnicallyAccepted},
		{"the second, and a third is waited for", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			b.signs(t, p, "r2")
			b.ask = told("PATC", true)
			b.pass(b.bank.SCATimeout)
			b.sweep(t)
			b.pass(day - time.Minute) // after the second one
			b.sweep(t)
			return p
		}, payment.PartiallyAuthorised},
		{"all of them, until the day is over", func(t *testing.T, b *bench) payment.Payment {
			p, first := b.signedOnce(t)
			b.ask = func(session string) (*core.Update, error) {
				if session != first.Session {
					t.Errorf("asked for %s", session)
				}
				return told("ACSP", false)(session)
			}
			b.pass(day)
			b.sweep(t)
			b.sweep(t)
			return p
		}, payment.InProcess},
		{"none: nobody has signed", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			b.ask = told("PATC", true)
			b.pass(day)
			b.sweep(t)
			return p
		}, payment.Rejected},
		{"a bank that does not answer is asked for a day more", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			b.ask = func(string) (*core.Update, error) { return nil, core.ErrUnavailable }
			b.pass(day)
			if _, err := b.auths.Sweep(t.Context()); !errors.Is(err, core.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			return p
		}, payment.PartiallyAuthorised},
		{"the last comes after the hub has given up, and the bank has executed it", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			b.pass(day - time.Minute)
			last := b.signs(t, p, "r2")
			b.pass(time.Minute)
			b.sweep(t)
			b.want(t, p.ID, payment.Rejected)
			b.ask = told("ACSC", false)
			if err := b.auths.Success(t.Context(), "lon", core.Success{Session: last.Session, UserID: "psu-8"}); err != nil {
				t.Error(err)
			}
			return p
		}, payment.Settled},
		{"and has not", func(t *testing.T, b *bench) payment.Payment {
			p, _ := b.signedOnce(t)
			b.pass(day - time.Minute)
			last := b.signs(t, p, "r2")
			b.pass(time.Minute)
			b.sweep(t)
			b.ask = func(string) (*core.Update, error) { return &core.Update{Status: "RJCT", SCAStatus: "failed"}, nil }
			if err := b.auths.Success(t.Context(), "lon", core.Success{Session: last.Session, UserID: "psu-8"}); err == nil {
				t.Error("it was taken")
			}
			return p
		}, payment.Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) { b.want(t, tt.do(t, b).ID, tt.want) })
		})
	}
}

func TestAPaymentIsOfWhoSignedItFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, _ := b.signedOnce(t)
		last := b.signs(t, p, "r2")
		if again := b.signs(t, p, "r2"); again.ID != last.ID {
			t.Error("a request that is made again starts another signature")
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: last.Session, UserID: "psu-8"}); err != nil {
			t.Fatal(err)
		}
		if p, err := b.Store.Get(t.Context(), "lon", p.ID); err != nil || p.PSU != "psu-7" || p.Status != payment.Settled {
			t.Errorf("%+v, %v", p, err)
		}
		if got := b.actions(t, p.ID); got != "payment.create payment.authorisePartly payment.startAuthorisation payment.authorise " {
			t.Error(got)
		}
	})
}

package basket_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kontor/bank/basket"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/kit/day"
)

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, p2, c := d.payment(t), d.payment(t), d.consent(t)
		begun, _, err := d.Consents.Create(t.Context(), d.bank, d.tpp, consent.Creation{Request: consent.Request{
			Access: consent.Access{AllPSD2: consent.AllAccounts}, Recurring: true, ValidUntil: day.New(2026, 5, 1), FrequencyPerDay: 4,
		}})
		ok(t, err)
		taken := d.payment(t)
		d.basket(t, []string{taken}, nil)
		gone := d.payment(t)
		if _, _, err := d.Payments.Cancel(t.Context(), d.bank, d.tpp, "payments", "sepa-credit-transfers", gone, payment.Start{}); err != nil {
			t.Fatal(err)
		}
		other := d.tpp
		other.ID = "PSDSI-BS-7654321"
		many := make([]string, 6)
		for i := range many {
			many[i] = fmt.Sprint("x", i)
		}
		off, unmixed := d.bank, d.bank
		off.Baskets, unmixed.Baskets = profile.Baskets{}, profile.Baskets{Enabled: true, SizeMax: 5}
		for _, tt := range []struct {
			name     string
			bank     profile.Bank
			payments []string
			consents []string
			want     error
			field    string
		}{
			{"nothing at all", d.bank, nil, nil, basket.ErrRequest, "paymentIds"},
			{"a list of nothing", d.bank, []string{p}, []string{}, basket.ErrRequest, "consentIds"},
			{"the same twice", d.bank, []string{p, p2, p}, nil, basket.ErrRequest, "paymentIds[2]"},
			{"more than the bank takes", d.bank, many, nil, basket.ErrRequest, "paymentIds"},
			{"more than the bank takes, of both kinds", d.bank, many[:3], many[3:], basket.ErrRequest, "paymentIds"},
			{"a bank without baskets", off, []string{p}, nil, basket.ErrService, ""},
			{"both kinds where the bank does not mix", unmixed, []string{p}, []string{c}, basket.ErrMix, ""},
			{"a payment that there is not", d.bank, []string{p, "none"}, nil, basket.ErrMember, "paymentIds[1]"},
			{"a consent in the place of a payment", d.bank, []string{c}, nil, basket.ErrMember, "paymentIds[0]"},
			{"a consent that there is not", d.bank, nil, []string{"none"}, basket.ErrMember, "consentIds[0]"},
			{"a member of another basket", d.bank, []string{p, taken}, nil, payment.ErrBlocked, "paymentIds[1]"},
			{"a consent whose authorisation began with it", d.bank, nil, []string{c, begun.ID}, basket.ErrReference, "consentIds[1]"},
			{"a payment that has ended", d.bank, []string{gone}, []string{c}, basket.ErrReference, "paymentIds[0]"},
		} {
			_, err := d.Create(t.Context(), tt.bank, d.tpp, basket.Creation{Request: basket.Request{Payments: tt.payments, Consents: tt.consents}})
			field := ""
			if fe, ok := errors.AsType[*basket.FieldError](err); ok {
				field = fe.Field
			}
			if !errors.Is(err, tt.want) || field != tt.field {
				t.Errorf("%s: got %v about %q", tt.name, err, field)
			}
		}
		// Nothing of what was refused is in a basket now; what is another TPP's is as unknown as
		// what there is not.
		for _, r := range []basket.Request{{Payments: []string{p}}, {Consents: []string{c}}} {
			if _, err := d.Create(t.Context(), d.bank, other, basket.Creation{Request: r}); !errors.Is(err, basket.ErrMember) {
				t.Errorf("another TPP's: got %v", err)
			}
		}
		k := d.basket(t, []string{p, p2}, []string{c})
		if _, err := d.Get(t.Context(), d.bank, other.ID, k.ID); !errors.Is(err, basket.ErrUnknown) {
			t.Errorf("another TPP reads: got %v", err)
		}
		if err := d.Delete(t.Context(), d.bank, other, k.ID, ""); !errors.Is(err, basket.ErrUnknown) {
			t.Errorf("another TPP deletes: got %v", err)
		}
		if _, err := d.StartAuthorisation(t.Context(), d.bank, other, k.ID, payment.Start{}); !errors.Is(err, basket.ErrUnknown) {
			t.Errorf("another TPP starts: got %v", err)
		}
		if _, err := d.Payments.StartAuthorisation(t.Context(), d.bank, d.tpp, "payments", "sepa-credit-transfers", p, payment.Start{}); !errors.Is(err, payment.ErrBlocked) {
			t.Errorf("a payment alone: got %v", err)
		}
		if _, err := d.Consents.StartAuthorisation(t.Context(), d.bank, d.tpp, c, consent.Start{}); !errors.Is(err, consent.ErrBlocked) {
			t.Errorf("a consent alone: got %v", err)
		}
	})
}

func TestRepeats(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p := d.payment(t)
		r := basket.Creation{Request: basket.Request{Payments: []string{p}}, RequestID: "r1", Body: []byte("1")}
		first, err := d.Create(t.Context(), d.bank, d.tpp, r)
		ok(t, err)
		again, err := d.Create(t.Context(), d.bank, d.tpp, r)
		if again.ID != first.ID || err != nil {
			t.Errorf("again: got %s, %v", again.ID, err)
		}
		r.Body = []byte("2")
		if _, err := d.Create(t.Context(), d.bank, d.tpp, r); !errors.Is(err, basket.ErrRequest) {
			t.Errorf("another one: got %v", err)
		}
		start := payment.Start{RequestID: "r2"}
		a, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, first.ID, start)
		ok(t, err)
		b, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, first.ID, start)
		if a.ID != b.ID || err != nil || len(d.handed) != 1 {
			t.Errorf("started again: got %s, %v; the bank has %d", b.ID, err, len(d.handed))
		}
		k := d.basket(t, []string{d.payment(t)}, nil)
		for range 2 {
			ok(t, d.Delete(t.Context(), d.bank, d.tpp, k.ID, "r3"))
		}
		if err := d.Delete(t.Context(), d.bank, d.tpp, k.ID, "r4"); !errors.Is(err, basket.ErrStatus) {
			t.Errorf("deleted by another request: got %v", err)
		}
		d.want(t, k, "CANC RCVD")
	})
}

func TestNobodyStarts(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		k := d.basket(t, []string{d.payment(t)}, nil)
		d.now = d.now.Add(24*time.Hour - time.Second)
		d.want(t, k, "RCVD RCVD")
		d.now = d.now.Add(time.Second)
		d.want(t, k, "RJCT RJCT")
		if _, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, k.ID, payment.Start{}); !errors.Is(err, basket.ErrStatus) {
			t.Errorf("got %v", err)
		}
	})
}

// What the bank gives the PSU of time, its reports of the members have as well.
func TestMoreTime(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		k := d.basket(t, []string{d.payment(t)}, []string{d.consent(t)})
		a := d.start(t, k.ID)
		ok(t, d.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, ExpiresAt: d.now.Add(25 * time.Minute)}))
		d.now = d.now.Add(24 * time.Minute)
		d.sweep(t)
		ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}))
		d.now = d.now.Add(9 * time.Minute)
		d.sweep(t)
		d.reports(t)
		d.want(t, k, "ACSC ACSC valid")
	})
}

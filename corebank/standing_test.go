package corebank

import (
	"testing"
	"time"

	"kontor/corebank/persona"
	"kontor/kit/day"
)

// runTo lets days pass, and the bank work once on each.
func (w *world) runTo(d day.Day) {
	w.t.Helper()
	for w.bank.today().Before(d) {
		w.pass(24 * time.Hour)
		w.do(w.bank.work(w.t.Context(), false))
	}
}

func TestStandingOrdersAreExecuted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Friday, 20 November. An instalment of 42.00 is due on Monday, the rent of 620.00 on the
		// first, 150.00 are put aside on the twelfth, a Saturday, and an insurance on the sixteenth.
		ana, savings := w.booked("ana-current"), w.booked("ana-savings")
		paid := func() int64 { return ana - w.booked("ana-current") }
		for _, step := range []struct {
			until day.Day
			want  int64
		}{
			{day.New(2026, time.November, 22), 0},
			{day.New(2026, time.November, 23), 4200},
			{day.New(2026, time.November, 30), 4200},
			{day.New(2026, time.December, 1), 66200},
			{day.New(2026, time.December, 13), 66200},
			{day.New(2026, time.December, 14), 81200},
			{day.New(2026, time.December, 16), 89650},
			{day.New(2026, time.December, 23), 93850},
			{day.New(2027, time.January, 3), 93850}, // New Year and a weekend
			{day.New(2027, time.January, 4), 155850},
		} {
			w.runTo(step.until)
			w.do(w.bank.work(t.Context(), false)) // once more is not twice
			if paid() != step.want {
				t.Fatalf("%s: %d are paid; want %d", step.until, paid(), step.want)
			}
		}
		if w.booked("ana-savings")-savings != 15000 {
			t.Error(w.booked("ana-savings") - savings)
		}
		e := w.entries("ana-current", 3)[2]
		if e.Code != "PMNT-ICDT-STDO" || e.PartyName != "Zavarovalnica Breza d.d." || e.PartyIBAN == "" || e.Text != "Zavarovanje doma" || e.Amount.Minor != -8450 || e.Booked != "2026-12-16" {
			t.Errorf("%+v", e)
		}
		if w.hub.heard() != "" {
			t.Errorf("the hub heard of it: %s", w.hub.heard())
		}
	})
}

// A bank that stood still makes up for what it missed; of two workers each payment is made by one.
func TestStandingOrdersThatAreLate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana := w.booked("ana-current")
		w.pass(33 * 24 * time.Hour) // 23 December: twice the instalment, and one of each other
		done := make(chan error, 3)
		for range cap(done) {
			go func() { done <- w.bank.executeOrders(t.Context()) }()
		}
		for range cap(done) {
			w.do(<-done)
		}
		if paid := ana - w.booked("ana-current"); paid != 2*4200+62000+15000+8450 {
			t.Error(paid)
		}
	})
}

// Without cover a payment is left out, and the next one is made.
func TestAStandingOrderWithoutFunds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		poor := persona.All()[3].Accounts[0].ID
		before := w.booked(poor)
		w.runTo(day.New(2026, time.December, 3))
		if w.booked(poor) != before {
			t.Fatal(w.booked(poor))
		}
		if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_ledger_account SET credit_limit = 1000000 WHERE id = $1`, poor); err != nil {
			t.Fatal(err)
		}
		w.runTo(day.New(2027, time.January, 5))
		if before-w.booked(poor) != 16500 {
			t.Error(before - w.booked(poor))
		}
	})
}

// What was ordered before the bank could execute it is planned when the bank starts; nothing
// of the past is made up for.
func TestStandingOrdersFromBefore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.bank.db.Exec(ctx, `UPDATE corebank_standing_order SET due = 'unplanned', execute_on = ''`); err != nil {
			t.Fatal(err)
		}
		w.pass(12 * 24 * time.Hour) // 2 December
		ana := w.booked("ana-current")
		w.do(w.bank.planOrders(ctx))
		w.do(w.bank.work(ctx, false))
		if w.booked("ana-current") != ana {
			t.Error("the past is paid")
		}
		w.runTo(day.New(2026, time.December, 31))
		if paid := ana - w.booked("ana-current"); paid != 15000+8450+4200 {
			t.Error(paid)
		}
	})
}

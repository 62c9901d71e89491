package coretest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// offered says whether the bank does o, given what it answered to that.
func (w *world) offered(o Offer, err error) bool {
	w.t.Helper()
	if slices.Contains(w.Offers, o) {
		w.must(err)
		return true
	}
	w.is(err, core.ErrNotOffered)
	return false
}

func cards(t *testing.T, w *world) {
	list, err := w.Bank.CardAccounts(w.ctx, w.granted("s1"))
	if !w.offered(Cards, err) {
		return
	}
	for _, card := range list {
		if card.ID == "" || card.MaskedPAN == "" || card.Currency == "" {
			t.Errorf("card lacks something: %+v", card)
		}
	}
}

func cardPages(t *testing.T, w *world) {
	a := w.granted("s1")
	q := core.TransactionQuery{AccountID: "no-such-card", From: w.From, To: w.To}
	_, err := w.Bank.CardTransactions(w.ctx, a, q, func(*core.CardTransaction) error { return nil })
	if !slices.Contains(w.Offers, CardTransactions) {
		w.is(err, core.ErrNotOffered)
		return
	}
	w.is(err, core.ErrAccountUnknown)
	list, err := w.Bank.CardAccounts(w.ctx, a)
	w.must(err)
	if len(list) == 0 {
		t.Fatal("there is no card that could have entries")
	}
	q.AccountID = list[0].ID
	seen, pages := map[string]bool{}, 0
	for {
		next, err := w.Bank.CardTransactions(w.ctx, a, q, func(e *core.CardTransaction) error {
			if seen[string(e.ID)] {
				t.Errorf("entry %s stands twice", e.ID)
			}
			seen[string(e.ID)] = true
			quotable(t, e.ID, e.Amount, e.Currency, e.TransactionDate, e.BookingDate, e.Details, e.AcceptorID, e.MaskedPAN)
			if _, err := money.Parse(string(e.Amount), string(e.Currency)); err != nil {
				t.Error(err)
			}
			if _, err := day.Parse(string(e.TransactionDate)); err != nil {
				t.Error(err)
			}
			return nil
		})
		w.must(err)
		pages++
		if next == "" {
			break
		}
		if next == q.Cursor || pages > 1000 {
			t.Fatal("pages do not come to an end")
		}
		q.Cursor = next
	}
	if len(seen) == 0 || pages < 2 {
		t.Errorf("%d entries on %d pages", len(seen), pages)
	}
	enough, calls := errors.New("enough"), 0
	q.Cursor = ""
	_, err = w.Bank.CardTransactions(w.ctx, a, q, func(*core.CardTransaction) error { calls++; return enough })
	if w.is(err, enough); calls != 1 {
		t.Errorf("reader was called %d times after its error", calls-1)
	}
}

func standingOrders(t *testing.T, w *world) {
	a := w.granted("s1")
	account, n := w.account(a).ID, 0
	err := w.Bank.StandingOrders(w.ctx, a, account, func(e *core.Transaction) error {
		n++
		quotable(t, e.ID, e.Amount, e.Currency, e.CreditorName, e.Remittance)
		if _, err := money.Parse(string(e.Amount), string(e.Currency)); err != nil {
			t.Error(err)
		}
		if e.Standing == nil || len(e.Standing.Frequency) == 0 {
			t.Fatalf("order %s does not say when it is executed", e.ID)
		}
		if _, err := day.Parse(string(e.Standing.StartDate)); err != nil {
			t.Error(err)
		}
		return nil
	})
	if !w.offered(StandingOrders, err) {
		return
	}
	if n == 0 {
		t.Error("there is no standing order")
	}
	enough := errors.New("enough")
	w.is(w.Bank.StandingOrders(w.ctx, a, account, func(*core.Transaction) error { return enough }), enough)
	w.is(w.Bank.StandingOrders(w.ctx, a, "no-such-account", func(*core.Transaction) error { return nil }), core.ErrAccountUnknown)
	a.Token += "x"
	w.is(w.Bank.StandingOrders(w.ctx, a, account, func(*core.Transaction) error { return nil }), core.ErrAccessDenied)
}

func beneficiaries(t *testing.T, w *world) {
	a := w.granted("s1")
	list, err := w.Bank.TrustedBeneficiaries(w.ctx, a)
	if !w.offered(Beneficiaries, err) {
		return
	}
	for _, b := range list {
		if b.ID == "" || b.CreditorName == "" || b.CreditorAccount.IsZero() {
			t.Errorf("beneficiary lacks something: %+v", b)
		}
	}
	a.Token += "x"
	_, err = w.Bank.TrustedBeneficiaries(w.ctx, a)
	w.is(err, core.ErrAccessDenied)
}

func refreshed(t *testing.T, w *world) {
	a := w.granted("s1")
	if !w.offered(Refresh, w.Bank.Refresh(w.ctx, a, "r1")) {
		return
	}
	w.must(w.Bank.Refresh(w.ctx, a, "r1")) // a repetition is still one session
	w.wait("the end of the refresh", func() bool { return w.Ended("r1") })
	time.Sleep(50 * time.Millisecond) // a second success would come now
	if s := w.Successes("r1"); len(s) != 1 || s[0].Token != "" {
		t.Errorf("got %+v; want one success without a token", s)
	}
	if n := len(w.Successes("s1")); n != 1 {
		t.Errorf("the access had %d successes", n)
	}
	w.account(a)
	a.Token += "x"
	w.is(w.Bank.Refresh(w.ctx, a, "r2"), core.ErrAccessDenied)
}

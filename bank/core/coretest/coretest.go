// Package coretest says in tests what every core.Bank must do, whatever is behind it: lead
// a PSU through an access, payments and their cancellation, a basket, a confirmation of funds and a
// log-in, report each of them once and in order, answer with the errors that the port names,
// and never hang.
//
// A bank is opened with the Events it reports to, and with a PSU who decides as the test
// tells her.
package coretest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// A Fixture is a bank with one PSU.
type Fixture struct {
	Bank core.Bank
	// Decide lets the PSU say yes or no on the bank's page of session. It returns when the
	// bank has reported the end, or that it holds what she has approved, or is about to.
	Decide func(t *testing.T, session string, yes bool)
	// Withdraw lets the PSU end the access behind token at the bank.
	Withdraw func(t *testing.T, token string)
	// Account is hers and has entries on more than one page within From to To.
	Account  core.AccountReference
	From, To day.Day
	// Affordable is there on Account, TooMuch is not.
	Affordable, TooMuch money.Amount
	// Later is a day on which a payment can be made that is ordered today.
	Later day.Day
	// Together is an account that two PSUs have, of whom each payment needs both. Decide is the
	// second one in a session that signs what the first has signed.
	Together core.AccountReference
	// Holder is who Account belongs to, and Nearly is no more than nearly her name. Both are
	// for a bank that verifies payees.
	Holder, Nearly string
	// PSUID and Password are what she logs in with, and Code what answers the challenge of a
	// session. They are for a bank that takes these by steps.
	PSUID, Password string
	Code            func(t *testing.T, session string) string
	// Offers is what the bank does that not every bank does; all else must be refused with
	// core.ErrNotOffered.
	Offers []Offer
}

// An Offer is something that a bank may lack.
type Offer string

const (
	Logins           Offer = "logins"
	Cards            Offer = "cards"
	CardTransactions Offer = "entries of cards" // on more than one page within From to To
	StandingOrders   Offer = "standing orders"  // there is one on Account
	Beneficiaries    Offer = "trusted beneficiaries"
	Refresh          Offer = "refresh"
	Bulks            Offer = "bulk payments"
	Periodics        Offer = "periodic payments"
	Cancellations    Offer = "cancellation of payments" // before their day, with SCA
	PaymentStatus    Offer = "status of payments"
	Baskets          Offer = "baskets" // of payments and accesses
	Payees           Offer = "verification of payees"
	Embedded         Offer = "SCA by steps"
	Decoupled        Offer = "SCA on the PSU's phone"
	Signatures       Offer = "signatures of several PSUs" // of payments from Together
	Confirmations    Offer = "to hold what the PSU approves on its pages until that is confirmed"
)

// patience is how long an answer or a report may take here.
const patience = 10 * time.Second

// Exercise runs everything. open is called once for each subtest.
func Exercise(t *testing.T, open func(t *testing.T, events core.Events) Fixture) {
	run := func(name string, test func(t *testing.T, w *world)) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			r := NewRecorder()
			test(t, &world{t: t, ctx: ctx, Recorder: r, Fixture: open(t, r)})
		})
	}
	run("an access is granted, read, and ended once", access)
	run("a start that is repeated is still one session", repeated)
	run("a PSU who refuses ends the session", refused)
	run("a report is given page by page", pages)
	run("an error of the reader ends a page", stopped)
	run("a stranger's token opens nothing", strangers)
	run("an access that the PSU withdraws is reported and closed", withdrawn)
	run("a payment is handed over and approved", payment)
	run("a payment is refused by the PSU", paymentRefused)
	run("a bulk is handed over and approved as one, or not offered", bulkPayments)
	run("a series of payments is handed over and approved, or not offered", periodicPayments)
	run("a payment to come is cancelled in a session of its own, or not offered", cancelled)
	run("a PSU who refuses a cancellation keeps her payment, or it is not offered", cancellationRefused)
	run("what became of a payment is told, or not offered", found)
	run("a payment that the bank says it never got is not taken any more", tooLate)
	run("a basket is handed over and approved as one, or not offered", basket)
	run("a PSU who refuses a basket gives and pays nothing, or it is not offered", basketRefused)
	run("what became of a payment in a basket is told, or not offered", basketFound)
	run("a payee's name is compared with that on the account, or not offered", payees)
	run("a PSU authenticates by steps, or it is not offered", embedded)
	run("a PSU authenticates on her phone, or it is not offered", decoupled)
	run("nobody is told that a PSU is unknown, or it is not offered", nobodyOnPhone)
	run("what is approved is held until it is confirmed, or it is not offered", held)
	run("two PSUs sign a payment, one after the other, or it is not offered", signatures)
	run("funds are confirmed for the account that was agreed on", funds)
	run("a log-in tells who the PSU is, or is not offered", login)
	run("cards are listed, or not offered", cards)
	run("a report of a card is given page by page, or not offered", cardPages)
	run("standing orders say when they are executed, or are not offered", standingOrders)
	run("trusted beneficiaries are named, or not offered", beneficiaries)
	run("a copy is made anew in a session of its own, or is not offered", refreshed)
	run("a context that is over is not waited for", hurried)
}

type world struct {
	t   *testing.T
	ctx context.Context
	*Recorder
	Fixture
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("got %v; want %v", err, want)
	}
}

func (w *world) request(session string) core.AccessRequest {
	return core.AccessRequest{
		Session: session, ConsentID: "consent-" + session, TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/1",
		Recurring: true, ValidUntil: w.To.AddDays(90), FrequencyPerDay: 4,
		Balances: []core.AccountReference{w.Account}, Transactions: []core.AccountReference{w.Account}, PSU: core.PSUContext{IPAddress: "192.0.2.7", UserAgent: "Firefox"},
	}
}

// page waits until the bank has named its page for session.
func (w *world) page(session string, u *core.Update) {
	w.t.Helper()
	if u != nil && u.RedirectURL != "" {
		return
	}
	w.wait("an update with the address of the page", func() bool {
		for _, u := range w.Updates(session) {
			if u.RedirectURL != "" {
				return true
			}
		}
		return false
	})
}

func (w *world) wait(what string, done func() bool) {
	w.t.Helper()
	if !w.Recorder.wait(patience, done) {
		w.t.Fatalf("the bank did not report: %s", what)
	}
}

func (w *world) granted(session string) core.Access {
	w.t.Helper()
	u, err := w.Bank.StartAccess(w.ctx, w.request(session))
	w.must(err)
	w.page(session, u)
	w.Decide(w.t, session, true)
	w.wait("success", func() bool { return w.Ended(session) })
	s := w.Successes(session)
	if len(s) != 1 || s[0].Token == "" || s[0].UserID == "" {
		w.t.Fatalf("got %d successes %+v; want one with token and user", len(s), s)
	}
	return core.Access{Session: session, Token: s[0].Token, ConsentID: "consent-" + session, TPP: "PSDDE-BAFIN-12345", PSU: core.PSUContext{IPAddress: "192.0.2.7"}}
}

func (w *world) account(a core.Access) core.Account {
	w.t.Helper()
	accounts, err := w.Bank.Accounts(w.ctx, a)
	w.must(err)
	for _, account := range accounts {
		if account.Reference.Matches(w.Account) {
			return account
		}
	}
	w.t.Fatalf("the account that was granted is not among %d", len(accounts))
	return core.Account{}
}

func access(t *testing.T, w *world) {
	a := w.granted("s1")
	account := w.account(a)
	if account.ID == "" || account.Currency == "" || len(account.Balances) == 0 {
		t.Errorf("account lacks something: %+v", account)
	}
	for _, b := range account.Balances {
		if b.Type == "" || b.Amount.Currency == "" {
			t.Errorf("balance lacks something: %+v", b)
		}
	}
	w.must(w.Bank.RevokeAccess(w.ctx, a))
	w.must(w.Bank.RevokeAccess(w.ctx, a)) // it is over already
	_, err := w.Bank.Accounts(w.ctx, a)
	if !errors.Is(err, core.ErrAccessDenied) && !errors.Is(err, core.ErrTokenExpired) {
		t.Errorf("read after the end: %v", err)
	}
}

func repeated(t *testing.T, w *world) {
	for range 3 {
		_, err := w.Bank.StartAccess(w.ctx, w.request("s1"))
		w.must(err)
	}
	w.Decide(t, "s1", true)
	w.wait("success", func() bool { return w.Ended("s1") })
	time.Sleep(50 * time.Millisecond) // a second success would come now
	if n := len(w.Successes("s1")); n != 1 {
		t.Errorf("%d successes of one session", n)
	}
}

func refused(t *testing.T, w *world) {
	u, err := w.Bank.StartAccess(w.ctx, w.request("s1"))
	w.must(err)
	w.page("s1", u)
	w.Decide(t, "s1", false)
	w.wait("fail", func() bool { return w.Ended("s1") })
	if f := w.Fails("s1"); len(f) != 1 || f[0].Class == "" || len(w.Successes("s1")) != 0 {
		t.Errorf("got %+v and %d successes; want one fail", f, len(w.Successes("s1")))
	}
}

func pages(t *testing.T, w *world) {
	a := w.granted("s1")
	account := w.account(a)
	seen, count, last := map[string]bool{}, 0, ""
	q := core.TransactionQuery{AccountID: account.ID, From: w.From, To: w.To}
	for page := 0; ; page++ {
		next, err := w.Bank.Transactions(w.ctx, a, q, func(e *core.Transaction) error {
			id := string(e.ID)
			if seen[id] {
				t.Errorf("entry %s stands twice", id)
			}
			seen[id] = true
			quotable(t, e.ID, e.Amount, e.Currency, e.BookingDate, e.ValueDate, e.CreditorName, e.DebtorName, e.Remittance, e.EndToEndID)
			if _, err := money.Parse(string(e.Amount), string(e.Currency)); err != nil {
				t.Error(err)
			}
			if e.Pending {
				return nil
			}
			booked := string(e.BookingDate)
			if _, err := day.Parse(booked); err != nil {
				t.Error(err)
			}
			if last != "" && booked > last {
				t.Errorf("entry of %s after one of %s", booked, last)
			}
			if booked < w.From.String() || booked > w.To.String() {
				t.Errorf("entry of %s is outside of %s to %s", booked, w.From, w.To)
			}
			last = booked
			return nil
		})
		w.must(err)
		if next == "" {
			if page == 0 {
				t.Error("one page only: the fixture promises more")
			}
			break
		}
		if next == q.Cursor || page > 1000 {
			t.Fatal("pages do not come to an end")
		}
		if len(seen) == count {
			t.Errorf("page %d has no entries, and still another follows", page)
		}
		q.Cursor, count = next, len(seen)
	}
	if len(seen) == 0 {
		t.Error("no entries")
	}
	q.Cursor = ""
	q.AccountID = "no-such-account"
	_, err := w.Bank.Transactions(w.ctx, a, q, func(*core.Transaction) error { return nil })
	w.is(err, core.ErrAccountUnknown)
}

// quotable says of texts that they can stand between quotes.
func quotable(t *testing.T, texts ...core.Text) {
	t.Helper()
	for _, text := range texts {
		if !json.Valid(append(append([]byte{'"'}, text...), '"')) {
			t.Errorf("%q cannot stand between quotes", text)
		}
	}
}

func stopped(t *testing.T, w *world) {
	a := w.granted("s1")
	enough, calls := errors.New("enough"), 0
	_, err := w.Bank.Transactions(w.ctx, a, core.TransactionQuery{AccountID: w.account(a).ID, From: w.From, To: w.To}, func(*core.Transaction) error {
		calls++
		return enough
	})
	w.is(err, enough)
	if calls != 1 {
		t.Errorf("reader was called %d times after its error", calls-1)
	}
}

func strangers(t *testing.T, w *world) {
	a := w.granted("s1")
	a.Token += "x"
	_, err := w.Bank.Accounts(w.ctx, a)
	w.is(err, core.ErrAccessDenied)
	w.must(w.Bank.RevokeAccess(w.ctx, a)) // what the bank does not know is over
	a.Token = ""
	_, err = w.Bank.Accounts(w.ctx, a)
	w.is(err, core.ErrAccessDenied)
}

func withdrawn(t *testing.T, w *world) {
	a := w.granted("s1")
	w.Withdraw(t, a.Token)
	w.wait("revocation", func() bool { return len(w.Revocations(a.Token)) > 0 })
	if funds := w.Revocations(a.Token)[0]; funds {
		t.Error("the access to accounts was reported as one to funds")
	}
	_, err := w.Bank.Accounts(w.ctx, a)
	w.is(err, core.ErrAccessDenied)
}

func funds(t *testing.T, w *world) {
	u, err := w.Bank.StartFundsAccess(w.ctx, core.FundsAccessRequest{
		Session: "f1", ConsentID: "consent-f1", TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/1", Account: w.Account,
	})
	w.must(err)
	w.page("f1", u)
	w.Decide(t, "f1", true)
	w.wait("success", func() bool { return w.Ended("f1") })
	s := w.Successes("f1")
	if len(s) != 1 || s[0].Token == "" {
		t.Fatalf("got %+v; want one success with a token", s)
	}
	a := core.Access{Session: "f1", Token: s[0].Token, ConsentID: "consent-f1", TPP: "PSDDE-BAFIN-12345"}
	for amount, want := range map[money.Amount]bool{w.Affordable: true, w.TooMuch: false} {
		got, err := w.Bank.FundsAvailable(w.ctx, a, w.Account, amount)
		w.must(err)
		if got != want {
			t.Errorf("%s %s available: %t", amount, amount.Currency, got)
		}
	}
	w.must(w.Bank.RevokeFundsAccess(w.ctx, a))
	w.must(w.Bank.RevokeFundsAccess(w.ctx, a))
	_, err = w.Bank.FundsAvailable(w.ctx, a, w.Account, w.Affordable)
	if !errors.Is(err, core.ErrAccessDenied) && !errors.Is(err, core.ErrTokenExpired) {
		t.Errorf("check after the end: %v", err)
	}
}

func login(t *testing.T, w *world) {
	u, err := w.Bank.StartLogin(w.ctx, core.LoginRequest{Session: "l1", TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/1"})
	if !w.offered(Logins, err) {
		return
	}
	w.page("l1", u)
	w.Decide(t, "l1", true)
	w.wait("success", func() bool { return w.Ended("l1") })
	if s := w.Successes("l1"); len(s) != 1 || s[0].UserID == "" {
		t.Errorf("got %+v; want one success that names the PSU", s)
	}
}

func hurried(t *testing.T, w *world) {
	a := w.granted("s1")
	over, cancel := context.WithCancel(w.ctx)
	cancel()
	began := time.Now()
	_, err := w.Bank.Accounts(over, a)
	w.is(err, core.ErrUnavailable)
	w.is(w.Bank.RevokeAccess(over, a), core.ErrUnavailable)
	if _, err = w.Bank.StartPayment(over, w.order("p1")); !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrUnknownOutcome) {
		t.Errorf("payment: %v", err)
	}
	if slices.Contains(w.Offers, Cancellations) {
		if _, err = w.Bank.CancelPayment(over, w.cancellation("c1", "p1")); !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrUnknownOutcome) {
			t.Errorf("cancellation: %v", err)
		}
	}
	if slices.Contains(w.Offers, Baskets) {
		if _, err = w.Bank.StartBasket(over, w.basket("b1")); !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrUnknownOutcome) {
			t.Errorf("basket: %v", err)
		}
	}
	if slices.Contains(w.Offers, PaymentStatus) {
		_, err = w.Bank.PaymentStatus(over, "p1", "payment-p1")
		w.is(err, core.ErrUnavailable)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %s to see that the context is over", d)
	}
}

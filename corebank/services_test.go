package corebank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// approve leads a customer through the page that the bank reported last.
func (w *world) approve(login string) *browser {
	w.t.Helper()
	b := w.browser().open(w.page()).logIn(login).submit("approve").sees("Enter the code")
	return b.submit("confirm", "code", w.code(login)).sees("Done")
}

func (w *world) status(session wire.String) wire.Event {
	w.t.Helper()
	e, err := w.c.PaymentStatus(w.t.Context(), wire.PaymentQuery{SessionSecret: session})
	w.do(err)
	return e
}

func (w *world) entries(account string, n int) []ledger.Entry {
	w.t.Helper()
	all, err := w.bank.book.Entries(w.t.Context(), account, day.New(2026, 11, 20), day.New(2030, 1, 1), ledger.Position{}, n)
	w.do(err)
	return all
}

func (w *world) held(account string) int64 {
	w.t.Helper()
	a, err := w.bank.book.Account(w.t.Context(), account)
	w.do(err)
	return a.Held
}

const elsewhere = "DE89370400440532013000"

func TestProducts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		t.Run("abroad, money is exchanged and the fee is an entry of its own", func(t *testing.T) {
			ana, usd := w.booked("ana-current"), w.booked(persona.ClearingID("USD"))
			w.do(w.c.StartPayment(t.Context(), w.order("108.53", func(p *wire.PaymentCreate) {
				p.PaymentProduct, p.Payment.InstructedAmount.Currency = "cross-border-credit-transfers", "USD"
				p.Payment.CreditorAccount = wire.Account{BBAN: "021000021-555", BIC: "CHASUS33"}
				p.Payment.CreditorName = "Redwood Books"
				p.Payment.ChargeBearer = "SHAR"
			})))
			b := w.browser().open(w.page()).logIn("ana").sees("108.53 USD", "100.01 EUR", "1.085200", "12.00 EUR", "Redwood Books", "0210 0002")
			b.submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
			if got := w.booked("ana-current"); got != ana-10001-1200 {
				t.Errorf("Ana paid %d", ana-got)
			}
			if got := w.booked(persona.ClearingID("USD")); got != usd+10853 {
				t.Errorf("%d left in dollars", got-usd)
			}
			e := w.entries("ana-current", 2)
			if e[0].Amount.Minor != -1200 || !strings.HasPrefix(e[0].Text, "Fee") || e[1].Amount.Minor != -10001 || e[1].Code != "PMNT-ICDT-XBCT" || !strings.Contains(e[1].More, "1.085200") {
				t.Errorf("%+v", e)
			}
		})
		t.Run("a payment by TARGET has a fee", func(t *testing.T) {
			before := w.booked("ana-current")
			w.do(w.c.StartPayment(t.Context(), w.order("50.00", func(p *wire.PaymentCreate) {
				p.PaymentProduct, p.Payment.CreditorAccount.IBAN = "target-2-payments", elsewhere
			})))
			w.approve("ana")
			if got := w.booked("ana-current"); got != before-5000-1500 {
				t.Errorf("%d", before-got)
			}
		})
		t.Run("a domestic product is of banks in Romania", func(t *testing.T) {
			lei := func(p *wire.PaymentCreate) {
				p.PaymentProduct, p.Payment.InstructedAmount.Currency = productDomesticRO, "RON"
				p.Payment.DebtorAccount.IBAN = wire.String(ibanOf["andrei++"])
				p.Payment.CreditorAccount.IBAN = "RO66BACX0000001234567890"
			}
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.order("50.00", lei)))
			if w.hub.heard() != "fail RJCT InvalidAttributeValue" || !strings.HasPrefix(string(w.hub.last["fail"].ErrorMessage), "AG03 ") {
				t.Error(w.hub.heard(), w.hub.last["fail"].ErrorMessage)
			}
			w.bank.country = "RO"
			before := w.booked("andrei-lei")
			w.do(w.c.StartPayment(t.Context(), w.order("50.00", lei)))
			w.approve("andrei")
			if got := w.booked("andrei-lei"); got != before-5000 {
				t.Errorf("%d", before-got)
			}
		})
		t.Run("all that the order says stands in both entries", func(t *testing.T) {
			w.do(w.c.StartPayment(t.Context(), w.order("7.00", func(p *wire.PaymentCreate) {
				p.Payment.PurposeCode, p.Payment.UltimateDebtor, p.Payment.UltimateCreditor, p.Payment.DebtorName = "RENT", "Tina Kos", "Društvo Lipa", "A. Novak"
				p.Payment.RemittanceInformationStructured = &wire.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR"}
			})))
			w.approve("ana")
			for _, account := range []string{"ana-current", "luka-current"} {
				words := map[ledger.Word]string{}
				e := w.entries(account, 1)[0]
				for word, text := range e.Words() {
					words[word] = text
				}
				if e.EndToEnd != "E2E-1" || words[ledger.Purpose] != "RENT" || words[ledger.Structured] != "RF18539007547034" || words[ledger.UltimateDebtor] != "Tina Kos" || words[ledger.UltimateCreditor] != "Društvo Lipa" {
					t.Errorf("%s: %+v %v", account, e, words)
				}
				if account == "luka-current" && !strings.Contains(words[ledger.Additional], "A. Novak") {
					t.Error(words)
				}
			}
		})
	})
}

func TestCutOff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		out := func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = elsewhere }
		w.pass(5*time.Hour + 59*time.Minute) // Friday, a minute to four
		w.do(w.c.StartPayment(t.Context(), w.order("10.00", out)))
		w.approve("ana")
		if e := w.entries("ana-current", 1)[0]; e.Amount.Minor != -1000 || e.Booked != "2026-11-20" {
			t.Errorf("before the cut-off: %+v", e)
		}
		w.pass(time.Minute)
		before := w.booked("ana-current")
		late := w.order("20.00", out)
		w.do(w.c.StartPayment(t.Context(), late))
		w.browser().open(w.page()).logIn("ana").sees("2026-11-23")
		w.approve("ana")
		if w.booked("ana-current") != before || w.status(late.SessionSecret).Status != "ACTC" {
			t.Error("a payment after the cut-off was booked the same day")
		}
		w.do(w.c.StartPayment(t.Context(), w.order("30.00"))) // to a customer of the same bank
		w.approve("ana")
		w.do(w.c.StartPayment(t.Context(), w.order("40.00", out, func(p *wire.PaymentCreate) { p.PaymentProduct = productInstant })))
		w.approve("ana")
		if got := w.booked("ana-current"); got != before-7000 {
			t.Errorf("within the house and instantly, money moves at any hour: %d", before-got)
		}
		w.pass(2 * 24 * time.Hour) // Sunday
		w.do(w.bank.executeDue(t.Context()))
		if got := w.booked("ana-current"); got != before-7000 {
			t.Error("booked on a Sunday")
		}
		w.pass(24 * time.Hour)
		w.do(w.bank.executeDue(t.Context()))
		if got := w.booked("ana-current"); got != before-9000 || w.status(late.SessionSecret).Status != "ACSC" {
			t.Errorf("%d", before-got)
		}
	})
}

func TestRejectionWithoutFunds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		wish := func(p *wire.PaymentCreate) { p.RejectNoFunds = true }
		order := w.order("9000000.00", wish)
		w.do(w.c.StartPayment(t.Context(), order))
		if w.hub.heard() != "update RCVD no funds, fail RJCT InsufficientFunds" || !strings.HasPrefix(string(w.hub.last["fail"].ErrorMessage), "AM04 ") {
			t.Error(w.hub.heard(), w.hub.last["fail"])
		}
		if e := w.status(order.SessionSecret); e.Status != "RJCT" || e.FundsAvailable == nil || *e.FundsAvailable || e.ErrorMessage != "AM04" {
			t.Errorf("%+v", e)
		}
		w.hub.events = nil
		w.do(w.c.StartPayment(t.Context(), w.order("5.00", wish)))
		if w.hub.heard() != "update RCVD received funds" {
			t.Error(w.hub.heard())
		}
	})
}

func TestPaymentStatus(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		order := w.order("11.00")
		w.do(w.c.StartPayment(t.Context(), order))
		if e := w.status(order.SessionSecret); e.Status != "RCVD" || e.SCAStatus != "received" || string(e.RedirectURL) != w.page() {
			t.Errorf("%+v", e)
		}
		w.approve("ana")
		if e := w.status(order.SessionSecret); e.Status != "ACSC" || e.SCAStatus != "finalised" || e.DebtorAccount == nil || e.UserID != "1001" || e.RedirectURL != "" || !*e.FundsAvailable {
			t.Errorf("%+v", e)
		}
		wrong := w.order("0.00")
		w.do(w.c.StartPayment(t.Context(), wrong))
		if e := w.status(wrong.SessionSecret); e.Status != "RJCT" || !strings.HasPrefix(string(e.ErrorMessage), "AM01 ") {
			t.Errorf("%+v", e)
		}
		forgotten := w.order("12.00")
		w.do(w.c.StartPayment(t.Context(), forgotten))
		w.pass(journeyFor)
		if e := w.status(forgotten.SessionSecret); e.Status != "RJCT" {
			t.Errorf("%+v", e)
		}
		t.Run("what the bank said it does not know comes to nothing later", func(t *testing.T) {
			late := w.order("13.00")
			for range 2 {
				if _, err := w.c.PaymentStatus(t.Context(), wire.PaymentQuery{SessionSecret: late.SessionSecret}); !errors.Is(err, sdk.ErrPaymentUnknown) {
					t.Fatal(err)
				}
			}
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), late))
			if _, err := w.c.PaymentStatus(t.Context(), wire.PaymentQuery{SessionSecret: late.SessionSecret}); !errors.Is(err, sdk.ErrPaymentUnknown) || w.hub.heard() != "" {
				t.Error(err, w.hub.heard())
			}
		})
	})
}

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

func (w *world) bulk(batch bool, payments ...wire.Payment) wire.PaymentCreate {
	return w.order("", func(p *wire.PaymentCreate) {
		p.PaymentService, p.Bulk = serviceBulk, &wire.Bulk{DebtorAccount: p.Payment.DebtorAccount, BatchBookingPreferred: &batch, Payments: payments}
		p.Payment = wire.Payment{}
	})
}

func one(n int, amount, iban string) wire.Payment {
	return wire.Payment{EndToEndIdentification: wire.String(fmt.Sprintf("E-%d", n)), CreditorName: wire.String(fmt.Sprintf("Payee %d", n)), CreditorAccount: wire.Account{IBAN: wire.String(iban)},
		InstructedAmount: wire.Amount{Amount: wire.String(amount), Currency: "EUR"}}
}

func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		t.Run("single entries", func(t *testing.T) {
			ana, luka := w.booked("ana-current"), w.booked("luka-current")
			order := w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere), one(3, "3.00", ibanOf["luka"]))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("Approve payments", "6.75 EUR", `<dd class="count">3</dd>`, "Payee 1", "Payee 2", "one for each", "computed over amount, currency and payee")
			w.hub.events = nil
			w.approve("ana")
			if w.hub.heard() != "update ACTC finalised funds, success, update ACSP, update ACSC" {
				t.Error(w.hub.heard())
			}
			if ana-w.booked("ana-current") != 675 || w.booked("luka-current")-luka != 450 || w.held("ana-current") != 2315+890 {
				t.Error(ana-w.booked("ana-current"), w.booked("luka-current")-luka, w.held("ana-current"))
			}
			if e := w.entries("ana-current", 3); e[0].PartyName != "Payee 3" || e[2].Amount.Minor != -150 || e[1].EndToEnd != "E-2" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("one entry for all, and what cannot be executed is told", func(t *testing.T) {
			ana := w.booked("ana-current")
			order := w.bulk(true, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", "DE00"), one(3, "0.00", elsewhere), one(4, "4.00", elsewhere), one(5, "5.00", ibanOf["ana"]))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("5.50 EUR", `<dd class="count">2</dd>`, "3, because something is wrong with them", "one for all")
			w.approve("ana")
			e := w.status(order.SessionSecret)
			if fmt.Sprint(e.Extra["payments"]) != "[map[end_to_end_identification:E-2 index:1 reason:AC01 status:RJCT] map[end_to_end_identification:E-3 index:2 reason:AM01 status:RJCT] map[end_to_end_identification:E-5 index:4 reason:AC02 status:RJCT]]" || e.Status != "PART" {
				t.Errorf("%+v", e)
			}
			entry := w.entries("ana-current", 1)[0]
			parts := 0
			for word := range entry.Words() {
				if word == ledger.Part {
					parts++
				}
			}
			if ana-w.booked("ana-current") != 550 || entry.Amount.Minor != -550 || parts != 2 || w.booked(persona.BatchID("EUR")) != 0 {
				t.Errorf("%+v", entry)
			}
		})
		t.Run("nothing of it can be executed", func(t *testing.T) {
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.bulk(true, one(1, "0.00", elsewhere), one(2, "1", "DE00"))))
			if w.hub.heard() != "fail RJCT InvalidAttributeValue" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("more than there is", func(t *testing.T) {
			order := w.bulk(true, one(1, "9000000.00", elsewhere), one(2, "9000000.00", elsewhere))
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").submit("approve").sees("It could not be done")
			if w.status(order.SessionSecret).Status != "RJCT" {
				t.Error(w.status(order.SessionSecret))
			}
		})
		t.Run("dated ahead", func(t *testing.T) {
			ana, held := w.booked("ana-current"), w.held("ana-current")
			order := w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere))
			order.Bulk.RequestedExecutionDate = "2026-11-22" // a Sunday
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("2026-11-23")
			w.approve("ana")
			if w.booked("ana-current") != ana || w.held("ana-current") != held+375 || w.status(order.SessionSecret).Status != "ACTC" {
				t.Error(w.status(order.SessionSecret), w.held("ana-current")-held)
			}
			w.pass(3 * 24 * time.Hour)
			w.do(w.bank.executeDue(t.Context()))
			if w.booked("ana-current") != ana-375 || w.held("ana-current") != held || w.status(order.SessionSecret).Status != "ACSC" {
				t.Error(w.status(order.SessionSecret), w.held("ana-current")-held)
			}
		})
	})
}

// Ten thousand payments, and a worker that dies again and again on the way: each is booked once.
func TestLargeBulkSurvivesCrashes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, batch := range []bool{false, true} {
			payments := make([]wire.Payment, bulkMax)
			for i := range payments {
				payments[i] = one(i, "0.01", elsewhere)
			}
			ana, clearing := w.booked("ana-current"), w.booked(persona.ClearingID("EUR"))
			order := w.bulk(batch, payments...)
			w.do(w.c.StartPayment(t.Context(), order))
			w.browser().open(w.page()).logIn("ana").sees("100.00 EUR", "10000", "and 9995 more")
			w.approve("ana")
			rounds := 0
			for w.status(order.SessionSecret).Status == "ACSP" {
				if rounds++; rounds > 100 {
					t.Fatal("no end")
				}
				// Each round dies at another place.
				dying, die := context.WithCancel(t.Context())
				go func() { time.Sleep(time.Duration(rounds*15) * time.Millisecond); die() }()
				var both [2]error
				done := make(chan struct{})
				go func() { both[0] = w.bank.executeDue(dying); close(done) }() // two processes at once
				both[1] = w.bank.executeDue(dying)
				<-done
				die()
			}
			if ana-w.booked("ana-current") != 10000 || w.booked(persona.ClearingID("EUR"))-clearing != 10000 || w.status(order.SessionSecret).Status != "ACSC" || batch && w.booked(persona.BatchID("EUR")) != 0 {
				t.Errorf("%d paid, %d arrived, %+v", ana-w.booked("ana-current"), w.booked(persona.ClearingID("EUR"))-clearing, w.status(order.SessionSecret))
			}
			t.Logf("%d rounds", rounds)
		}
	})
}

// Whatever is changed between the approval and the code, the code approves nothing.
func TestCodeIsBoundToAllOfABulkOrSeries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		bulk := func() wire.PaymentCreate {
			return w.bulk(false, one(1, "1.50", ibanOf["luka"]), one(2, "2.25", elsewhere))
		}
		series := func() wire.PaymentCreate {
			return w.periodic("5.00", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Monthly"})
		}
		for _, c := range []struct {
			name, statement string
			order           wire.PaymentCreate
		}{
			{"an amount of a bulk", `UPDATE corebank_payment_item SET amount = 9999 WHERE n = 1 AND payment = $1`, bulk()},
			{"a payee of a bulk", `UPDATE corebank_payment_item SET creditor_iban = 'DE02120300000000202051' WHERE n = 1 AND payment = $1`, bulk()},
			{"a payee's name", `UPDATE corebank_payment_item SET creditor_name = 'Somebody' WHERE n = 0 AND payment = $1`, bulk()},
			{"a currency", `UPDATE corebank_payment_item SET currency = 'RON' WHERE n = 0 AND payment = $1`, bulk()},
			{"one less", `DELETE FROM corebank_payment_item WHERE n = 0 AND payment = $1`, bulk()},
			{"the plan of a series", `UPDATE corebank_payment SET plan = '{"start":"2026-11-24","end":"","frequency":"Daily","rule":"following","day":0}' WHERE id = $1`, series()},
			{"the payee of a series", `UPDATE corebank_payment SET creditor_name = 'Somebody' WHERE id = $1`, series()},
		} {
			t.Run(c.name, func(t *testing.T) {
				w.do(w.c.StartPayment(t.Context(), c.order))
				b := w.browser().open(w.page()).logIn("ana").submit("approve")
				right := w.code("ana")
				if n, err := w.bank.db.Exec(t.Context(), c.statement, b.at[strings.LastIndex(b.at, "/")+1:]); err != nil || n != 1 {
					t.Fatal(n, err)
				}
				b.submit("confirm", "code", right).sees("That is not the code")
			})
		}
		if w.booked("ana-current") != before || w.held("ana-current") != 2315+890 {
			t.Error("money moved")
		}
	})
}

// The sandbox has two banks: what one sends, the other gets, once, whoever fails in between.
func eachPair(t *testing.T, test func(t *testing.T, w *world, isar *Bank)) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		w := &world{t: t, hub: &hub{last: map[string]wire.Event{}}, time: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		w.url = server.URL + "/lon"
		open := func(code, ibans string) *Bank {
			b, err := New(t.Context(), Config{
				Code: code, Name: "Bank " + code, DB: db, BaseURL: server.URL + "/" + code, Hub: w.hub, Secret: []byte(rand.Text() + rand.Text()), IBANs: ibans, BIC: "LONBSI2X",
				Seed: true, Outbox: true, Now: w.now, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
			})
			if err != nil {
				t.Fatal(err)
			}
			mux.Handle("/"+code+"/", b.Handler())
			return b
		}
		w.bank = open("lon", "SI39")
		isar := open("isar", "DE70990000")
		Join(w.bank, isar)
		w.c = connector{w.bank}
		for _, p := range w.bank.Personas() {
			for _, a := range p.Accounts {
				if ibanOf[p.Login] == "" {
					ibanOf[p.Login] = a.IBAN
				}
			}
		}
		test(t, w, isar)
		for _, b := range []*Bank{w.bank, isar} {
			if err := b.Check(context.Background()); err != nil {
				t.Errorf("the books of %s are wrong afterwards: %v", b.code, err)
			}
		}
	})
}

func TestSettlementBetweenBanks(t *testing.T) {
	eachPair(t, func(t *testing.T, w *world, isar *Bank) {
		shop := persona.Shop("isar", "", "DE70990000").Accounts[0].IBAN
		to := func(iban string) func(*wire.PaymentCreate) {
			return func(p *wire.PaymentCreate) {
				p.Payment.CreditorAccount.IBAN, p.Payment.CreditorName = wire.String(iban), "Shop"
			}
		}
		instant := func(p *wire.PaymentCreate) { p.PaymentProduct = productInstant }
		balance := func() int64 {
			a, err := isar.book.Account(t.Context(), "isar-shop")
			w.do(err)
			return a.Booked
		}
		clearing := func(b *Bank) int64 {
			a, err := b.book.Account(t.Context(), persona.ClearingID("EUR"))
			w.do(err)
			return a.Booked
		}
		ana, here, there := w.booked("ana-current"), clearing(w.bank), clearing(isar)
		for _, c := range []struct {
			name, iban string
			change     func(*wire.PaymentCreate)
			heard      string
			paid, got  int64
		}{
			{"a credit transfer", shop, func(*wire.PaymentCreate) {}, "update ACTC finalised funds, success, update ACSC, update ACCC", 1000, 1000},
			{"an instant one", shop, instant, "update ACTC finalised funds, success, update ACSP, update ACSC, update ACCC", 1000, 1000},
			{"to an account that is not there", "DE03709900000900100777", func(*wire.PaymentCreate) {}, "update ACTC finalised funds, success, update ACSC, update ACSC", 0, 0},
			{"to one that is closed, instantly", persona.ClosedIBAN("DE70990000"), instant, "update ACTC finalised funds, success, update ACSP, update RJCT PaymentNotExecuted", 0, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				before, had := w.booked("ana-current"), balance()
				held := w.held("ana-current")
				if c.name == "to an account that is not there" {
					c.iban = unknownIBAN(t)
				}
				w.do(w.c.StartPayment(t.Context(), w.order("10.00", to(c.iban), c.change)))
				w.hub.events = nil
				w.approve("ana")
				if w.hub.heard() != c.heard {
					t.Error(w.hub.heard())
				}
				if paid, got := before-w.booked("ana-current"), balance()-had; paid != c.paid || got != c.got || w.held("ana-current") != held {
					t.Errorf("%d paid, %d got, %d held", paid, got, w.held("ana-current")-held)
				}
			})
		}
		if e := w.entries("ana-current", 1)[0]; !strings.HasPrefix(e.Text, "Return AC01") || e.Amount.Minor != 1000 {
			t.Errorf("%+v", e)
		}
		if moved := ana - w.booked("ana-current"); clearing(w.bank) != here+moved || clearing(isar) != there-moved || moved != 2000 {
			t.Errorf("%d moved; clearing: %d here, %d there", moved, clearing(w.bank)-here, clearing(isar)-there)
		}
		e, err := isar.book.Entries(t.Context(), "isar-shop", day.New(2026, 11, 20), day.New(2026, 11, 20), ledger.Position{}, 1)
		w.do(err)
		if e[0].PartyName != "Ana Novak" || e[0].PartyIBAN != ibanOf["ana"] || !strings.Contains(e[0].More, "LONBSI2X") {
			t.Errorf("%+v", e[0])
		}
		t.Run("whoever fails in between, it arrives once", func(t *testing.T) {
			had := balance()
			w.bank.joined = nil // the other bank is away
			for _, change := range []func(*wire.PaymentCreate){func(*wire.PaymentCreate) {}, instant} {
				Join(w.bank, isar)
				w.bank.joined = []*Bank{{code: "isar", ibans: isar.ibans, db: closed(t), now: w.now}}
				w.do(w.c.StartPayment(t.Context(), w.order("10.00", to(shop), change)))
				w.approve("ana")
			}
			if balance() != had {
				t.Fatal("the other bank was not away")
			}
			// It comes back, and credits; but its answer is lost with the process that asked.
			rows := w.waiting()
			for _, o := range rows {
				if reason, err := isar.receive(t.Context(), "lon", o); reason != "" || err != nil {
					t.Fatal(reason, err)
				}
			}
			Join(w.bank, isar)
			w.pass(time.Hour)
			for range 3 {
				w.do(w.bank.work(t.Context(), false))
			}
			if len(rows) != 2 || balance() != had+2000 || len(w.waiting()) != 0 || !strings.HasSuffix(w.hub.heard(), "ACCC") {
				t.Errorf("%d were sent, %d arrived; %s", len(rows), balance()-had, w.hub.heard())
			}
		})
	})
}

// unknownIBAN is in the range of a bank that has no such account.
func unknownIBAN(t *testing.T) string {
	t.Helper()
	number, err := iban.ReplaceChecksum("DE00709900000900100777")
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// waiting lists what the bank has still to hand over.
func (w *world) waiting() []outgoing {
	w.t.Helper()
	rows, err := w.bank.db.Query(w.t.Context(), `SELECT body FROM corebank_transfer WHERE bank = 'lon' AND state = 'waiting' ORDER BY id`)
	w.do(err)
	defer rows.Close()
	var all []outgoing
	for rows.Next() {
		var body string
		var o outgoing
		w.do(rows.Scan(&body))
		w.do(json.Unmarshal([]byte(body), &o))
		all = append(all, o)
	}
	return all
}

// closed is a database that takes nothing any more.
func closed(t *testing.T) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), "sqlite:"+t.TempDir()+"/closed.db")
	if err != nil {
		t.Fatal(err)
	}
	return db // without tables every write fails
}

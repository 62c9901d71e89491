package corebank

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/day"
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

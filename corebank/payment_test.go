package corebank

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/day"
)

const paid = "update RCVD received, update ACTC finalised funds, success, update ACSC"

func TestPaymentJourney(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, luka := w.booked("ana-current"), w.booked("luka-current")
		order := w.order("12.50")
		w.do(w.c.StartPayment(t.Context(), order))
		w.do(w.c.StartPayment(t.Context(), order)) // repeated before
		b := w.browser().open(w.page()).sees("Zlatka Pay hands over a payment", "Log in")
		if strings.Contains(b.body, "12.50") {
			t.Error("the payment is shown to whoever holds the address")
		}
		b.logIn("ana")
		b.sees("Approve a payment", "12.50 EUR", "Luka Zupan", spaced(ibanOf["luka"]), spaced(ibanOf["ana"]), "Za kavo", "today", ">Approve<", ">Refuse<")
		if strings.Contains(b.body, `type="radio"`) {
			t.Error("an account is asked for that the TPP named")
		}
		b.submit("approve").sees("Enter the code", "12.50 EUR", spaced(ibanOf["luka"]), "only good for exactly this payment")
		b.submit("confirm", "code", w.code("ana")).sees("Done", hubReturn)
		w.do(w.c.StartPayment(t.Context(), order)) // and after
		if w.hub.heard() != paid {
			t.Error(w.hub.heard())
		}
		if e := w.hub.last["success"]; e.UserID != "1001" || e.DebtorAccount.IBAN != wire.String(ibanOf["ana"]) {
			t.Errorf("%+v", e)
		}
		if got := w.booked("ana-current"); got != ana-1250 {
			t.Errorf("Ana has %d, had %d", got, ana)
		}
		if got := w.booked("luka-current"); got != luka+1250 {
			t.Errorf("Luka has %d, had %d", got, luka)
		}
		today := day.New(2026, 11, 20)
		entries, err := w.bank.book.Entries(t.Context(), "luka-current", today, today, ledger.Position{}, 1)
		w.do(err)
		if e := entries[0]; e.PartyName != "Ana Novak" || e.PartyIBAN != ibanOf["ana"] || e.Text != "Za kavo" || e.EndToEnd != "E2E-1" {
			t.Errorf("%+v", e)
		}
	})
}

func TestPaymentToAnotherBankFromAChosenAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		clearing, andrei := w.booked(persona.ClearingID("EUR")), w.booked("andrei-current")
		w.do(w.c.StartPayment(t.Context(), w.order("20", func(p *wire.PaymentCreate) {
			p.PaymentProduct = "instant-sepa-credit-transfers"
			p.Payment.DebtorAccount = nil
			p.Payment.CreditorName = "Bäckerei Ährenhof"
			p.Payment.CreditorAccount.IBAN = "DE89 3704 0044 0532 0130 00"
		})))
		b := w.browser().open(w.page()).logIn("andrei").sees(`type="radio"`, `value="andrei-current"`, "available")
		if strings.Contains(b.body, "andrei-lei") || strings.Contains(b.body, "andrei-savings") {
			t.Error("an account is offered that cannot pay euro")
		}
		b.submit("approve", "accounts", "andrei-lei").sees("Choose at least one")
		b.submit("approve", "accounts", "andrei-current").sees("Enter the code").submit("confirm", "code", w.code("andrei")).sees("Done")
		if w.booked("andrei-current") != andrei-2000 || w.booked(persona.ClearingID("EUR")) != clearing+2000 || w.hub.heard() != paid {
			t.Errorf("%d %d %s", w.booked("andrei-current"), w.booked(persona.ClearingID("EUR")), w.hub.heard())
		}
	})
}

func TestPaymentRejected(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		for _, c := range []struct {
			name   string
			change func(*wire.PaymentCreate)
			want   string
		}{
			{"a product that is not offered", func(p *wire.PaymentCreate) { p.PaymentProduct = "faster-payment-service" }, "fail RJCT InvalidAttributeValue"},
			{"an amount of nothing", func(p *wire.PaymentCreate) { p.Payment.InstructedAmount.Amount = "0.00" }, "fail RJCT InvalidAttributeValue"},
			{"a negative amount", func(p *wire.PaymentCreate) { p.Payment.InstructedAmount.Amount = "-5" }, "fail RJCT InvalidAttributeValue"},
			{"a third decimal", func(p *wire.PaymentCreate) { p.Payment.InstructedAmount.Amount = "5.001" }, "fail RJCT InvalidAttributeValue"},
			{"a currency that is not SEPA's", func(p *wire.PaymentCreate) { p.Payment.InstructedAmount.Currency = "RON" }, "fail RJCT InvalidAttributeValue"},
			{"a payee IBAN with a wrong digit", func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = "SI56020100010010102" }, "fail RJCT InvalidAttributeValue"},
			{"no payee name", func(p *wire.PaymentCreate) { p.Payment.CreditorName = " " }, "fail RJCT InvalidAttributeValue"},
			{"a payee account in lei", func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = wire.String(ibanOf["andrei++"]) }, "fail RJCT InvalidAttributeValue"},
			{"a debtor account of another bank", func(p *wire.PaymentCreate) { p.Payment.DebtorAccount.IBAN = "DE89370400440532013000" }, "fail RJCT AccountNotFound"},
			{"a debtor account in lei", func(p *wire.PaymentCreate) { p.Payment.DebtorAccount.IBAN = wire.String(ibanOf["andrei++"]) }, "fail RJCT InvalidAttributeValue"},
			{"a debtor account of somebody else than the user", func(p *wire.PaymentCreate) { p.UserID = "1003" }, "fail RJCT AccountNotFound"},
			{"a user nobody knows", func(p *wire.PaymentCreate) { p.UserID = "9999" }, "fail RJCT InvalidAttributeValue"},
			{"a payment to oneself", func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = wire.String(ibanOf["ana"]) }, "fail RJCT InvalidAttributeValue"},
			{"a day that is over", func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-19" }, "fail RJCT InvalidAttributeValue"},
		} {
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.order("5.00", c.change)))
			if w.hub.heard() != c.want {
				t.Errorf("%s: %s", c.name, w.hub.heard())
			}
		}
		t.Run("the customer refuses", func(t *testing.T) {
			w.do(w.c.StartPayment(t.Context(), w.order("5.00")))
			w.hub.events = nil
			w.browser().open(w.page()).logIn("ana").submit("refuse").sees("You refused", hubReturn)
			if w.hub.heard() != "fail RJCT AccessDenied" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("three wrong codes", func(t *testing.T) {
			w.do(w.c.StartPayment(t.Context(), w.order("5.00")))
			w.hub.events = nil
			b := w.browser().open(w.page()).logIn("ana").submit("approve")
			right := w.code("ana")
			b.submit("confirm", "code", wrongCode(right)).submit("confirm", "code", wrongCode(right)).submit("confirm", "code", wrongCode(right)).sees("It could not be done")
			b.submit("confirm", "code", right)
			if w.hub.heard() != "fail RJCT AccessDenied" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("there is not enough money", func(t *testing.T) {
			w.do(w.c.StartPayment(t.Context(), w.order("9000000.00")))
			w.hub.events = nil
			w.browser().open(w.page()).logIn("ana").submit("approve").sees("It could not be done")
			if w.hub.heard() != "update RCVD no funds, fail RJCT InsufficientFunds" {
				t.Error(w.hub.heard())
			}
		})
		if got := w.booked("ana-current"); got != before {
			t.Errorf("money moved: %d, was %d", got, before)
		}
	})
}

// Whatever is changed between the approval and the code, the code approves nothing (RTS art. 5).
func TestCodeIsBoundToThePayment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		for column, value := range map[string]any{
			"amount": int64(1251), "creditor_name": "Luka Zupam", "creditor_iban": "DE89370400440532013000", "currency": "RON", "debtor": "ana-savings", "execute_on": "2026-11-25",
		} {
			t.Run("another "+column, func(t *testing.T) {
				w.do(w.c.StartPayment(t.Context(), w.order("12.50")))
				b := w.browser().open(w.page()).logIn("ana").submit("approve")
				right := w.code("ana")
				if _, err := w.bank.db.Exec(t.Context(), fmt.Sprintf(`UPDATE corebank_payment SET %s = $1 WHERE id = $2`, column), value, b.at[strings.LastIndex(b.at, "/")+1:]); err != nil {
					t.Fatal(err)
				}
				form := *b // the page still shows what was approved
				form.submit("confirm", "code", right)
				if strings.Contains(form.body, "<h1>Done</h1>") {
					t.Error("the code was taken")
				}
				w.do(w.bank.Unlock(t.Context(), "ana")) // five wrong codes in a row would lock her methods
			})
		}
		t.Run("another payment", func(t *testing.T) {
			w.do(w.c.StartPayment(t.Context(), w.order("1.00")))
			w.browser().open(w.page()).logIn("ana").submit("approve")
			other := w.code("ana")
			ask := func() (*browser, string) {
				w.pass(time.Millisecond) // the newest message is on top
				w.do(w.c.StartPayment(t.Context(), w.order("999.00")))
				return w.browser().open(w.page()).logIn("ana").submit("approve"), w.code("ana")
			}
			b, right := ask()
			for right == other { // one in a million
				b, right = ask()
			}
			b.submit("confirm", "code", other).sees("That is not the code")
		})
		if got := w.booked("ana-current"); got != before {
			t.Errorf("money moved: %d, was %d", got, before)
		}
	})
}

func TestPaymentWithoutSCA(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		exempted := "update ACTC exempted funds, success, update ACSC"
		try := func(amount string, change ...func(*wire.PaymentCreate)) string {
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.order(amount, append([]func(*wire.PaymentCreate){func(p *wire.PaymentCreate) { p.UserID = "1001" }}, change...)...)))
			return w.hub.heard()
		}
		invited := "update RCVD received"
		stranger := func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = "DE89370400440532013000" }
		savings := func(p *wire.PaymentCreate) { p.Payment.CreditorAccount.IBAN = wire.String(ibanOf["ana+"]) }
		before := w.booked("ana-current")
		for _, c := range []struct{ name, got, want string }{
			{"more than thirty euro", try("30.01"), invited},
			{"a payee nobody trusts", try("5.00", stranger), invited},
			{"no debtor account", try("5.00", func(p *wire.PaymentCreate) { p.Payment.DebtorAccount = nil }), invited},
			{"nobody logged in before", try("5.00", func(p *wire.PaymentCreate) { p.UserID = "" }), invited},
			{"dated ahead", try("5.00", func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-23" }), invited},
			{"thirty euro to a trusted payee", try("30.00"), exempted},
			{"thirty euro to an own account", try("30.00", savings), exempted},
			{"ninety in sum", try("30.00"), exempted},
			{"more than a hundred in sum", try("10.01"), invited},
			{"a hundred in sum", try("10.00"), exempted},
			{"a cent above", try("0.01"), invited},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s", c.name, c.got)
			}
		}
		if got := w.booked("ana-current"); got != before-10000 {
			t.Errorf("%d, was %d", got, before)
		}
		// SCA opens the limits anew; the sixth small one in a row closes them.
		w.browser().open(w.page()).logIn("ana").submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		for i := range 6 {
			if got, want := try("1.00"), map[bool]string{true: exempted, false: invited}[i < 5]; got != want {
				t.Errorf("number %d: %s", i+1, got)
			}
		}
	})
}

func TestPaymentDatedAhead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.booked("ana-current")
		w.do(w.c.StartPayment(t.Context(), w.order("50.00", func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-23" })))
		w.browser().open(w.page()).logIn("ana").sees("2026-11-23").submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		if w.hub.heard() != "update RCVD received, update ACTC finalised funds, success" {
			t.Error(w.hub.heard())
		}
		a, err := w.bank.book.Account(t.Context(), "ana-current")
		w.do(err)
		if a.Booked != before || a.Held != 2315+890+5000 {
			t.Errorf("booked %d, held %d", a.Booked, a.Held)
		}
		w.do(w.bank.executeDue(t.Context())) // not yet
		w.pass(3 * 24 * time.Hour)
		w.do(w.bank.executeDue(t.Context()))
		w.do(w.bank.executeDue(t.Context()))
		if w.booked("ana-current") != before-5000 || !strings.HasSuffix(w.hub.heard(), ", success, update ACSC") {
			t.Errorf("%d %s", w.booked("ana-current"), w.hub.heard())
		}
	})
}

// Eight approvals at the same moment, each of which alone would be covered.
func TestConcurrentPaymentsNeverOverdraw(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, err := w.bank.book.Account(t.Context(), "ana-current")
		w.do(err)
		each := a.Spendable()/3 - 100 // three fit
		amount := fmt.Sprintf("%d.%02d", each/100, each%100)
		var browsers []*browser
		var codes []string
		for range 8 {
			w.do(w.c.StartPayment(t.Context(), w.order(amount)))
			browsers = append(browsers, w.browser().open(w.page()).logIn("ana").submit("approve").sees("Enter the code"))
			codes = append(codes, w.code("ana"))
			w.pass(time.Millisecond) // the newest message is on top
		}
		var wg sync.WaitGroup
		for i, b := range browsers {
			for range 2 { // and each of them clicked twice
				wg.Go(func() {
					twin := *b
					twin.submit("confirm", "code", codes[i])
				})
			}
		}
		wg.Wait()
		done := 0
		for _, b := range browsers {
			if strings.Contains(b.open(b.at).body, "<h1>Done</h1>") {
				done++
			}
		}
		if got := w.booked("ana-current"); done != 3 || got != a.Booked-3*each {
			t.Errorf("%d went through; %d left of %d", done, got, a.Booked)
		}
		if n := strings.Count(w.hub.heard(), "InsufficientFunds"); n != 5 {
			t.Errorf("%d rejections reported", n)
		}
		if n := strings.Count(w.hub.heard(), "success"); n != 3 {
			t.Errorf("%d successes reported", n)
		}
	})
}

// The hub is away while a customer pays: it hears everything later, in order, once.
func TestReportsSurviveAHubThatIsAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(w.c.StartPayment(t.Context(), w.order("40.00")))
		b := w.browser().open(w.page()).logIn("ana").submit("approve")
		w.hub.events = nil
		w.hub.setDown(true)
		b.submit("confirm", "code", w.code("ana")).sees("Done")
		for range 3 {
			w.pass(time.Minute)
			if n, err := w.bank.deliverDue(t.Context()); n != 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		// The process dies here; another one finds the reports in the database.
		w.hub.setDown(false)
		w.pass(time.Hour)
		if _, err := w.bank.deliverDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		if n, _ := w.bank.deliverDue(t.Context()); n != 0 {
			t.Error("a report was repeated")
		}
		if w.hub.heard() != "update ACTC finalised funds, success, update ACSC" {
			t.Error(w.hub.heard())
		}
	})
}

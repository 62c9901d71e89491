package corebank

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/money"
)

var toConfirm = wire.SCA{ConfirmationRequired: true}

func toBeConfirmed(p *wire.PaymentCreate) { p.SCA = toConfirm }

// goesBack is where the page leads the browser in the end.
var goesBack = regexp.MustCompile(`id="return" href="([^"]*)"`)

// brings returns the code that the browser is given, or nothing.
func (b *browser) brings() string {
	b.w.t.Helper()
	m := goesBack.FindStringSubmatch(b.body)
	if m == nil { // of who has not approved
		return ""
	}
	u, err := url.Parse(m[1])
	b.w.do(err)
	if !strings.HasPrefix(m[1], hubReturn) {
		b.w.t.Errorf("the browser is led to %s", m[1])
	}
	return u.Query().Get(wire.ParameterConfirmationCode)
}

// hold leads a customer through the page that the bank reported last, to where it waits.
func (w *world) hold(login string, fields ...string) *browser {
	w.t.Helper()
	b := w.browser().open(w.page()).logIn(login).submit("approve", fields...)
	return b.submit("confirm", "code", w.code(login)).sees("Approved", "before you are back")
}

// confirms tells the bank that the customer is back, or is not, and returns what it says.
func (w *world) confirms(session wire.String, yes bool) string {
	w.t.Helper()
	e, err := w.c.Confirm(w.t.Context(), wire.SessionConfirm{SessionSecret: session, Confirmed: yes})
	if err != nil {
		return err.Error()
	}
	return string(e.SCAStatus)
}

func TestNothingHappensBeforeItIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		start := func(change ...func(*wire.PaymentCreate)) wire.String {
			t.Helper()
			order := w.order("42.50", append(change, toBeConfirmed)...)
			w.do(w.c.StartPayment(ctx, order))
			return order.SessionSecret
		}
		t.Run("a payment", func(t *testing.T) {
			ana, blocked := w.booked("ana-current"), w.held("ana-current")
			s := start()
			page := w.page()
			if got := w.confirms(s, true); got != sdk.ErrStep.Error() {
				t.Errorf("before she has approved: %s", got)
			}
			b := w.hold("ana")
			code := b.brings()
			if len(code) != 43 {
				t.Fatalf("the code is %q", code)
			}
			told := w.hub.last["update"]
			if told.SCAStatus != "unconfirmed" || told.Status != "" || told.ConfirmationCodeSHA256 != codeHash(code) {
				t.Errorf("told %+v", told)
			}
			if e := w.status(s); e.Status != "RCVD" || e.SCAStatus != "unconfirmed" || e.ConfirmationCodeSHA256 != codeHash(code) {
				t.Errorf("asked, it says %+v", e)
			}
			if w.booked("ana-current") != ana || w.held("ana-current") != blocked {
				t.Error("something was paid")
			}
			// The page may be loaded again, and has the code for nobody else.
			if got := b.open(page).brings(); got != code {
				t.Errorf("again: %q", got)
			}
			if got := w.browser().open(page).brings(); got != "" {
				t.Errorf("a browser without her session is given %q", got)
			}
			other := w.browser().open(w.url + "/me")
			if got := other.logIn("luka").open(page).brings(); got != "" {
				t.Errorf("another customer is given %q", got)
			}
			b.submit("refuse") // there is nothing left to refuse
			// Whoever has no session any more logs in again; nothing else can be done there.
			again := w.browser().open(page).sees(`value="login"`)
			again.submit("refuse").submit("approve").sees(`value="login"`)
			again.submit("login", "login", "ana", "password", "wrong").sees(`value="login"`)
			again.logIn("luka").sees(`value="login"`)
			if got := again.logIn("ana").sees("Approved").brings(); got != code {
				t.Errorf("logged in again, she is given %q", got)
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if got := w.confirms(s, true); got != "finalised" {
						t.Errorf("confirmed, it says %s", got)
					}
				})
			}
			all.Wait()
			if got := w.booked("ana-current"); got != ana-4250 {
				t.Errorf("%d was paid", ana-got)
			}
			if got := w.confirms(s, false); got != "finalised" || w.booked("ana-current") != ana-4250 {
				t.Errorf("dropped afterwards: %s", got)
			}
			if got := w.hub.of(s); got != "update RCVD received, update unconfirmed, "+strings.TrimPrefix(paid, "update RCVD received, ") {
				t.Error(got)
			}
			if got := b.open(page).sees("Done").brings(); got != "" {
				t.Errorf("afterwards she is given %q", got)
			}
		})
		t.Run("what is dropped, or waits too long, is never paid", func(t *testing.T) {
			ana := w.booked("ana-current")
			dropped := start()
			w.hold("ana")
			if got := w.confirms(dropped, false); got != "failed" || w.confirms(dropped, true) != "failed" {
				t.Error(got)
			}
			if e := w.status(dropped); e.Status != "RJCT" || e.SCAStatus != "failed" {
				t.Errorf("%+v", e)
			}
			late := start()
			page := w.page()
			b := w.hold("ana")
			w.pass(holdFor)
			if got := w.confirms(late, true); got != sdk.ErrStep.Error() {
				t.Error(got)
			}
			if e := w.status(late); e.Status != "RJCT" || e.SCAStatus != "failed" {
				t.Errorf("%+v", e)
			}
			b.open(page).sees("The time is up")
			if w.booked("ana-current") != ana {
				t.Error("something was paid")
			}
		})
		t.Run("the time for it is counted from the approval", func(t *testing.T) {
			s := start()
			w.pass(journeyFor - time.Second)
			w.hold("ana")
			w.pass(holdFor - time.Second)
			if got := w.confirms(s, true); got != "finalised" {
				t.Error(got)
			}
		})
		t.Run("money that is gone meanwhile", func(t *testing.T) {
			a, err := w.bank.book.Account(ctx, "ana-current")
			w.do(err)
			left := w.booked("ana-current") - a.Spendable() + 100
			s := start(func(p *wire.PaymentCreate) { p.Payment.InstructedAmount.Amount = "3.00" })
			w.hold("ana")
			w.do(w.c.StartPayment(ctx, w.order(decimal(a.Spendable()-100))))
			w.approve("ana")
			if got := w.confirms(s, true); got != "failed" || w.booked("ana-current") != left {
				t.Errorf("%s, and there are %d left", got, w.booked("ana-current"))
			}
			if e := w.status(s); e.Status != "RJCT" || e.FundsAvailable == nil || *e.FundsAvailable {
				t.Errorf("%+v", e)
			}
		})
	})
}

// decimal writes an amount of cents.
func decimal(minor int64) string { return money.Amount{Minor: minor, Currency: "EUR"}.String() }

func TestEverythingElseIsHeldAsWell(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const asked = "update received received, update unconfirmed"
		t.Run("access to accounts", func(t *testing.T) {
			r := accessRequest(everything())
			r.SCA = toConfirm
			w.do(w.c.StartAccess(ctx, r))
			w.hold("ana")
			if got := w.hub.of(r.SessionSecret); got != asked {
				t.Fatal(got)
			}
			w.confirms(r.SessionSecret, true)
			if got := w.hub.of(r.SessionSecret); got != asked+", success" {
				t.Error(got)
			}
			if all, err := w.c.Accounts(ctx, string(w.hub.tokens[r.SessionSecret])); err != nil || len(all) == 0 {
				t.Error(all, err)
			}
		})
		t.Run("checks of funds", func(t *testing.T) {
			r := wire.FundsTokenCreate{SessionSecret: "held-funds", AppName: "Saldo", RedirectURL: hubReturn, Account: wire.Account{IBAN: wire.String(ibanOf["ana"])}, SCA: toConfirm}
			w.do(w.c.StartFundsAccess(ctx, r))
			w.hold("ana")
			if got := w.hub.of(r.SessionSecret); got != asked {
				t.Fatal(got)
			}
			if got := w.confirms(r.SessionSecret, true); got != "finalised" || w.hub.of(r.SessionSecret) != asked+", success" {
				t.Error(got, w.hub.of(r.SessionSecret))
			}
		})
		t.Run("a cancellation", func(t *testing.T) {
			order := w.order("50.00", func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-23" })
			w.do(w.c.StartPayment(ctx, order))
			w.approve("ana")
			r := w.cancel(order)
			if got := w.confirms(r.SessionSecret, true); got != sdk.ErrStep.Error() {
				t.Errorf("one that nobody asked to confirm: %s", got)
			}
			r.SessionSecret, r.SCA = "held-cancellation", toConfirm
			w.do(w.c.CancelPayment(ctx, r))
			w.hold("ana")
			if e := w.status(order.SessionSecret); e.Status == "CANC" {
				t.Fatal("it is cancelled already")
			}
			if got := w.confirms("held-cancellation", true); got != "finalised" || w.status(order.SessionSecret).Status != "CANC" {
				t.Error(got, w.status(order.SessionSecret).Status)
			}
		})
		t.Run("a basket, with all that is in it", func(t *testing.T) {
			ana := w.booked("ana-current")
			one, two := w.order("1.00"), w.order("2.00")
			r := w.basket(one, two)
			r.SCA = toConfirm
			w.do(w.c.StartBasket(ctx, r))
			w.pass(journeyFor - time.Minute)
			w.hold("ana")
			w.pass(2 * time.Minute)
			if e := w.status(one.SessionSecret); e.Status != "RCVD" || w.booked("ana-current") != ana {
				t.Errorf("%+v", e)
			}
			if got := w.confirms(r.SessionSecret, true); got != "finalised" || w.booked("ana-current") != ana-300 {
				t.Errorf("%s, and %d was paid", got, ana-w.booked("ana-current"))
			}
		})
		t.Run("each signature of several by itself", func(t *testing.T) {
			golob := w.booked("golob-business")
			order := w.order("250.00", fromGolob, toBeConfirmed)
			w.do(w.c.StartPayment(ctx, order))
			w.hold("jan")
			if got := w.hub.of(order.SessionSecret); got != "update RCVD received, update unconfirmed" {
				t.Fatal(got)
			}
			if got := w.confirms(order.SessionSecret, true); got != "finalised" || w.status(order.SessionSecret).Status != "PATC" {
				t.Fatal(got, w.status(order.SessionSecret).Status)
			}
			dropped, second := another(order.SessionSecret, toConfirm), another(order.SessionSecret, toConfirm)
			w.do(w.c.StartSignature(ctx, dropped))
			w.hold("vesna")
			if got := w.confirms(dropped.SessionSecret, false); got != "failed" || w.status(order.SessionSecret).Status != "PATC" {
				t.Error(got, w.status(order.SessionSecret).Status)
			}
			w.do(w.c.StartSignature(ctx, second))
			w.hold("vesna")
			if w.booked("golob-business") != golob {
				t.Fatal("it was paid before she was back")
			}
			if got := w.confirms(second.SessionSecret, true); got != "finalised" || w.booked("golob-business") != golob-25000 {
				t.Errorf("%s, and %d was paid", got, golob-w.booked("golob-business"))
			}
		})
		t.Run("a payment that is cancelled while it waits", func(t *testing.T) {
			ana := w.booked("ana-current")
			order := w.order("42.50", toBeConfirmed)
			w.do(w.c.StartPayment(ctx, order))
			w.hold("ana")
			w.cancel(order)
			if got := w.confirms(order.SessionSecret, true); got != "failed" || w.booked("ana-current") != ana {
				t.Error(got)
			}
		})
		t.Run("but not what goes on at the third party, nor what nobody asked to confirm", func(t *testing.T) {
			order := w.order("42.50", func(p *wire.PaymentCreate) { p.SCA = embedded("ana"); p.ConfirmationRequired = true })
			w.do(w.c.StartPayment(ctx, order))
			w.takes(order.SessionSecret, password("ana"), "embedded scaMethodSelected")
			w.takes(order.SessionSecret, answered(w.code("ana")), "embedded finalised")
			plain := w.order("41.50")
			w.do(w.c.StartPayment(ctx, plain))
			w.approve("ana")
			for _, s := range []wire.String{order.SessionSecret, plain.SessionSecret, "unknown", "\x00"} {
				if _, err := w.c.Confirm(ctx, wire.SessionConfirm{SessionSecret: s, Confirmed: true}); !errors.Is(err, sdk.ErrStep) {
					t.Errorf("%q: %v", s, err)
				}
			}
		})
	})
}

func TestPagesAndMessagesInTheLanguageThatTheThirdPartyNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		speaks := func(language string) wire.SCA { return wire.SCA{PSUAcceptLanguage: wire.String(language)} }
		for _, tt := range []struct{ said, own, want string }{
			{"de-AT,de;q=0.9", "", "de"},
			{"sl", "ro", "sl"}, // what the app speaks, and not the browser that it has opened
			{"", "ro", "ro"},
			{"tlh", "ro", "ro"}, // a language that the bank does not know
			{strings.Repeat("d", 300), "", "en"},
			{"de\x00", "", "en"},
		} {
			r := accessRequest(everything())
			r.SessionSecret, r.SCA = wire.String(tt.said+tt.own), speaks(tt.said)
			if tt.said == "de\x00" {
				r.SessionSecret = "odd"
			}
			if len(r.SessionSecret) > 200 {
				r.SessionSecret = "long"
			}
			w.do(w.c.StartAccess(t.Context(), r))
			b := w.browser()
			b.language = tt.own
			if b.open(w.page()); !strings.Contains(b.raw, `<html lang="`+tt.want+`"`) {
				t.Errorf("%+v: %.60s", tt, b.raw)
			}
			// What she chooses herself counts more, from then on.
			b.open(w.page() + "?lang=ro").open(w.page())
			if !strings.Contains(b.raw, `<html lang="ro"`) {
				t.Errorf("%+v, after her own choice: %.60s", tt, b.raw)
			}
		}
		r := accessRequest(everything())
		r.SessionSecret, r.SCA = "phone", onPhone("nobody")
		r.PSUAcceptLanguage = "sl,en;q=0.5"
		w.do(w.c.StartAccess(t.Context(), r))
		if got, want := w.hub.last["update"].Extra.Text("psu_message"), w.bank.textsTo("sl").Text("steps.phone"); got != want || want == w.bank.textsTo("en").Text("steps.phone") {
			t.Errorf("the PSU is told %q; want %q", got, want)
		}
	})
}

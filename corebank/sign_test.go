package corebank

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

// fromGolob is a payment of a company for which any two of its three signers sign.
func fromGolob(p *wire.PaymentCreate) {
	p.Payment.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf["tine"])}
}

// another asks for another signature of what was signed under session.
func another(session wire.String, sca wire.SCA) wire.SignatureCreate {
	return wire.SignatureCreate{
		SessionSecret: wire.String(rand.Text()), ProviderCode: "lon", Signs: session, AppName: "Zlatka Pay", RedirectURL: hubReturn, SCA: sca,
	}
}

// signs lets login sign on the page that the bank told last.
func (w *world) signs(login string, see ...string) *browser {
	w.t.Helper()
	b := w.browser().open(w.page()).logIn(login).sees(see...).submit("approve")
	return b.submit("confirm", "code", w.code(login))
}

const oneOfTwo = "update RCVD received, success PATC"

func TestSignaturesOfAPayment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		before := w.booked("golob-business")
		t.Run("two of three sign, in any order, each as she likes", func(t *testing.T) {
			order := w.order("250.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			if _, err := w.c.PaymentStatus(ctx, wire.PaymentQuery{SessionSecret: order.SessionSecret}); err != nil {
				t.Fatal(err)
			}
			w.signs("jan", "Signatures needed").sees("You have signed", "Others have to sign", hubReturn)
			if got := w.hub.of(order.SessionSecret); got != oneOfTwo {
				t.Fatal(got)
			}
			if e := w.hub.last["success"]; e.UserID != "1011" || e.DebtorAccount.IBAN != wire.String(ibanOf["tine"]) || e.Token != "" {
				t.Errorf("%+v", e)
			}
			if e := w.status(order.SessionSecret); e.Status != "PATC" || e.SCAStatus != "finalised" {
				t.Errorf("%+v", e)
			}
			if w.booked("golob-business") != before {
				t.Fatal("one signature was enough")
			}
			w.pass(time.Hour)
			r := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, r))
			w.do(w.c.StartSignature(ctx, r)) // repeated: it is one
			b := w.browser().open(w.page()).logIn("jan").sees("cannot sign this or has signed it already")
			b.submit("approve")
			b.logIn("ana").sees("cannot sign this")
			b.submit("approve")
			if got := w.hub.of(r.SessionSecret); got != "update PATC received" {
				t.Fatal(got)
			}
			w.signs("vesna", "250.00 EUR", "Luka Zupan", "Has signed", "Jan Žagar").sees("Done")
			if got := w.hub.of(r.SessionSecret); got != "update PATC received, success" {
				t.Error(got)
			}
			if got := w.hub.of(order.SessionSecret); got != oneOfTwo+", update ACTC finalised funds, update ACSC" {
				t.Error(got)
			}
			if got := before - w.booked("golob-business"); got != 25000 {
				t.Errorf("%d was paid", got)
			}
			if _, err := w.c.Authorise(ctx, wire.SessionAuthorise{SessionSecret: r.SessionSecret, SCA: embedded("tine")}); err == nil {
				t.Error("a third signature is waited for")
			}
			if err := w.c.StartSignature(ctx, another(order.SessionSecret, wire.SCA{})); err != sdk.ErrInvalid {
				t.Errorf("got %v", err)
			}
		})
		t.Run("by password and code at the third party, and on the phone", func(t *testing.T) {
			before := w.booked("golob-payroll")
			order := w.order("10.00", func(p *wire.PaymentCreate) {
				p.Payment.DebtorAccount, p.SCA = &wire.Account{IBAN: wire.String(ibanOf["tine+"])}, embedded("tine")
			})
			w.do(w.c.StartPayment(ctx, order))
			w.takes(order.SessionSecret, password("tine"), "embedded scaMethodSelected")
			w.takes(order.SessionSecret, answered(w.code("tine")), "embedded finalised")
			again := another(order.SessionSecret, embedded("tine"))
			w.do(w.c.StartSignature(ctx, again))
			w.takes(again.SessionSecret, password("tine"), "embedded failed")
			if got := w.hub.of(again.SessionSecret); got != "update PATC psuIdentified, fail SignatureNotGiven" {
				t.Error(got)
			}
			stranger := another(order.SessionSecret, onPhone("sofia"))
			w.do(w.c.StartSignature(ctx, stranger))
			r := another(order.SessionSecret, onPhone("vesna"))
			w.do(w.c.StartSignature(ctx, r))
			w.do(w.bank.work(ctx, false))
			if all := w.asks("sofia").body; strings.Contains(all, "10,00 EUR") {
				t.Error("the phone of somebody else is asked")
			}
			w.asks("vesna").sees("10,00 EUR", "Tine Golob").submit("approve")
			if got := w.hub.of(r.SessionSecret); got != "update PATC started, success" {
				t.Error(got)
			}
			if got := before - w.booked("golob-payroll"); got != 1000 {
				t.Errorf("%d was paid", got)
			}
		})
		t.Run("one who refuses ends it; whoever only holds the page does not", func(t *testing.T) {
			order := w.order("11.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			w.signs("tine")
			r := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, r))
			w.browser().open(w.page()).submit("refuse")
			if got := w.hub.of(r.SessionSecret); got != "update PATC received, fail SignatureNotGiven" {
				t.Error(got)
			}
			if e := w.status(order.SessionSecret); e.Status != "PATC" {
				t.Errorf("%+v", e)
			}
			r = another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, r))
			w.browser().open(w.page()).logIn("vesna").submit("refuse").sees("You refused")
			if got := w.hub.of(r.SessionSecret); got != "update PATC received, fail RJCT AccessDenied" {
				t.Error(got)
			}
			if e := w.status(order.SessionSecret); e.Status != "RJCT" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("wrong codes of one leave it to the others", func(t *testing.T) {
			order := w.order("12.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			w.signs("tine")
			r := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, r))
			b := w.browser().open(w.page()).logIn("vesna").submit("approve")
			for range triesMax {
				b.submit("confirm", "code", wrongCode(w.code("vesna")))
			}
			if got := w.hub.of(r.SessionSecret); got != "update PATC received, fail SignatureNotGiven" {
				t.Error(got)
			}
			w.do(w.bank.Unlock(ctx, "vesna"))
			w.do(w.c.StartSignature(ctx, another(order.SessionSecret, wire.SCA{})))
			w.signs("vesna").sees("Done")
			if e := w.status(order.SessionSecret); e.Status != "ACSC" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("nobody signs in time", func(t *testing.T) {
			order := w.order("13.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			w.signs("tine")
			r := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, r))
			page := w.page()
			w.pass(journeyFor)
			w.browser().open(page).sees("The time is up")
			w.pass(nextSignature)
			if err := w.c.StartSignature(ctx, another(order.SessionSecret, wire.SCA{})); err != sdk.ErrInvalid {
				t.Errorf("got %v", err)
			}
			if e := w.status(order.SessionSecret); e.Status != "RJCT" || e.ErrorClass != "SessionExpired" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("the hub hears of every signature, though it is away when they are given", func(t *testing.T) {
			order := w.order("15.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			page := w.page()
			w.hub.setDown(true)
			b := w.browser().open(page).logIn("tine").submit("approve")
			b.submit("confirm", "code", w.code("tine")).sees("You have signed")
			hears := func() {
				t.Helper()
				w.hub.setDown(false)
				for range 3 {
					w.pass(leaseFor + time.Minute)
					if _, err := w.bank.deliverDue(ctx); err != nil {
						t.Fatal(err)
					}
				}
			}
			hears() // and only then asks for the next
			next := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			page = w.page()
			w.hub.setDown(true)
			b = w.browser().open(page).logIn("vesna").submit("approve")
			b.submit("confirm", "code", w.code("vesna")).sees("Done")
			hears()
			if got := w.hub.of(order.SessionSecret); got != oneOfTwo+", update ACTC finalised funds, update ACSC" {
				t.Error(got)
			}
			if got := w.hub.of(next.SessionSecret); got != "update PATC received, success" {
				t.Error(got)
			}
		})
		t.Run("a low value to somebody trusted needs as many", func(t *testing.T) {
			order := w.order("5.00", fromGolob)
			order.UserID = "1009"
			order.Payment.CreditorAccount.IBAN = wire.String(ibanOf["tine++"]) // his own
			w.do(w.c.StartPayment(ctx, order))
			if got := w.hub.of(order.SessionSecret); got != "update RCVD received" {
				t.Error(got)
			}
		})
		t.Run("of many at once each counts once, and the last is done once", func(t *testing.T) {
			before := w.booked("golob-business")
			order := w.order("20.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			w.signs("tine")
			var asked []wire.SignatureCreate
			for _, login := range []string{"vesna", "jan", "vesna"} {
				r := another(order.SessionSecret, embedded(wire.String(login)))
				w.do(w.c.StartSignature(ctx, r))
				w.takes(r.SessionSecret, password(login), map[string]string{"vesna": "embedded psuAuthenticated", "jan": "embedded psuAuthenticated"}[login])
				w.takes(r.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: "sms"}, "embedded scaMethodSelected")
				asked = append(asked, r)
			}
			var wg sync.WaitGroup
			for i, login := range []string{"vesna", "jan", "vesna"} {
				j, err := w.bank.journeyOf(t, asked[i].SessionSecret)
				w.do(err)
				code := w.codeOf(login, j.ID)
				wg.Go(func() { w.step(asked[i].SessionSecret, answered(code)) })
			}
			wg.Wait()
			if got := before - w.booked("golob-business"); got != 2000 {
				t.Errorf("%d was paid", got)
			}
			done := 0
			for _, r := range asked {
				if strings.HasSuffix(w.hub.of(r.SessionSecret), "success") {
					done++
				}
			}
			if done != 1 {
				t.Errorf("%d signatures count beside the first", done)
			}
		})
	})
}

// journeyOf finds the journey of a session of the hub.
func (b *Bank) journeyOf(t *testing.T, session wire.String) (journey, error) {
	return scanJourney(b.db.QueryRow(t.Context(), selectJourney+`session_secret = $2`, b.code, string(session)))
}

// codeOf is the code that login got for a journey.
func (w *world) codeOf(login, journey string) (code string) {
	w.t.Helper()
	w.do(w.bank.db.QueryRow(w.t.Context(), `SELECT code FROM corebank_message WHERE bank = 'lon' AND login = $1 AND journey = $2`, login, journey).Scan(&code))
	return code
}

func TestSignaturesOfTheRest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		golob := []wire.Account{{IBAN: wire.String(ibanOf["tine"])}}
		t.Run("an access opens with the last signature, and is of the first signer", func(t *testing.T) {
			r := accessRequest(wire.Access{Balances: &golob, Transactions: &golob})
			r.SessionSecret = "signed-1"
			w.do(w.c.StartAccess(ctx, r))
			b := w.browser().open(w.page()).logIn("tine").submit("approve", "accounts", "golob-business").sees("Signatures needed")
			b.submit("confirm", "code", w.code("tine")).sees("You have signed")
			if got := w.hub.of(r.SessionSecret); got != "update received received, success partiallyAuthorised" {
				t.Fatal(got)
			}
			if w.hub.tokens[r.SessionSecret] != "" {
				t.Fatal("there is a token already")
			}
			next := another(r.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			w.signs("jan", "Sign as well", spaced(ibanOf["tine"]), "Tine Golob").sees("Done")
			token := string(w.hub.tokens[next.SessionSecret])
			accounts, err := w.c.Accounts(ctx, token)
			w.do(err)
			if len(accounts) != 1 || accounts[0].IBAN != golob[0].IBAN || accounts[0].Extra.PSUName != "Tine Golob" {
				t.Errorf("%+v", accounts)
			}
		})
		t.Run("an access to all needs as many; who signs as well sees nothing of the rest", func(t *testing.T) {
			r := accessRequest(everything())
			r.SessionSecret = "signed-2"
			w.do(w.c.StartAccess(ctx, r))
			w.signs("tine")
			next := another(r.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			b := w.browser().open(w.page()).logIn("vesna").sees(spaced(ibanOf["tine"]), spaced(ibanOf["tine+"]))
			if strings.Contains(b.body, spaced(ibanOf["tine++"])) {
				t.Error("an account of somebody else is shown")
			}
			// Jan can sign for one of the two accounts: that is not enough.
			w.signs("jan").sees("Done")
			if got := w.hub.of(next.SessionSecret); got != "update partiallyAuthorised received, success partiallyAuthorised" {
				t.Fatal(got)
			}
			last := another(r.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, last))
			w.signs("vesna").sees("Done")
			accounts, err := w.c.Accounts(ctx, string(w.hub.tokens[last.SessionSecret]))
			w.do(err)
			if len(accounts) != 3 {
				t.Errorf("%d accounts", len(accounts))
			}
		})
		t.Run("an access to what she holds alone needs one", func(t *testing.T) {
			w.give("tine", wire.Access{}, "accounts", "tine-current")
		})
		t.Run("checks of funds", func(t *testing.T) {
			r := wire.FundsTokenCreate{SessionSecret: "f1", AppName: "Saldo", RedirectURL: hubReturn, Account: golob[0]}
			w.do(w.c.StartFundsAccess(ctx, r))
			w.signs("vesna")
			next := another("f1", wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			w.signs("tine").sees("Done")
			if _, err := w.c.FundsAvailable(ctx, string(w.hub.tokens[next.SessionSecret]), wire.FundsCheck{Account: golob[0], InstructedAmount: wire.Amount{Amount: "1.00", Currency: "EUR"}}); err != nil {
				t.Error(err)
			}
		})
		t.Run("a series, and its cancellation by others than those who signed it", func(t *testing.T) {
			r := w.periodic("5.00", wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly"}, fromGolob)
			w.do(w.c.StartPayment(ctx, r))
			w.signs("tine")
			w.do(w.c.StartSignature(ctx, another(r.SessionSecret, wire.SCA{})))
			w.signs("vesna").sees("Done")
			if e := w.status(r.SessionSecret); e.Status != "ACSP" {
				t.Fatalf("%+v", e)
			}
			c := w.cancel(r)
			w.signs("jan", "Signatures needed")
			if got := w.hub.of(c.SessionSecret); got != "update received, success PATC" {
				t.Fatal(got)
			}
			if e := w.status(r.SessionSecret); e.Status != "ACSP" {
				t.Fatalf("one signature cancelled it: %+v", e)
			}
			next := another(c.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			w.signs("vesna", "Jan Žagar").sees("Done")
			if got := w.hub.of(next.SessionSecret); got != "update received, update CANC finalised, success" {
				t.Error(got)
			}
			if e := w.status(r.SessionSecret); e.Status != "CANC" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("what is signed by one is cancelled at once, and who was asked cannot sign it any more", func(t *testing.T) {
			order := w.order("14.00", fromGolob)
			w.do(w.c.StartPayment(ctx, order))
			w.signs("tine")
			next := another(order.SessionSecret, wire.SCA{})
			w.do(w.c.StartSignature(ctx, next))
			page := w.page()
			w.cancel(order)
			if e := w.status(order.SessionSecret); e.Status != "CANC" {
				t.Errorf("%+v", e)
			}
			w.browser().open(page).sees("It could not be done")
		})
		t.Run("what a customer gives at the bank itself does not get around it", func(t *testing.T) {
			b := w.browser().open(w.url + "/me").logIn("tine")
			if !strings.Contains(b.body, `value="tine-current"`) || strings.Contains(b.body, `value="golob-business"`) {
				t.Error("checks of funds are hers to allow alone")
			}
			path, key, err := w.bank.startAllow(ctx, "1009", funder{TPP: "PSDSI-BS-1234567"}, "golob-business")
			if w.do(err); key != "" {
				t.Fatal(key)
			}
			b.open(strings.TrimSuffix(w.url, "/lon") + path).sees("is not yours").submit("approve")
			if given, err := w.bank.allowedBy(ctx, "1009"); err != nil || len(given) != 0 {
				t.Errorf("%+v, %v", given, err)
			}
		})
		t.Run("nor does a password where there is no method", func(t *testing.T) {
			r := w.periodic("6.00", wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly"}, fromGolob)
			w.do(w.c.StartPayment(ctx, r))
			w.signs("tine")
			w.do(w.c.StartSignature(ctx, another(r.SessionSecret, wire.SCA{})))
			w.signs("vesna").sees("Done")
			if _, err := w.bank.db.Exec(ctx, `DELETE FROM corebank_method WHERE bank = 'lon' AND customer = '1011'`); err != nil {
				t.Fatal(err)
			}
			c := wire.PaymentCancel{SessionSecret: "c9", PaymentSession: r.SessionSecret, PaymentIdentification: 1, AppName: "Zlatka Pay", RedirectURL: hubReturn, SCA: embedded("jan")}
			w.do(w.c.CancelPayment(ctx, c))
			w.step("c9", password("jan"))
			if e := w.status(r.SessionSecret); e.Status != "ACSP" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("a basket does not get around it", func(t *testing.T) {
			before := w.booked("golob-business")
			r := w.basket(w.order("3.00", fromGolob), w.order("4.00", fromGolob))
			w.do(w.c.StartBasket(ctx, r))
			w.browser().open(w.page()).logIn("tine").sees("is not yours").submit("approve")
			all := w.basket(everything())
			w.do(w.c.StartBasket(ctx, all))
			w.browser().open(w.page()).logIn("tine").sees("is not yours").submit("approve")
			if w.booked("golob-business") != before {
				t.Error("something was paid")
			}
		})
	})
}

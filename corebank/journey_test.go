package corebank

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

func accessRequest(a wire.Access) wire.TokenCreate {
	return wire.TokenCreate{SessionSecret: "session-1", ProviderCode: "lon", AppName: "Saldo <b>App</b>", AuthorizationType: "oauth", RedirectURL: hubReturn,
		RecurringIndicator: true, ValidUntil: "2027-01-31", FrequencyPerDay: 4, Access: a}
}

func offered() wire.Access {
	return wire.Access{Balances: &[]wire.Account{}, Transactions: &[]wire.Account{}}
}

func TestAccessJourney(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.do(w.c.StartAccess(ctx, accessRequest(offered())))
		w.do(w.c.StartAccess(ctx, accessRequest(offered()))) // repeated by a hub that did not hear us
		if w.hub.heard() != "update received received" {
			t.Fatal(w.hub.heard())
		}
		if !strings.HasPrefix(w.page(), w.url+"/sca/") || w.hub.last["update"].SessionExpiresAt != "2026-11-20T10:15:00Z" {
			t.Errorf("%+v", w.hub.last["update"])
		}
		b := w.browser().open(w.page()).sees("Log in", "Saldo <b>App</b> asks to see your accounts")
		if !strings.Contains(b.raw, "Saldo &lt;b&gt;App&lt;/b&gt;") {
			t.Error("the name of a third party can be markup")
		}
		b.submit("login", "login", "ana", "password", "wrong").sees("is not right", `value="ana"`)
		if b.status != http.StatusUnprocessableEntity {
			t.Error(b.status)
		}
		b.logIn("ana").sees("Choose accounts", "Osebni račun", "Varčevalni račun", "535501******7215", "Until 2027-01-31", `>Approve<`, `>Refuse<`)
		b.submit("approve").sees("Choose at least one account")
		b.submit("approve", "accounts", "luka-current").sees("Choose at least one account") // not hers
		b.submit("approve", "accounts", "ana-current", "accounts", "ana-card").sees("Enter the code", "•••• 101")
		right := w.code("ana")
		b.submit("confirm", "code", wrongCode(right)).sees("That is not the code")
		b.submit("confirm", "code", right[:3]+" "+right[3:]).sees("Done", "Returning you to", `content="0; url=`+hubReturn+`"`, `href="`+hubReturn+`"`)
		if w.hub.heard() != "update received received, success" {
			t.Fatal(w.hub.heard())
		}
		success := w.hub.last["success"]
		if success.UserID != "1001" || len(*success.Consent.Balances) != 2 || (*success.Consent.Balances)[0].IBAN != wire.String(ibanOf["ana"]) || (*success.Consent.Transactions)[1].MaskedPAN == "" {
			t.Errorf("%+v", success)
		}
		token := string(success.Token)
		accounts, err := w.c.Accounts(ctx, token)
		w.do(err)
		if len(accounts) != 1 || accounts[0].ID != "ana-current" || len(accounts[0].Balances) != 3 {
			t.Errorf("%+v", accounts)
		}
		cards, err := w.c.CardAccounts(ctx, token)
		w.do(err)
		if len(cards) != 1 || len(cards[0].Balances) != 2 {
			t.Errorf("%+v", cards)
		}
		// A second device that still shows the code page sees the end too.
		b.open(w.page()).sees("Done")
		w.do(w.c.RevokeAccess(ctx, token))
		if err := w.c.RevokeAccess(ctx, token); !errors.Is(err, sdk.ErrAccessDenied) {
			t.Errorf("revoked twice: %v", err)
		}
		if _, err := w.c.Accounts(ctx, token); !errors.Is(err, sdk.ErrAccessDenied) {
			t.Errorf("read after revocation: %v", err)
		}
		if _, err := w.c.Accounts(ctx, token[:len(token)-1]+"A"); !errors.Is(err, sdk.ErrTokenUnknown) && token[len(token)-1] != 'A' {
			t.Errorf("a bent token opens: %v", err)
		}
	})
}

func TestAccessToNamedAndToAllAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		named := []wire.Account{{IBAN: wire.String(ibanOf["ana+"])}}
		all := append([]wire.Account{{IBAN: wire.String(ibanOf["ana"]), Currency: "EUR"}}, named...)
		w.do(w.c.StartAccess(t.Context(), accessRequest(wire.Access{Balances: &all, Transactions: &named})))
		b := w.browser().open(w.page())
		b.logIn("luka").sees("You are logged in as Luka Zupan, but the account named is not yours")
		b.logIn("ana").sees("Choose accounts", `value="ana-current" id="account-ana-current" checked`, `value="ana-savings"`)
		if strings.Contains(b.body, "535501") {
			t.Error("an account is offered that nobody named")
		}
		b.submit("approve", "accounts", "ana-current", "accounts", "ana-savings").submit("confirm", "code", w.code("ana")).sees("Done")
		got := w.hub.last["success"].Consent
		if len(*got.Balances) != 2 || len(*got.Transactions) != 1 {
			t.Errorf("granted %+v", got)
		}
		token := string(w.hub.last["success"].Token)
		if _, err := w.c.Transactions(t.Context(), token, wire.TransactionsQuery{AccountID: "ana-current"}); !errors.Is(err, sdk.ErrAccountUnknown) {
			t.Errorf("transactions were not granted on this account: %v", err)
		}

		r := accessRequest(wire.Access{AllPSD2: "allAccounts"})
		r.SessionSecret = "session-2"
		w.do(w.c.StartAccess(t.Context(), r))
		// The browser is logged in: nobody asks again.
		b.open(w.page()).sees("Give access", "will see all your accounts").submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		if w.hub.last["success"].Consent.AllPSD2 != "allAccounts" {
			t.Errorf("%+v", w.hub.last["success"])
		}
		token = string(w.hub.last["success"].Token)
		if accounts, err := w.c.Accounts(t.Context(), token); err != nil || len(accounts) != 2 {
			t.Errorf("%v %v", accounts, err)
		}
		if _, err := w.c.Transactions(t.Context(), token, wire.TransactionsQuery{AccountID: "luka-current"}); !errors.Is(err, sdk.ErrAccountUnknown) {
			t.Errorf("all accounts are all of Ana's only: %v", err)
		}
		w.pass(80 * 24 * time.Hour)
		if _, err := w.c.Accounts(t.Context(), token); !errors.Is(err, sdk.ErrTokenExpired) {
			t.Errorf("the last day is over: %v", err)
		}
	})
}

func TestTransactionsArePaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := accessRequest(wire.Access{AllPSD2: "allAccounts"})
		w.do(w.c.StartAccess(t.Context(), r))
		w.browser().open(w.page()).logIn("ana").submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		token := string(w.hub.last["success"].Token)
		q := wire.TransactionsQuery{SessionSecret: "session-1", AccountID: "ana-current", FromDate: "2025-10-01", ToDate: "2026-11-20"}
		seen := map[wire.String]bool{}
		pending, pages, lastDate := 0, 0, wire.String("9999")
		for {
			page, err := w.c.Transactions(t.Context(), token, q)
			w.do(err)
			pages++
			for _, e := range page.Data {
				if seen[e.ID] {
					t.Fatalf("%s twice", e.ID)
				}
				seen[e.ID] = true
				if e.Status == "pending" {
					pending++
					continue
				}
				if e.BookingDate > lastDate {
					t.Fatalf("%s after %s", e.BookingDate, lastDate)
				}
				lastDate = e.BookingDate
			}
			if page.Meta.NextID == "" {
				break
			}
			if want := map[bool]int{true: pageSize, false: pageSizeMax}[q.FromID == ""]; len(page.Data) != want {
				t.Errorf("a page of %d, not %d", len(page.Data), want)
			}
			q.FromID = page.Meta.NextID
		}
		if pages < 2 || len(seen) < 250 || pending != 2 {
			t.Errorf("%d pages, %d entries, %d pending", pages, len(seen), pending)
		}
		short, err := w.c.Transactions(t.Context(), token, wire.TransactionsQuery{AccountID: "ana-current", FromDate: "2026-11-01", ToDate: "2026-11-10"})
		w.do(err)
		for _, e := range short.Data {
			if e.Status == "booked" && (e.BookingDate < "2026-11-01" || e.BookingDate > "2026-11-10") {
				t.Errorf("%s is not in the period", e.BookingDate)
			}
		}
		for _, bad := range []wire.TransactionsQuery{{FromDate: "yesterday"}, {ToDate: "2026-13-01"}, {FromDate: "2026-11-02", ToDate: "2026-11-01"}, {FromID: "%%%"}, {FromID: "eDp5"}, {FromID: "ZTp4OnkK"}} {
			bad.AccountID = "ana-current"
			if _, err := w.c.Transactions(t.Context(), token, bad); !errors.Is(err, sdk.ErrInvalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

func TestJourneyEndsBadly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		start := func(session wire.String) *browser {
			r := accessRequest(offered())
			r.SessionSecret = session
			w.do(w.c.StartAccess(t.Context(), r))
			w.hub.events = nil
			return w.browser().open(w.page())
		}
		t.Run("a customer can refuse before logging in", func(t *testing.T) {
			start("r1").submit("refuse").sees("You refused", hubReturn)
			if w.hub.heard() != "fail AccessDenied" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("a third wrong code ends it, and the right one comes too late", func(t *testing.T) {
			b := start("r2").logIn("ana").submit("approve", "accounts", "ana-current")
			right := w.code("ana")
			b.submit("confirm", "code", wrongCode(right)).submit("confirm", "code", wrongCode(right)).sees("After three wrong codes")
			b.submit("resend").sees("Enter the code") // a new code opens no new count
			right = w.code("ana")
			b.submit("confirm", "code", wrongCode(right)).sees("It could not be done", hubReturn)
			b.submit("confirm", "code", right).sees("It could not be done")
			if w.hub.heard() != "fail AccessDenied" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("a code is good for five minutes", func(t *testing.T) {
			b := start("r3").logIn("ana").submit("approve", "accounts", "ana-current")
			old := w.code("ana")
			w.pass(4 * time.Minute)
			b.open(b.at)
			w.pass(61 * time.Second)
			b.submit("confirm", "code", old).sees("no longer good")
			b.submit("resend")
			b.submit("confirm", "code", w.code("ana")).sees("Done")
		})
		t.Run("after a quarter of an hour it is over", func(t *testing.T) {
			b := start("r4")
			w.pass(15 * time.Minute)
			b.logIn("ana").sees("The time is up", hubReturn)
			if w.hub.heard() != "" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("five idle minutes end the session with the bank", func(t *testing.T) {
			b := start("r5").logIn("ana").sees("Choose accounts")
			w.pass(5*time.Minute + time.Second)
			b.open(b.at).sees("Password")
		})
		t.Run("the fifth wrong password locks, and the right one says nothing else", func(t *testing.T) {
			b := start("r6")
			for range 5 {
				b.submit("login", "login", "katharina", "password", "nope").sees("is not right")
			}
			b.logIn("katharina").sees("is not right")
			b.submit("login", "login", "nobody", "password", "nope").sees("is not right")
			w.pass(14 * time.Minute)
			b = start("r7").logIn("katharina").sees("is not right")
			w.pass(2 * time.Minute)
			b.logIn("katharina").sees("Choose accounts")
		})
		t.Run("a right password begins the count anew", func(t *testing.T) {
			b := start("r9")
			for range 3 {
				for range 4 {
					b.submit("login", "login", "andrei", "password", "nope").sees("is not right")
				}
				b.logIn("andrei").sees("Choose accounts")
				b = w.browser().open(b.at)
			}
		})
		t.Run("many guesses at once are no more than five", func(t *testing.T) {
			b := start("r10")
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					(&browser{w: w, http: b.http, at: b.at, body: b.body}).submit("login", "login", "luka", "password", "nope")
				})
			}
			wg.Wait()
			b.logIn("luka").sees("is not right")
		})
		t.Run("a form of another page or site is not taken", func(t *testing.T) {
			b := start("r8").logIn("ana")
			other := w.browser().open(b.at) // somebody else's token
			stolen := *b
			stolen.body = other.body
			if stolen.submit("approve", "accounts", "ana-current"); stolen.status != http.StatusForbidden {
				t.Errorf("a foreign token was taken: %d", stolen.status)
			}
			req, _ := http.NewRequest("POST", b.at, strings.NewReader("action=refuse"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "cross-site")
			resp, err := b.http.Do(req)
			w.do(err)
			if resp.Body.Close(); resp.StatusCode != http.StatusForbidden {
				t.Errorf("a post from another site was taken: %d", resp.StatusCode)
			}
			if w.hub.heard() != "" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("addresses that lead nowhere are not found", func(t *testing.T) {
			for _, path := range []string{"/sca/XXXXXXXX", "/nothing", "/sca/"} {
				if b := w.browser().open(w.url + path); b.status != http.StatusNotFound {
					t.Errorf("%s: %d", path, b.status)
				}
			}
		})
	})
}

func TestStartsThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, change := range map[string]func(*wire.TokenCreate){
			"a return address must be one":      func(r *wire.TokenCreate) { r.RedirectURL = "javascript:alert(1)" },
			"a relative return address is none": func(r *wire.TokenCreate) { r.RedirectURL = "/back" },
			"a past day is refused":             func(r *wire.TokenCreate) { r.ValidUntil = "2026-11-19" },
			"a session needs its secret":        func(r *wire.TokenCreate) { r.SessionSecret = "" },
		} {
			r := accessRequest(offered())
			change(&r)
			if err := w.c.StartAccess(t.Context(), r); !errors.Is(err, sdk.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if w.hub.heard() != "" {
			t.Error(w.hub.heard())
		}
	})
}

func TestLoginJourney(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(w.c.StartLogin(t.Context(), wire.LoginCreate{SessionSecret: "l1", AppName: "Zlatka Pay", RedirectURL: hubReturn, IBAN: wire.String(ibanOf["ana"])}))
		b := w.browser().open(w.page()).sees("asks the bank to confirm that you are its customer", ">Refuse<")
		b.logIn("luka").sees("not yours")
		b.logIn("ana").sees("Done") // and no question after it
		if w.hub.heard() != "update received received, success" || w.hub.last["success"].UserID != "1001" || w.hub.last["success"].Token != "" {
			t.Errorf("%s: %+v", w.hub.heard(), w.hub.last["success"])
		}
		// Who is logged in already is asked all the same: her browser alone confirms nothing.
		w.do(w.c.StartLogin(t.Context(), wire.LoginCreate{SessionSecret: "l2", AppName: "Zlatka Pay", RedirectURL: hubReturn, IBAN: wire.String(ibanOf["ana"])}))
		b.open(w.page()).sees("Confirm who you are", ">Allow<", ">Refuse<").submit("approve").sees("Done")
		// One log-in per journey: the payment after it is shown at once.
		w.do(w.c.StartPayment(t.Context(), w.order("40.00", func(p *wire.PaymentCreate) { p.UserID = "1001" })))
		b.open(w.page()).sees("Approve a payment")
		// Somebody else cannot approve what is Ana's.
		w.browser().open(w.page()).logIn("katharina").sees("not yours")
	})
}

func TestFundsJourney(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		named := wire.Account{IBAN: wire.String(ibanOf["luka"]), Currency: "EUR"}
		w.do(w.c.StartFundsAccess(t.Context(), wire.FundsTokenCreate{SessionSecret: "f1", ClientID: 7, AppName: "Kartica", RedirectURL: hubReturn, Account: named,
			CardNumber: "5409051234561234", CardExpiryDate: "2028-07-31", CardInformation: "Debit <gold>", RegistrationInformation: "Contract 17"}))
		w.browser().open(w.page()).logIn("luka").sees("Allow checks of funds", spaced(ibanOf["luka"]), "<dd>1234</dd>", "2028-07-31", "Debit <gold>", "Contract 17").submit("approve").submit("confirm", "code", w.code("luka")).sees("Done")
		token := string(w.hub.last["success"].Token)
		check := func(amount, currency string, a wire.Account) (bool, error) {
			return w.c.FundsAvailable(t.Context(), token, wire.FundsCheck{SessionSecret: "f2", Account: a, InstructedAmount: wire.Amount{Amount: wire.String(amount), Currency: wire.String(currency)}})
		}
		if yes, err := check("5.00", "EUR", named); err != nil || !yes {
			t.Errorf("five euro: %v %v", yes, err)
		}
		if yes, err := check("50000", "EUR", named); err != nil || yes {
			t.Errorf("fifty thousand: %v %v", yes, err)
		}
		for name, ask := range map[string]func() (bool, error){
			"another account": func() (bool, error) {
				return check("1", "EUR", wire.Account{IBAN: wire.String(ibanOf["ana"]), Currency: "EUR"})
			},
			"the same one less its currency": func() (bool, error) { return check("1", "EUR", wire.Account{IBAN: named.IBAN}) },
			"another currency":               func() (bool, error) { return check("1", "RON", named) },
			"no amount":                      func() (bool, error) { return check("much", "EUR", named) },
		} {
			if _, err := ask(); !errors.Is(err, sdk.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.c.Accounts(t.Context(), token); !errors.Is(err, sdk.ErrTokenUnknown) {
			t.Errorf("a token for checks reads accounts: %v", err)
		}
		w.do(w.c.RevokeFundsAccess(t.Context(), token))
		if _, err := check("1", "EUR", named); !errors.Is(err, sdk.ErrAccessDenied) {
			t.Errorf("checked after revocation: %v", err)
		}
	})
}

func TestCustomerWithdraws(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(w.c.StartAccess(t.Context(), accessRequest(offered())))
		w.browser().open(w.page()).logIn("ana").submit("approve", "accounts", "ana-current").submit("confirm", "code", w.code("ana")).sees("Done")
		token := string(w.hub.last["success"].Token)
		b := w.browser().open(w.url+"/me").sees("Log in").logIn("ana").sees("Ana Novak", "Osebni račun", "Saldo <b>App</b>", "sees accounts", "Withdraw", "2027-01-31")
		w.hub.events = nil
		w.hub.setDown(true)
		b.submit("withdraw").sees("The access was withdrawn", "Nobody has access")
		if _, err := w.c.Accounts(t.Context(), token); !errors.Is(err, sdk.ErrAccessDenied) {
			t.Errorf("read after withdrawal: %v", err)
		}
		// The hub was away. It is told when it is back.
		w.hub.setDown(false)
		w.pass(2 * time.Second)
		if n, err := w.bank.deliverDue(t.Context()); n != 1 || err != nil || w.hub.heard() != "revoke" || w.hub.last["revoke"].Token != wire.String(token) {
			t.Errorf("%d %v %s", n, err, w.hub.heard())
		}
		if n, _ := w.bank.deliverDue(t.Context()); n != 0 {
			t.Error("it was told twice")
		}
		b.submit("logout").sees("Welcome")
		b.open(w.url + "/me").sees("Password")
	})
}

// Whatever a browser sends, the bank answers and nothing breaks.
func TestHostileForms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(w.c.StartAccess(t.Context(), accessRequest(offered())))
		w.hub.events = nil
		page := w.page()
		for _, bad := range []string{"\x00", "\xff\xfe", "' OR 1=1 --", strings.Repeat("x", 20000), "<script>", "\x1f"} {
			b := w.browser().open(page)
			b.submit("login", "login", bad, "password", bad).sees("is not right")
			b.logIn("ana").submit("approve", "accounts", bad).sees("Choose at least one")
			b.submit(bad, "accounts", bad).sees("Choose accounts")
			for _, path := range []string{"/sca/", "/outbox?login=", "/outbox.json?login=", "/me?withdrawn=", "/assets/"} {
				if b.open(w.url + path + url.QueryEscape(bad[:min(len(bad), 2000)])); b.status >= 500 {
					t.Errorf("%s%.20q: %d", path, bad, b.status)
				}
			}
			b.open(w.url+"/me").submit("withdraw", "access", bad)
			if b.status != http.StatusOK {
				t.Errorf("withdraw %.20q: %d", bad, b.status)
			}
		}
		b := w.browser().open(page)
		if b.submit("login", "login", strings.Repeat("x", 100000)); b.status != http.StatusForbidden {
			t.Errorf("a form of 100 KB: %d", b.status)
		}
		b = w.browser().open(page).logIn("ana").submit("approve", "accounts", "ana-current")
		for _, bad := range []string{"", "\x00", strings.Repeat("9", 1000)} {
			b.submit("confirm", "code", bad)
		}
		if b.sees("It could not be done"); w.hub.heard() != "fail AccessDenied" {
			t.Error(w.hub.heard())
		}
	})
}

// The queue works by itself between Start and Close.
func TestQueueInTheBackground(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.hub.setDown(true)
		w.do(w.c.StartAccess(t.Context(), accessRequest(offered())))
		w.bank.Start(t.Context())
		w.hub.setDown(false)
		for range 50 {
			w.pass(time.Minute)
			if time.Sleep(100 * time.Millisecond); w.hub.heard() != "" {
				break
			}
		}
		w.bank.Close()
		w.bank.Close() // twice is once
		if w.hub.heard() != "update received received" {
			t.Error(w.hub.heard())
		}
	})
}

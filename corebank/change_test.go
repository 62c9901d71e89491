package corebank

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

// give leads login through an access journey and returns its token.
func (w *world) give(login string, a wire.Access, fields ...string) string {
	w.t.Helper()
	r := accessRequest(a)
	r.SessionSecret = wire.String("give " + w.page() + login)
	w.do(w.c.StartAccess(w.t.Context(), r))
	w.browser().open(w.page()).logIn(login).submit("approve", fields...).submit("confirm", "code", w.code(login)).sees("Done")
	return string(w.hub.last["success"].Token)
}

func everything() wire.Access { return wire.Access{AllPSD2: "allAccounts"} }

// reads tells what can be read of Ana's two accounts: b balances, t transactions.
func (w *world) reads(token string) string {
	w.t.Helper()
	accounts, err := w.c.Accounts(w.t.Context(), token)
	w.do(err)
	var words []string
	for _, a := range accounts {
		word := string(a.ID) + " "
		if len(a.Balances) > 0 {
			word += "b"
		}
		switch _, err := w.c.Transactions(w.t.Context(), token, wire.TransactionsQuery{AccountID: a.ID}); {
		case err == nil:
			word += "t"
		case !errors.Is(err, sdk.ErrAccountUnknown):
			w.t.Error(err)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func TestCustomerGivesLessThanWasAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.give("ana", offered(), "accounts", "ana-current", "rights-ana-current", "balances", "accounts", "ana-savings", "rights-ana-savings", "transactions", "rights-ana-card", "balances")
		if got := w.reads(token); got != "ana-current b, ana-savings t" {
			t.Error(got)
		}
		c := w.hub.last["success"].Consent
		if len(*c.Balances) != 1 || (*c.Balances)[0].IBAN != wire.String(ibanOf["ana"]) || len(*c.Transactions) != 1 || (*c.Transactions)[0].IBAN != wire.String(ibanOf["ana+"]) {
			t.Errorf("the hub is told %+v", c)
		}
		// What was not asked cannot be chosen, and a choice of nonsense is no choice.
		named := []wire.Account{{IBAN: wire.String(ibanOf["ana"])}}
		token = w.give("ana", wire.Access{Balances: &named}, "accounts", "ana-current", "rights-ana-current", "transactions")
		if got := w.reads(token); got != "ana-current b" {
			t.Error(got)
		}
		token = w.give("ana", offered(), "accounts", "ana-current", "rights-ana-current", "x,ana-savings")
		if got := w.reads(token); got != "ana-current bt" {
			t.Error(got)
		}
	})
}

func TestCustomerChangesTheChoice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.give("ana", offered(), "accounts", "ana-current")
		w.hub.events = nil
		me := w.browser().open(w.url+"/me").logIn("ana").sees("Saldo <b>App</b>", ">Change<")
		b := me.submit("change").sees("Change the choice of accounts", `value="ana-current" id="account-ana-current" checked`, `value="ana-savings" id="account-ana-savings">`)
		page := b.at
		b.submit("approve").sees("Choose at least one account")
		b.submit("approve", "accounts", "ana-savings", "rights-ana-savings", "balances", "accounts", "luka-current").sees("Enter the code")
		if got := w.reads(token); got != "ana-current bt" {
			t.Error("without a code it has changed already:", got)
		}
		right := w.code("ana")
		b.submit("confirm", "code", wrongCode(right)).sees("That is not the code")
		b.submit("confirm", "code", right).sees("Done", w.url+"/me?changed=1")
		if got := w.reads(token); got != "ana-savings b" {
			t.Error(got)
		}
		if _, err := w.c.Transactions(t.Context(), token, wire.TransactionsQuery{AccountID: "ana-current"}); !errors.Is(err, sdk.ErrAccountUnknown) {
			t.Errorf("an account no longer chosen is read: %v", err)
		}
		b.open(w.url+"/me?changed=1").sees("Your choice counts from now on", "balances only")
		b.submit("change").sees(`value="ana-savings" id="account-ana-savings" checked`, `value="balances" selected`)
		b.submit("approve", "accounts", "ana-savings", "accounts", "ana-current").submit("confirm", "code", w.code("ana")).sees("Done")
		if got := w.reads(token); got != "ana-current bt, ana-savings bt" {
			t.Error(got)
		}
		if w.hub.heard() != "" {
			t.Error("the hub, which has no session for it, is told", w.hub.heard())
		}
		t.Run("a change that is over does not happen again", func(t *testing.T) {
			b.open(page).submit("confirm", "code", right).sees("Done")
			if got := w.reads(token); got != "ana-current bt, ana-savings bt" {
				t.Error(got)
			}
		})
		t.Run("a change can be refused", func(t *testing.T) {
			b.open(w.url+"/me").submit("change").submit("refuse").sees("You refused", w.url+"/me")
			if got := w.reads(token); got != "ana-current bt, ana-savings bt" || w.hub.heard() != "" {
				t.Error(got, w.hub.heard())
			}
		})
		t.Run("nobody else can change it", func(t *testing.T) {
			at := b.open(w.url + "/me").submit("change").at
			w.browser().open(at).logIn("luka").sees("not yours")
			access, _, _ := strings.Cut(token, ".")
			luka := w.browser().open(w.url + "/me").logIn("luka")
			if luka.submit("change", "access", access); !strings.HasSuffix(luka.at, "/me") {
				t.Error("Luka is led to", luka.at)
			}
		})
		t.Run("three wrong codes end it", func(t *testing.T) {
			b.open(w.url+"/me").submit("change").submit("approve", "accounts", "ana-savings")
			for range 3 {
				b.submit("confirm", "code", wrongCode(w.code("ana")))
			}
			if b.sees("It could not be done"); w.hub.heard() != "" {
				t.Error(w.hub.heard())
			}
		})
		t.Run("an access that was withdrawn meanwhile stays withdrawn", func(t *testing.T) {
			b.open(w.url+"/me").submit("change").submit("approve", "accounts", "ana-savings")
			w.do(w.c.RevokeAccess(t.Context(), token))
			if b.submit("confirm", "code", w.code("ana")).sees("It could not be done"); b.status != http.StatusOK {
				t.Error(b.status)
			}
			if _, err := w.c.Accounts(t.Context(), token); !errors.Is(err, sdk.ErrAccessDenied) {
				t.Error(err)
			}
		})
	})
}

func TestWhatCannotBeChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.give("ana", everything())
		if b := w.browser().open(w.url + "/me").logIn("ana"); strings.Contains(b.body, ">Change<") {
			t.Error("there is nothing to choose where all accounts were given")
		}
		// What the third party named bounds the change.
		named := []wire.Account{{IBAN: wire.String(ibanOf["luka"])}}
		token := w.give("luka", wire.Access{Balances: &named, Transactions: &[]wire.Account{}}, "accounts", "luka-current")
		b := w.browser().open(w.url + "/me").logIn("luka").submit("change")
		if strings.Contains(b.body, "luka-savings") || strings.Contains(b.body, "<select") {
			t.Error("more is offered than was asked")
		}
		b.submit("approve", "accounts", "luka-current", "accounts", "luka-savings", "rights-luka-current", "transactions").submit("confirm", "code", w.code("luka")).sees("Done")
		if got := w.reads(token); got != "luka-current b" {
			t.Error(got)
		}
		// An access of before, of which the bank does not know what was asked.
		if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_access SET asked = ''`); err != nil {
			t.Fatal(err)
		}
		if b.open(w.url + "/me"); strings.Contains(b.body, ">Change<") {
			t.Error("an access of before can be changed")
		}
		w.pass(80 * 24 * time.Hour)
		if got := w.browser().open(w.url + "/me").logIn("luka").body; !strings.Contains(got, "Nobody has access") {
			t.Error("an access that is over is shown")
		}
	})
}

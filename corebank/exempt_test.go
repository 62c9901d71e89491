package corebank

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/kit/money"
)

func TestByHistory(t *testing.T) {
	euros := func(minor ...int64) (all []money.Amount) {
		for _, m := range minor {
			all = append(all, money.Amount{Minor: m, Currency: "EUR"})
		}
		return all
	}
	rule := ByHistory{MostMinor: 10000, Times: 3}
	for _, tt := range []struct {
		name   string
		rule   ByHistory
		amount int64
		before []money.Amount
		want   bool
	}{
		{"paid there often, and as much", rule, 4500, euros(1000, 4500, 200), true},
		{"more than ever before", rule, 4501, euros(1000, 4500, 200), false},
		{"not often enough", rule, 4500, euros(4500, 4500), false},
		{"more than the bank's rate of fraud allows", rule, 10001, euros(20000, 20000, 20000), false},
		{"as much as it allows", rule, 10000, euros(20000, 20000, 20000), true},
		{"as much, but of another currency", rule, 4500, []money.Amount{{Minor: 90000, Currency: "RON"}, {Minor: 90000, Currency: "RON"}, {Minor: 90000, Currency: "RON"}}, false},
		{"the zero rule finds nothing", ByHistory{}, 0, euros(1, 1, 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.rule.LowRisk(t.Context(), RiskedPayment{Amount: money.Amount{Minor: tt.amount, Currency: "EUR"}, Before: tt.before})
			if err != nil || got != tt.want {
				t.Errorf("got %t, %v", got, err)
			}
		})
	}
}

// A doubter answers what it is told to.
type doubter struct {
	low bool
	err error
}

func (d doubter) LowRisk(context.Context, RiskedPayment) (bool, error) { return d.low, d.err }

// fromMaja is a payment of a customer who has logged in, to somebody whom she does not trust.
func (w *world) fromMaja(amount string) wire.PaymentCreate {
	return w.order(amount, func(p *wire.PaymentCreate) {
		p.UserID, p.Payment.DebtorAccount = "1005", &wire.Account{IBAN: wire.String(ibanOf["maja"])}
	})
}

const (
	asks    = "update RCVD received"
	exempts = "update ACTC exempted funds, success, update ACSC"
)

func TestPaymentsOfLowRisk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		pays := func(r wire.PaymentCreate, want string) {
			t.Helper()
			w.do(w.c.StartPayment(ctx, r))
			if got := w.hub.of(r.SessionSecret); got != want {
				t.Fatalf("got %s; want %s", got, want)
			}
		}
		for _, amount := range []string{"40.00", "45.00", "50.00"} {
			r := w.fromMaja(amount)
			pays(r, asks)
			w.browser().open(w.page()).logIn("maja").submit("approve", "method", "sms").submit("confirm", "code", w.code("maja")).sees("Done")
		}
		pays(w.fromMaja("45.00"), asks) // nothing is exempt unless the bank says so
		w.bank.exemptions.Risk = ByHistory{MostMinor: 10000, Times: 3}
		pays(w.fromMaja("50.01"), asks)
		r := w.fromMaja("45.00")
		pays(r, exempts)
		if e := w.status(r.SessionSecret); e.SCAStatus != "exempted" || e.Exemption != groundRisk {
			t.Errorf("%+v", e)
		}
		later := w.fromMaja("45.00")
		later.Payment.RequestedExecutionDate = "2026-11-25"
		pays(later, asks)
		unnamed := w.fromMaja("45.00")
		unnamed.UserID = ""
		pays(unnamed, asks) // nobody has logged in

		t.Run("of many at once no more than the day allows", func(t *testing.T) {
			before := w.booked("maja-current")
			var wg sync.WaitGroup
			for range 8 {
				r := w.fromMaja("50.00")
				wg.Go(func() {
					if err := w.c.StartPayment(ctx, r); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := before - w.booked("maja-current"); got != (riskyADay-1)*5000 {
				t.Errorf("%d went without SCA", got)
			}
			w.pass(24 * time.Hour)
			pays(w.fromMaja("50.00"), exempts)
		})
		t.Run("what cannot be analysed is no exemption", func(t *testing.T) {
			w.bank.exemptions.Risk = doubter{low: true, err: errors.New("the scoring does not answer")}
			if err := w.c.StartPayment(ctx, w.fromMaja("1.00")); err == nil {
				t.Error("it was taken")
			}
			w.bank.exemptions.Risk = doubter{low: true}
			pays(w.fromMaja("250.01"), asks) // more than the sum of a day
		})
		t.Run("by password at the third party", func(t *testing.T) {
			w.pass(24 * time.Hour)
			r := w.fromMaja("12.00")
			r.UserID, r.SCA = "", embedded("maja")
			w.do(w.c.StartPayment(ctx, r))
			w.takes(r.SessionSecret, password("maja"), "embedded exempted")
			if e := w.status(r.SessionSecret); e.Exemption != groundRisk {
				t.Errorf("%+v", e)
			}
		})
	})
}

func TestGroundsOfLowValues(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for payee, want := range map[string]wire.String{"luka": groundTrusted, "ana+": groundOwn} {
			r := w.order("5.00", func(p *wire.PaymentCreate) {
				p.UserID, p.Payment.CreditorAccount.IBAN = "1001", wire.String(ibanOf[payee])
			})
			w.do(w.c.StartPayment(t.Context(), r))
			if e := w.status(r.SessionSecret); e.Exemption != want || e.SCAStatus != "exempted" {
				t.Errorf("%s: %+v", payee, e)
			}
		}
	})
}

func TestListsOfAccountsWithoutSCA(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		list := func(kind wire.String, change ...func(*wire.TokenCreate)) wire.TokenCreate {
			r := accessRequest(everything())
			r.SessionSecret, r.AvailableAccounts, r.RecurringIndicator = wire.String(rand.Text()), kind, false
			for _, c := range change {
				c(&r)
			}
			w.do(w.c.StartAccess(ctx, r))
			return r
		}
		// gives says how far a log-in and an approval lead.
		gives := func(login string, want string) *browser {
			t.Helper()
			return w.browser().open(w.page()).logIn(login).submit("approve").sees(want)
		}
		w.bank.exemptions.Lists = true
		list("accounts")
		gives("ana", "Enter the code").submit("confirm", "code", w.code("ana")).sees("Done")
		if e := w.hub.last["success"]; e.Exemption != "" {
			t.Errorf("%+v", e)
		}
		for _, tt := range []struct {
			kind     wire.String
			balances bool
		}{{"accounts", false}, {"balances", true}} {
			r := list(tt.kind)
			gives("ana", "Done")
			e := w.hub.last["success"]
			if got := w.hub.of(r.SessionSecret); got != "update received received, success" || e.Exemption != groundAccounts || e.Consent == nil {
				t.Fatalf("%s %+v", got, e)
			}
			accounts, err := w.c.Accounts(ctx, string(e.Token))
			w.do(err)
			if len(accounts) != 2 || (len(accounts[0].Balances) > 0) != tt.balances {
				t.Errorf("%s: %+v", tt.kind, accounts)
			}
			if _, err := w.c.Transactions(ctx, string(e.Token), wire.TransactionsQuery{AccountID: accounts[0].ID, FromDate: "2026-11-01", ToDate: "2026-11-20"}); err == nil {
				t.Error("entries are told as well")
			}
		}
		t.Run("by password at the third party", func(t *testing.T) {
			r := list("accounts", func(r *wire.TokenCreate) { r.SCA = embedded("ana") })
			w.takes(r.SessionSecret, password("ana"), "embedded exempted")
			if got := w.hub.of(r.SessionSecret); got != "update received psuIdentified, success" {
				t.Error(got)
			}
		})
		t.Run("what needs SCA all the same", func(t *testing.T) {
			list("accounts", func(r *wire.TokenCreate) { r.RecurringIndicator = true })
			gives("ana", "Enter the code")
			list("") // and entries, perhaps
			gives("ana", "Enter the code")
			list("everything") // no word of the protocol
			gives("ana", "Enter the code")
			list("accounts") // her first
			gives("luka", "Enter the code")
			list("accounts") // others have to sign
			if _, err := w.bank.db.Exec(ctx, `UPDATE corebank_customer SET sca_at = $1 WHERE bank = 'lon' AND id = '1009'`, w.now().UnixMicro()); err != nil {
				t.Fatal(err)
			}
			gives("tine", "Enter the code")
			list("accounts") // the fourth of the day is the last
			gives("ana", "Done")
			list("accounts")
			gives("ana", "Enter the code")
			w.pass(24 * time.Hour)
			list("accounts")
			gives("ana", "Done")
			w.bank.exemptions.Lists = false
			list("accounts")
			gives("ana", "Enter the code")
			w.bank.exemptions.Lists = true
		})
		t.Run("until 180 days after the last SCA", func(t *testing.T) {
			w.pass(listAfter)
			r := list("accounts", func(r *wire.TokenCreate) { r.ValidUntil = "2027-08-01" })
			gives("ana", "Enter the code")
			if got := w.hub.of(r.SessionSecret); strings.Contains(got, "success") {
				t.Error(got)
			}
		})
	})
}

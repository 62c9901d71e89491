package corebank

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

// all reads every entry of an account.
func (w *world) all(token, account string) []wire.TransactionAnswer {
	w.t.Helper()
	q := wire.TransactionsQuery{AccountID: wire.String(account), FromDate: "2025-01-01"}
	var entries []wire.TransactionAnswer
	for {
		page, err := w.c.Transactions(w.t.Context(), token, q)
		w.do(err)
		entries = append(entries, page.Data...)
		if q.FromID = page.Meta.NextID; q.FromID == "" {
			return entries
		}
	}
}

func minor(t *testing.T, amount, currency wire.String) int64 {
	t.Helper()
	a, err := money.Parse(string(amount), string(currency))
	if err != nil {
		t.Fatal(err)
	}
	return a.Minor
}

// The balance after each entry follows from the entry before, on every page, down to zero.
func TestBalancesAfterEntries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(w.c.StartPayment(t.Context(), w.order("12.34")))
		w.browser().open(w.page()).logIn("ana").submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		for _, c := range []struct{ login, account string }{
			{"ana", "ana-current"}, {"luka", "luka-current"}, {"maja", "kos-joint"}, {"maja", "kos-loan"}, {"peter", "kos-joint"}, {"sofia", "sofia-usd"}, {"pekarna", "pekarna-business"}} {
			token := w.give(c.login, everything())
			next := w.booked(c.account)
			for _, e := range w.all(token, c.account) {
				b := e.Extra.BalanceAfterTransaction
				if e.Status == "pending" {
					if b != nil {
						t.Errorf("%s: a balance after what is pending", c.account)
					}
					continue
				}
				if b.Type != "interimBooked" || b.Currency != e.Currency || minor(t, b.Amount, b.Currency) != next {
					t.Fatalf("%s %s: %+v, not %d", c.account, e.ID, b, next)
				}
				next -= minor(t, e.Amount, e.Currency)
			}
			if next != 0 {
				t.Errorf("%s begins with %d", c.account, next)
			}
		}
	})
}

func TestWordsOfEntries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		found := map[string]int{}
		note := func(what string, told bool) {
			if told {
				found[what]++
			}
		}
		for login, accounts := range map[string]string{"ana": "ana-current", "andrei": "andrei-current", "pekarna": "pekarna-business", "sofia": "sofia-eur sofia-usd sofia-chf", "maja": "kos-joint kos-loan"} {
			token := w.give(login, everything())
			for account := range strings.FieldsSeq(accounts) {
				for _, e := range w.all(token, account) {
					x := e.Extra
					note("mandate", x.MandateID != "" && x.CreditorID != "" && x.BankTransactionCode == "PMNT-IDDT-ESDD")
					note("salary", x.PurposeCode == "SALA" && x.DebtorAgent != "")
					note("cheque", x.CheckID != "")
					note("ultimate debtor", x.UltimateDebtor != "")
					note("ultimate creditor", x.UltimateCreditor != "")
					if e.RemittanceInformation != nil {
						note("structured", strings.HasPrefix(string(e.RemittanceInformation.Structured), "RF"))
					}
					for _, c := range e.CurrencyExchange {
						note("exchange", c.SourceCurrency != c.TargetCurrency && c.UnitCurrency == c.SourceCurrency && c.ContractIdentification != "" && c.QuotationDate == e.BookingDate && c.ExchangeRate != "")
					}
					if len(x.EntryDetails) == 0 {
						continue
					}
					note("batch", *x.BatchIndicator && x.BatchNumberOfTransactions != "")
					sum := int64(0)
					for _, d := range x.EntryDetails {
						sum += minor(t, d.Amount, d.Currency)
						note("batch part", d.CreditorDetails.Account.IBAN != "" && d.EndToEndID != "" && d.Extra.PurposeCode != "" && d.RemittanceInformation != nil)
					}
					if sum != minor(t, e.Amount, e.Currency) {
						t.Errorf("a batch of %s tells %d", e.Amount, sum)
					}
				}
			}
		}
		for _, what := range []string{"mandate", "salary", "cheque", "ultimate debtor", "ultimate creditor", "structured", "exchange", "batch", "batch part"} {
			if found[what] == 0 {
				t.Errorf("no entry shows %s", what)
			}
		}
		if found["cheque"] != 1 {
			t.Errorf("%d cheques", found["cheque"])
		}
	})
}

func TestCardTransactions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.give("ana", everything())
		q := wire.TransactionsQuery{AccountID: "ana-card", FromDate: "2025-01-01"}
		page, err := w.c.CardTransactions(t.Context(), token, q)
		w.do(err)
		if len(page.Data) != pageSize || page.Meta.NextID == "" {
			t.Fatalf("%d entries, next %q", len(page.Data), page.Meta.NextID)
		}
		q.FromID = page.Meta.NextID
		rest, err := w.c.CardTransactions(t.Context(), token, q)
		w.do(err)
		seen := map[wire.String]bool{}
		var pending, foreign, invoiced, open int
		for _, e := range append(page.Data, rest.Data...) {
			if seen[e.ID] || e.MaskedPAN != "535501******7215" || e.TransactionDetails == "" || e.Currency != "EUR" {
				t.Errorf("%+v", e)
			}
			seen[e.ID] = true
			purchase := e.ProprietaryBankTransactionCode == "PMNT-CCRD-POSD"
			if purchase && (!regexp.MustCompile(`^\d{4}$`).MatchString(string(e.MerchantCategoryCode)) || !strings.HasPrefix(string(e.Amount), "-") ||
				e.CardAcceptorID == "" || e.TerminalID == "" || e.CardAcceptorAddress == nil || len(e.CardAcceptorAddress.Country) != 2 || e.Extra.AcceptorTransactionDateTime == "") {
				t.Errorf("a purchase: %+v", e)
			}
			if e.Status == "pending" {
				pending++
				continue
			}
			bought, err1 := day.Parse(string(e.TransactionDate))
			booked, err2 := day.Parse(string(e.BookingDate))
			if err1 != nil || err2 != nil || booked.Before(bought) || purchase && bought == booked {
				t.Errorf("bought %s, booked %s", e.TransactionDate, e.BookingDate)
			}
			if *e.Invoiced {
				invoiced++
			} else {
				open -= int(minor(t, e.Amount, e.Currency))
			}
			if e.OriginalAmount == nil {
				continue
			}
			foreign++
			original, fee := minor(t, e.OriginalAmount.Amount, e.OriginalAmount.Currency), minor(t, e.MarkupFee.Amount, e.MarkupFee.Currency)
			if x := e.CurrencyExchange[0]; len(e.CurrencyExchange) != 1 || x.SourceCurrency != e.OriginalAmount.Currency || x.TargetCurrency != "EUR" || x.ExchangeRate == "" || original >= 0 || fee <= 0 || e.MarkupFeePercentage != "1.5" {
				t.Errorf("abroad: %+v", e)
			}
			if total := minor(t, e.Extra.GrandTotalAmount.Amount, "EUR"); total != minor(t, e.Amount, "EUR") {
				t.Errorf("%d in all", total)
			}
		}
		if pending != 1 || foreign < 20 || invoiced < 50 {
			t.Errorf("%d pending, %d foreign, %d invoiced", pending, foreign, invoiced)
		}
		// What is not invoiced yet is what is owed now.
		if owed := -w.booked("ana-card"); int64(open) != owed {
			t.Errorf("%d not invoiced, %d owed", open, owed)
		}
		for name, c := range map[string]struct{ token, account string }{
			"an account is no card":        {token, "ana-current"},
			"another customer's card":      {token, "luka-card"},
			"a card that was not granted":  {w.give("ana", offered(), "accounts", "ana-current"), "ana-card"},
			"a card of which balances are": {w.give("ana", offered(), "accounts", "ana-card", "rights-ana-card", "balances"), "ana-card"},
		} {
			if _, err := w.c.CardTransactions(t.Context(), c.token, wire.TransactionsQuery{AccountID: wire.String(c.account)}); !errors.Is(err, sdk.ErrAccountUnknown) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.c.Transactions(t.Context(), token, wire.TransactionsQuery{AccountID: "ana-card"}); !errors.Is(err, sdk.ErrAccountUnknown) {
			t.Errorf("a card is no account: %v", err)
		}
	})
}

func TestStandingOrders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.give("ana", everything())
		orders, err := w.c.StandingOrders(t.Context(), token, "ana-current")
		w.do(err)
		if len(orders) != 4 {
			t.Fatalf("%d orders", len(orders))
		}
		var variable, ends int
		for _, o := range orders {
			s := o.Extra.StandingOrder
			if !strings.HasPrefix(string(o.Amount), "-") || o.Extra.BankTransactionCode != "PMNT-ICDT-STDO" || s.StartDate == "" || o.CreditorDetails == nil || s.DayOfExecution == "" || o.Status != "" {
				t.Errorf("%+v", o)
			}
			if s.Frequency == "MonthlyVariable" && len(s.MonthsOfExecution) == 4 && s.MonthsOfExecution[3] == "12" {
				variable++
			}
			if s.EndDate > "2026-11-20" && s.ExecutionRule == "following" {
				ends++
			}
		}
		if variable != 1 || ends != 1 {
			t.Errorf("%d in some months, %d with an end", variable, ends)
		}
		if none, err := w.c.StandingOrders(t.Context(), token, "ana-savings"); err != nil || none == nil || len(none) != 0 {
			t.Errorf("%v %v", none, err)
		}
		for name, c := range map[string]struct{ token, account string }{
			"a card":                        {token, "ana-card"},
			"somebody else's account":       {token, "luka-current"},
			"an account without its report": {w.give("ana", offered(), "accounts", "ana-current", "rights-ana-current", "balances"), "ana-current"},
		} {
			if _, err := w.c.StandingOrders(t.Context(), c.token, c.account); !errors.Is(err, sdk.ErrAccountUnknown) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestTrustedBeneficiaries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		names := func(token string) string {
			all, err := w.c.TrustedBeneficiaries(t.Context(), token)
			w.do(err)
			var names []string
			for _, b := range all {
				if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(string(b.ID)) || b.CreditorAccount.IBAN == "" ||
					b.CreditorAlias == "" || !regexp.MustCompile(`^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]$`).MatchString(string(b.CreditorAgent)) {
					t.Errorf("%+v", b)
				}
				name := string(b.CreditorAlias)
				if b.DebtorAccount != nil {
					name += " from " + string(b.DebtorAccount.IBAN)
				}
				names = append(names, name)
			}
			return strings.Join(names, ", ")
		}
		bound := "Luka from " + ibanOf["ana"]
		for _, c := range []struct {
			name, want string
			access     wire.Access
			fields     []string
		}{
			{"all of them with all accounts", bound + ", Pekarna", everything(), nil},
			{"those of the account that is granted", bound + ", Pekarna", offered(), []string{"accounts", "ana-current"}},
			{"none with an account that cannot pay", "", offered(), []string{"accounts", "ana-savings", "accounts", "ana-card"}},
		} {
			if got := names(w.give("ana", c.access, c.fields...)); got != c.want {
				t.Errorf("%s: %s", c.name, got)
			}
		}
		if got := names(w.give("pekarna", everything())); got != "Mlekarna from "+ibanOf["pekarna"]+", Mlin" {
			t.Error(got)
		}
	})
}

// An exemption for a beneficiary of one account is none for another account.
func TestTrustedBeneficiaryOfOneAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := payment{Service: servicePayments, Debtor: "ana-current", transfer: transfer{Amount: money.Amount{Minor: 500, Currency: "EUR"}, CreditorIBAN: ibanOf["luka"]}}
		if ground, err := w.bank.exempt(t.Context(), journey{Customer: "1001"}, p); ground != groundTrusted || err != nil {
			t.Errorf("%v %v", ground, err)
		}
		p.Debtor = "ana-other"
		if ground, err := w.bank.exempt(t.Context(), journey{Customer: "1001"}, p); ground != "" || err != nil {
			t.Errorf("%v %v", ground, err)
		}
	})
}

func TestKindsOfAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		of := func(login string) map[wire.String]wire.AccountAnswer {
			all, err := w.c.Accounts(t.Context(), w.give(login, everything()))
			w.do(err)
			byID := map[wire.String]wire.AccountAnswer{}
			for _, a := range all {
				byID[a.ID] = a
			}
			return byID
		}
		maja, peter, bakery, sofia, ana := of("maja"), of("peter"), of("pekarna"), of("sofia"), of("ana")
		if a := maja["kos-joint"]; a.OwnerName != "Maja Kos, Peter Kos" || len(a.Extra.OwnerNames) != 2 || a.Extra.PSUName != "Maja Kos" || peter["kos-joint"].Extra.PSUName != "Peter Kos" || peter["kos-joint"].IBAN != a.IBAN {
			t.Errorf("%+v %+v", a, a.Extra)
		}
		loan := maja["kos-loan"]
		if loan.CashAccountType != "LOAN" || len(loan.Balances) != 2 || loan.Balances[0].Type != "interimBooked" || !strings.HasPrefix(string(loan.Balances[0].Amount), "-") {
			t.Errorf("%+v", loan)
		}
		if a := bakery["pekarna-business"]; a.Extra.Usage != "ORGA" || a.OwnerName != "Pekarna Pri mlinu d.o.o." || a.Extra.PSUName != "Nina Hribar" || a.Extra.LinkedAccounts != "535501******7071" {
			t.Errorf("%+v %+v", a, a.Extra)
		}
		if a := ana["ana-savings"]; a.Extra.Usage != "PRIV" || a.Extra.DisplayName != "Za morje" || a.OwnerName != "Ana Novak" {
			t.Errorf("%+v", a)
		}
		whole := sofia["sofia-all"]
		if whole.Currency != "XXX" || len(whole.Balances) != 9 || whole.Extra.Details == "" || len(sofia) != 4 {
			t.Errorf("%+v", whole)
		}
		for _, id := range []wire.String{"sofia-eur", "sofia-usd", "sofia-chf"} {
			a := sofia[id]
			if a.IBAN != whole.IBAN || len(a.Balances) != 3 {
				t.Errorf("%+v", a)
			}
			for _, b := range a.Balances {
				if b.Currency != a.Currency {
					t.Errorf("%s: %+v", id, b)
				}
			}
		}
		token := w.give("sofia", everything())
		all, each := entryIDs(t, w.c, token, "sofia-all"), []string{}
		for _, id := range []string{"sofia-eur", "sofia-usd", "sofia-chf"} {
			each = append(each, entryIDs(t, w.c, token, id)...)
		}
		if slices.Sort(each); len(each) < 150 || !slices.Equal(slices.Sorted(slices.Values(all)), each) {
			t.Errorf("the whole account tells %d entries, its parts %d", len(all), len(each))
		}

		// An IBAN without currency means all accounts of it; with one, that one.
		iban := whole.IBAN
		for currency, want := range map[wire.String]int{"": 4, "USD": 1, "XXX": 1} {
			named := []wire.Account{{IBAN: iban, Currency: currency}}
			token := w.give("sofia", wire.Access{Balances: &named}, "accounts", "sofia-eur", "accounts", "sofia-usd", "accounts", "sofia-chf", "accounts", "sofia-all")
			if got, err := w.c.Accounts(t.Context(), token); err != nil || len(got) != want {
				t.Errorf("%s: %d accounts, %v", currency, len(got), err)
			}
		}
		cards, err := w.c.CardAccounts(t.Context(), w.give("pekarna", everything()))
		w.do(err)
		if x := cards[0].Extra; len(cards) != 1 || x.Usage != "ORGA" || x.OwnerName != "Pekarna Pri mlinu d.o.o." || *x.DebitAccounting || !strings.Contains(string(x.Details), ibanOf["pekarna"]) {
			t.Errorf("%+v", cards)
		}
		w.browser().open(w.url+"/me").logIn("sofia").sees("Währungskonto USD", "CHF")
	})
}

// Both holders of a joint account pay from it, each with their own log-in.
func TestBothHoldersPay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i, who := range []struct{ login, id string }{{"maja", "1005"}, {"peter", "1006"}} {
			before := w.booked("kos-joint")
			w.do(w.c.StartPayment(t.Context(), w.order("20.00", func(p *wire.PaymentCreate) {
				p.UserID = wire.String(who.id)
				p.Payment.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf["maja++"])}
				p.Payment.EndToEndIdentification = wire.String(who.login)
			})))
			w.browser().open(w.page()).logIn(who.login).sees("Approve a payment").submit("approve").submit("confirm", "code", w.code(who.login)).sees("Done")
			if after := w.booked("kos-joint"); after != before-2000 {
				t.Errorf("%d: %d after %d", i, after, before)
			}
		}
		token := w.give("luka", everything())
		if e := w.all(token, "luka-current")[0]; e.DebtorDetails.Name != "Maja Kos, Peter Kos" {
			t.Errorf("%+v", e.DebtorDetails)
		}
		// A payment of somebody else names an account that is not theirs.
		w.hub.events = nil
		w.do(w.c.StartPayment(t.Context(), w.order("20.00", func(p *wire.PaymentCreate) {
			p.UserID = "1001"
			p.Payment.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf["maja++"])}
		})))
		if w.hub.heard() != "fail RJCT AccountNotFound" {
			t.Error(w.hub.heard())
		}
	})
}

func TestRefresh(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.give("ana", everything())
		w.hub.events = nil
		w.do(w.c.Refresh(t.Context(), token, wire.SessionOnly{SessionSecret: "fresh-1"}))
		if w.hub.heard() != "success" || w.hub.last["success"].SessionSecret != "fresh-1" || w.hub.last["success"].Token != "" {
			t.Errorf("%s: %+v", w.hub.heard(), w.hub.last["success"])
		}
		w.hub.setDown(true)
		w.do(w.c.Refresh(t.Context(), token, wire.SessionOnly{SessionSecret: "fresh-2"}))
		w.hub.setDown(false)
		w.pass(2e9)
		if n, err := w.bank.deliverDue(t.Context()); n != 1 || err != nil || w.hub.last["success"].SessionSecret != "fresh-2" {
			t.Errorf("%d %v", n, err)
		}
		if err := w.c.Refresh(t.Context(), "nothing.at-all", wire.SessionOnly{SessionSecret: "fresh-3"}); !errors.Is(err, sdk.ErrTokenUnknown) {
			t.Error(err)
		}
		if err := w.c.Refresh(t.Context(), token, wire.SessionOnly{}); !errors.Is(err, sdk.ErrInvalid) {
			t.Error(err)
		}
	})
}

// A bank that answers from a copy shows nothing newer until it is asked for a fresh one.
func TestRefreshOfACopy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.bank.copy = true
		w.do(w.bank.firstCopy(t.Context()))
		w.do(w.bank.firstCopy(t.Context())) // at the next start
		token := w.give("luka", everything())
		see := func() (balance, newest wire.String, pending int) {
			accounts, err := w.c.Accounts(t.Context(), token)
			w.do(err)
			entries := w.all(token, "luka-current")
			for entries[pending].Status == "pending" {
				pending++
			}
			if b := entries[pending].Extra.BalanceAfterTransaction; b.Amount != accounts[0].Balances[1].Amount {
				t.Errorf("balance %s after the newest entry, %s of the account", b.Amount, accounts[0].Balances[1].Amount)
			}
			return accounts[0].Balances[1].Amount, entries[pending].ID, pending
		}
		balance, newest, pending := see()
		w.pass(time.Second)
		pay := func(p wire.PaymentCreate, login string) {
			w.do(w.c.StartPayment(t.Context(), p))
			w.browser().open(w.page()).logIn(login).submit("approve").submit("confirm", "code", w.code(login)).sees("Done")
		}
		pay(w.order("12.34"), "ana")
		pay(w.order("1.00", func(p *wire.PaymentCreate) {
			p.Payment.RequestedExecutionDate, p.Payment.DebtorAccount.IBAN = "2026-11-25", wire.String(ibanOf["luka"])
			p.Payment.CreditorAccount.IBAN = wire.String(ibanOf["ana"])
		}), "luka")
		if b, n, p := see(); b != balance || n != newest || p != pending {
			t.Errorf("%s %s %d is newer than %s %s %d", b, n, p, balance, newest, pending)
		}
		w.do(w.c.Refresh(t.Context(), token, wire.SessionOnly{SessionSecret: "fresh"}))
		if b, n, p := see(); minor(t, b, "EUR") != minor(t, balance, "EUR")+1234 || n == newest || p != pending+1 {
			t.Errorf("after the refresh still %s %s %d", b, n, p)
		}
	})
}

// entryIDs reads the whole report of an account, page by page, and sees that it goes back in
// time.
func entryIDs(t *testing.T, c connector, token, account string) (ids []string) {
	t.Helper()
	q := wire.TransactionsQuery{AccountID: wire.String(account), FromDate: "2020-01-01"}
	for before := wire.String("9999-12-31"); ; {
		page, err := c.Transactions(t.Context(), token, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Data {
			if ids = append(ids, string(e.ID)); e.Status == "booked" {
				if e.BookingDate > before {
					t.Errorf("%s: %s comes after %s", account, e.BookingDate, before)
				}
				before = e.BookingDate
			}
		}
		if q.FromID = page.Meta.NextID; q.FromID == "" {
			return ids
		}
	}
}

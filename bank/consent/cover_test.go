package consent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/kit/money"
)

func TestResolve(t *testing.T) {
	eur := core.Account{ID: "1", Currency: "EUR", Reference: byIBAN(ibanA)}
	usd := core.Account{ID: "2", Currency: "USD", Reference: byIBAN(ibanA)}
	savings := core.Account{ID: "3", Currency: "EUR", Reference: byIBAN(ibanB)}
	card := core.CardAccount{ID: "9", MaskedPAN: "5409****1234", Currency: "EUR"}
	a, b := byIBAN(ibanA), byIBAN(ibanB)
	usdOnly := core.AccountReference{IBAN: ibanA, Currency: "USD"}
	plastic := core.AccountReference{MaskedPAN: "5409****1234"}
	grant := func(balances, transactions []core.AccountReference) *core.Grant {
		return &core.Grant{Balances: balances, Transactions: transactions}
	}
	list := func(r ...core.AccountReference) []core.AccountReference { return r }
	for _, tt := range []struct {
		name   string
		model  consent.Model
		access consent.Access
		grant  *core.Grant
		want   []string // account, and b and t for its rights
	}{
		{"what was asked, when the bank says no more", consent.Dedicated, consent.Access{Balances: refs(b), Transactions: refs(b)}, nil, []string{"3bt"}},
		{"balances of one account, transactions of another", consent.Dedicated, consent.Access{Balances: refs(a), Transactions: refs(b)}, nil, []string{"1b", "2b", "3t"}},
		{"the account alone gives no right to balances", consent.Dedicated, consent.Access{Accounts: refs(b)}, nil, []string{"3"}},
		{"an IBAN without currency means all accounts under it", consent.Dedicated, consent.Access{Balances: refs(a)}, nil, []string{"1b", "2b"}},
		{"with a currency, only that one", consent.Dedicated, consent.Access{Balances: refs(usdOnly)}, nil, []string{"2b"}},
		{"a card by its masked number", consent.Dedicated, consent.Access{Accounts: refs(plastic)}, nil, []string{"9"}},
		{"an account that the bank does not know", consent.Dedicated, consent.Access{Accounts: refs(byIBAN("SI56191000000123438"))}, nil, []string{}},

		{"the PSU gives less than was asked", consent.Dedicated, consent.Access{Balances: refs(a, b), Transactions: refs(a, b)}, grant(list(b), nil), []string{"3b"}},
		{"and less of one currency", consent.Dedicated, consent.Access{Balances: refs(a)}, grant(list(usdOnly), list(usdOnly)), []string{"2b"}},
		{"the PSU gives more than was asked", consent.Dedicated, consent.Access{Balances: refs(b)}, grant(list(a, b), list(a, b)), []string{"3b"}},
		{"both lists filled by the protocol give no more than was asked of each", consent.Dedicated, consent.Access{Balances: refs(usdOnly), Transactions: refs(b)},
			grant(list(usdOnly, b), list(usdOnly, b)), []string{"2b", "3t"}},
		{"a grant of everything is cut to what was asked", consent.Dedicated, consent.Access{Transactions: refs(b)}, &core.Grant{AllPSD2: true}, []string{"3t"}},
		{"a grant of empty lists means all accounts, of those that were asked for", consent.Dedicated, consent.Access{Balances: refs(a)}, grant(nil, nil), []string{"1b", "2b"}},
		{"a card named by its full number, which the bank does not tell", consent.Dedicated, consent.Access{Balances: refs(core.AccountReference{PAN: "5409050000001234"})},
			grant(list(plastic), nil), []string{"9b"}},
		{"the full number of a card opens no account", consent.Dedicated, consent.Access{Balances: refs(core.AccountReference{PAN: "5409050000001234"})},
			grant(list(a), nil), []string{}},

		{"a name that the bank does not tell opens nothing where the bank gives everything", consent.Dedicated,
			consent.Access{Balances: refs(a, core.AccountReference{Other: core.Other{Identification: "L-77"}})}, &core.Grant{AllPSD2: true}, []string{"1b", "2b"}},
		{"and what the PSU gave where she gave single accounts", consent.Dedicated,
			consent.Access{Balances: refs(core.AccountReference{Other: core.Other{Identification: "L-77"}})}, grant(list(b), nil), []string{"3b"}},

		{"the PSU chose one account", consent.BankOffered, consent.Access{Accounts: refs(), Balances: refs(), Transactions: refs()}, grant(list(b), list(b)), []string{"3bt"}},
		{"the PSU chose, but only balances were asked", consent.BankOffered, consent.Access{Balances: refs()}, grant(list(b), list(b)), []string{"3b"}},
		{"the PSU chose all", consent.BankOffered, consent.Access{Balances: refs(), Transactions: refs()}, &core.Grant{AllPSD2: true}, []string{"1bt", "2bt", "3bt", "9bt"}},
		{"both lists empty mean all", consent.BankOffered, consent.Access{Transactions: refs()}, grant(nil, nil), []string{"1t", "2t", "3t", "9t"}},
		{"the bank does not say what the PSU chose: its own answers are the limit", consent.BankOffered, consent.Access{Balances: refs()}, nil, []string{"1b", "2b", "3b", "9b"}},

		{"everything", consent.Global, consent.Access{AllPSD2: consent.AllAccounts}, nil, []string{"1bt", "2bt", "3bt", "9bt"}},
		{"everything, of which the PSU gave one", consent.Global, consent.Access{AllPSD2: consent.AllAccounts}, grant(list(b), list(b)), []string{"3bt"}},
		{"the list gives neither balances nor transactions", consent.AvailableAccounts, consent.Access{AvailableAccounts: consent.AllAccounts}, &core.Grant{AllPSD2: true}, []string{"1", "2", "3", "9"}},
		{"the list with balances", consent.AvailableAccounts, consent.Access{AvailableAccountsWithBalance: consent.AllAccounts}, &core.Grant{AllPSD2: true}, []string{"1b", "2b", "3b", "9b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := made(consent.Valid)
			c.Model, c.Access, c.Grant = tt.model, tt.access, tt.grant
			resolved := c.Resolve([]core.Account{eur, usd, savings}, []core.CardAccount{card}, func(id string) string { return "r-" + id })
			got := []string{}
			for _, acc := range resolved {
				s := acc.ID
				if acc.Balances {
					s += "b"
				}
				if acc.Transactions {
					s += "t"
				}
				got = append(got, s)
				if want := "r-" + acc.ID; !acc.Card && acc.ResourceID != want || acc.Card && acc.ResourceID != "r-card/"+acc.ID {
					t.Errorf("resource ID %s", acc.ResourceID)
				}
				if acc.Reference.Currency == "" {
					t.Errorf("account %s is shown without its currency", acc.ID)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScopesAndTypes(t *testing.T) {
	a, b := byIBAN(ibanA), byIBAN(ibanB)
	accounts := []core.Account{
		{ID: "1", Currency: "EUR", Reference: a, Type: "CACC"}, {ID: "2", Currency: "USD", Reference: a, Type: "CACC"}, {ID: "3", Currency: money.Several, Reference: a, Type: "CACC"},
		{ID: "4", Currency: "EUR", Reference: b, Type: "SVGS"}, {ID: "5", Currency: "EUR", Reference: core.AccountReference{Other: core.Other{Identification: "L-77"}}, Type: "LOAN"},
		{ID: "6", Currency: "EUR", Reference: byIBAN("SI56191000000123438")},
	}
	cards := []core.CardAccount{{ID: "9", MaskedPAN: "5409****1234", Currency: "EUR"}}
	in := func(iban, currency string) core.AccountReference {
		return core.AccountReference{IBAN: iban, Currency: currency}
	}
	for _, tt := range []struct {
		name        string
		model       consent.Model
		access      consent.Access
		paymentOnly bool
		want        string // accounts; o: with the owner's name, p: with trusted beneficiaries
	}{
		{"the owner of one account of two", consent.Dedicated, consent.Access{Accounts: refs(a, b), OwnerName: refs(b)}, false, "1 2 3 4o"},
		{"the owner of one currency", consent.Dedicated, consent.Access{Accounts: refs(a), OwnerName: refs(in(ibanA, "USD"))}, false, "1 2o 3"},
		{"beneficiaries of one account, the owner of the other", consent.Dedicated, consent.Access{Balances: refs(a), Transactions: refs(b), OwnerName: refs(b), TrustedBeneficiaries: refs(a)}, false, "1p 2p 3p 4o"},
		{"one currency leaves the others and the bundle out", consent.Dedicated, consent.Access{Accounts: refs(in(ibanA, "EUR"))}, false, "1"},
		{"the bundle alone", consent.Dedicated, consent.Access{Accounts: refs(in(ibanA, money.Several))}, false, "3"},
		{"what the PSU chooses is in every scope", consent.BankOffered, consent.Access{Accounts: refs(), OwnerName: refs(), TrustedBeneficiaries: refs()}, false, "1op 2op 3op 4op 5op 6op 9op"},
		{"everything has beneficiaries in it, and no names", consent.Global, consent.Access{AllPSD2: consent.AllAccounts}, false, "1p 2p 3p 4p 5p 6p 9p"},
		{"everything with names", consent.Global, consent.Access{AllPSD2: consent.AllAccountsWithOwnerName}, false, "1op 2op 3op 4op 5op 6op 9op"},
		{"the list with names", consent.AvailableAccounts, consent.Access{AvailableAccounts: consent.AllAccountsWithOwnerName}, false, "1o 2o 3o 4o 5o 6o 9o"},
		{"some types: what has none is of none", consent.BankOffered, consent.Access{Accounts: refs(), RestrictedTo: []string{"CACC", "LOAN"}}, false, "1 2 3 5"},
		{"cards are a type", consent.Global, consent.Access{AllPSD2: consent.AllAccounts, RestrictedTo: []string{"CARD"}}, false, "9p"},
		{"a type that nobody has", consent.BankOffered, consent.Access{Accounts: refs(), RestrictedTo: []string{"TAXE"}}, false, ""},
		{"payment accounts only: what has no type is one", consent.BankOffered, consent.Access{Accounts: refs()}, true, "1 2 3 6 9"},
		{"a savings account that is named, where there are payment accounts only", consent.Dedicated, consent.Access{Accounts: refs(a, b)}, true, "1 2 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := made(consent.Valid)
			c.Model, c.Access, c.PaymentAccountsOnly = tt.model, tt.access, tt.paymentOnly
			var got []string
			for _, acc := range c.Resolve(accounts, cards, func(id string) string { return id }) {
				s := acc.ID
				if acc.OwnerName {
					s += "o"
				}
				if acc.Beneficiaries {
					s += "p"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	c := made(consent.Valid)
	c.Accounts = []consent.Account{{ResourceID: "r1", ID: "1"}, {ResourceID: "r2", ID: "2", Card: true}}
	for _, tt := range []struct {
		id   string
		card bool
		want bool
	}{{"r1", false, true}, {"r2", true, true}, {"r2", false, false}, {"r1", true, false}, {"1", false, false}, {"", false, false}} {
		if _, ok := c.Find(tt.id, tt.card); ok != tt.want {
			t.Errorf("%q, card %v: got %v", tt.id, tt.card, ok)
		}
	}
}

func TestWants(t *testing.T) {
	for _, tt := range []struct {
		access consent.Access
		want   string
	}{
		{consent.Access{Accounts: refs(byIBAN(ibanA))}, ""},
		{consent.Access{Balances: refs()}, "b"},
		{consent.Access{Transactions: refs()}, "t"},
		{consent.Access{Accounts: refs(), TrustedBeneficiaries: refs()}, "p"},
		{consent.Access{AvailableAccounts: consent.AllAccounts}, ""},
		{consent.Access{AvailableAccounts: consent.AllAccountsWithOwnerName}, ""},
		{consent.Access{AvailableAccountsWithBalance: consent.AllAccounts}, "b"},
		{consent.Access{AvailableAccountsWithBalance: consent.AllAccountsWithOwnerName}, "b"},
		{consent.Access{AllPSD2: consent.AllAccounts}, "btp"},
		{consent.Access{AllPSD2: consent.AllAccountsWithOwnerName}, "btp"},
	} {
		c, got := consent.Consent{Access: tt.access}, ""
		for _, w := range []struct {
			letter string
			wanted bool
		}{{"b", c.WantsBalances()}, {"t", c.WantsTransactions()}, {"p", c.WantsTrustedBeneficiaries()}} {
			if w.wanted {
				got += w.letter
			}
		}
		if got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.access, got, tt.want)
		}
	}
}

func TestCoveredBeforeTheBankHasTold(t *testing.T) {
	t.Parallel()
	a, b := core.AccountReference{IBAN: "SI56020360253863406"}, core.AccountReference{IBAN: "SI56051008000032875"}
	none := &[]core.AccountReference{}
	c := consent.Consent{
		Model: consent.BankOffered, Access: consent.Access{Accounts: none, Balances: none},
		Grant: &core.Grant{Balances: []core.AccountReference{a}, Transactions: []core.AccountReference{a, b}},
	}
	got := c.Covered()
	want := []consent.Account{{Reference: a, Balances: true}, {Reference: b}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v; want %+v: transactions were not asked for", got, want)
	}
	named := consent.Consent{Model: consent.Dedicated, Access: consent.Access{Accounts: refs(a, b)}}
	if got := named.Covered(); got != nil {
		t.Errorf("as long as the PSU has decided nothing: got %+v", got)
	}
	named.Grant = &core.Grant{Balances: []core.AccountReference{b}}
	if got := named.Covered(); !slices.Equal(got, []consent.Account{{Reference: b}}) {
		t.Errorf("one of two that were named: got %+v", got)
	}
	c.Accounts = []consent.Account{{ResourceID: "r1", Reference: a}}
	if got := c.Covered(); len(got) != 1 || got[0].ResourceID != "r1" {
		t.Errorf("what the bank told counts more: got %+v", got)
	}
	c.Accounts, c.Access.RestrictedTo = nil, []string{"CACC"}
	if got := c.Covered(); got != nil {
		t.Errorf("which of them are of the right type only the bank can tell: got %+v", got)
	}
}

// Only where the TPP asked for all accounts is what the PSU chose another thing than what was
// asked for.
func TestChosen(t *testing.T) {
	a := byIBAN(ibanA)
	single := &core.Grant{Balances: []core.AccountReference{a}, Transactions: []core.AccountReference{a}}
	for _, tt := range []struct {
		name  string
		model consent.Model
		grant *core.Grant
		want  bool
	}{
		{"all were asked for, single ones given", consent.Global, single, true},
		{"a list of all, single ones given", consent.AvailableAccounts, single, true},
		{"all were asked for and given", consent.Global, &core.Grant{AllPSD2: true}, false},
		{"nobody says what was given", consent.Global, nil, false},
		{"the choice was left to the PSU", consent.BankOffered, single, false},
		{"single ones were asked for", consent.Dedicated, single, false},
	} {
		if got := (consent.Consent{Model: tt.model, Grant: tt.grant}).Chosen(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

package consent_test

import (
	"testing"

	"kontor/bank/consent"
	"kontor/bank/core"
)

// What a bank says of an account now goes before what it said when the consent was given,
// and never beyond what the TPP asked for.
func TestWhatThePSUGivesNow(t *testing.T) {
	t.Parallel()
	const a, b = "SI56020360253863406", "SI56051008000032875"
	named := func(ibans ...string) *[]core.AccountReference {
		refs := []core.AccountReference{}
		for _, iban := range ibans {
			refs = append(refs, core.AccountReference{IBAN: iban})
		}
		return &refs
	}
	gave := &core.Grant{Balances: *named(a), Transactions: *named(a)}
	both, none := &core.Rights{Balances: true, Transactions: true}, &core.Rights{}
	for _, c := range []struct {
		name    string
		model   consent.Model
		access  consent.Access
		now     map[string]*core.Rights // of the accounts that the bank lists
		covered string                  // of each account: d, and b, t where these can be read
	}{
		{"a bank that tells nothing holds to what was given", consent.BankOffered, consent.Access{Balances: named(), Transactions: named()}, map[string]*core.Rights{a: nil, b: nil}, "a:bt"},
		{"another account instead", consent.BankOffered, consent.Access{Balances: named(), Transactions: named()}, map[string]*core.Rights{b: both}, "b:bt"},
		{"another account too", consent.BankOffered, consent.Access{Balances: named(), Transactions: named()}, map[string]*core.Rights{a: both, b: both}, "a:bt b:bt"},
		{"less of the same account", consent.BankOffered, consent.Access{Balances: named(), Transactions: named()}, map[string]*core.Rights{a: {Balances: true}}, "a:b"},
		{"its details alone", consent.BankOffered, consent.Access{Balances: named(), Transactions: named()}, map[string]*core.Rights{a: none}, "a:"},
		{"more than was asked", consent.BankOffered, consent.Access{Balances: named()}, map[string]*core.Rights{a: both}, "a:b"},
		{"an account that the TPP did not name", consent.Dedicated, consent.Access{Balances: named(a), Transactions: named(a)}, map[string]*core.Rights{a: both, b: both}, "a:bt"},
		{"of everything, what she gives now", consent.Global, consent.Access{AllPSD2: consent.AllAccounts}, map[string]*core.Rights{a: none, b: both}, "a: b:bt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var listed []core.Account
			for _, iban := range []string{a, b} {
				if now, ok := c.now[iban]; ok {
					listed = append(listed, core.Account{ID: iban, Reference: core.AccountReference{IBAN: iban}, Currency: "EUR", Granted: now})
				}
			}
			con := consent.Consent{Model: c.model, Access: c.access, Grant: gave, Status: consent.Valid}
			got := ""
			for _, acc := range con.Resolve(listed, nil, func(id string) string { return id }) {
				if got != "" {
					got += " "
				}
				got += map[string]string{a: "a:", b: "b:"}[acc.ID]
				if acc.Balances {
					got += "b"
				}
				if acc.Transactions {
					got += "t"
				}
			}
			if got != c.covered {
				t.Errorf("covered %q, want %q", got, c.covered)
			}
		})
	}
}

package xs2a_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/money"
)

// bankDoesMore plays what the bank does seldom: events of the last authorisation of a
// consent, and changes of what it has.
func (d *desk) bankDoesMore(t *testing.T, does, id, more string) error {
	t.Helper()
	last := func() string {
		all, err := d.Authorisations.List(t.Context(), "lon", authorisation.OfConsent, id)
		if err != nil || len(all) == 0 {
			t.Fatalf("%s has no authorisation, %v", id, err)
		}
		for _, a := range slices.Backward(all) {
			if !a.Status.Final() {
				return a.Session
			}
		}
		return all[len(all)-1].Session
	}
	switch does {
	case "fail": // fail id1 InternalProviderError
		return d.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: last(), Class: more})
	case "says": // says id1 partiallyAuthorised: an update with this status
		return d.Authorisations.Update(t.Context(), "lon", core.Update{Session: last(), Status: more})
	case "late-success": // late-success id1 psu-7: the success of one whose time is over, which the hub refuses
		if err := d.Authorisations.Success(t.Context(), "lon", core.Success{Session: last(), UserID: more, Token: "token-late"}); !errors.Is(err, core.ErrSessionExpired) {
			return fmt.Errorf("the late success of %s: %w", more, err)
		}
	case "holds-by": // holds-by id1 code-7: the PSU has approved, and her browser takes this code back
		return d.Authorisations.Update(t.Context(), "lon", held(last(), more))
	case "allow-again": // allow-again id1 psu-7
		return d.Authorisations.Success(t.Context(), "lon", core.Success{Session: last(), UserID: more, Token: "token-anew"})
	case "signs": // signs id1 psu-7: one of several signatures
		return d.Authorisations.Success(t.Context(), "lon", core.Success{Session: last(), UserID: more, Partly: true})
	case "completes": // completes id1 psu-8: the last of them
		return d.Authorisations.Success(t.Context(), "lon", core.Success{Session: last(), UserID: more, Token: "token-" + id, Granted: &core.Grant{AllPSD2: true}})
	case "other-psu": // other-psu id1 psu-8: the success of another PSU, which the hub refuses
		if err := d.Authorisations.Success(t.Context(), "lon", core.Success{Session: last(), UserID: more, Token: "token-other"}); err == nil {
			return fmt.Errorf("the success of %s was taken", more)
		}
	case "holds": // holds everything: accounts of many kinds
		many := core.AccountReference{IBAN: "SI56191000000123438"}
		d.Bank.Listed = append(d.Bank.Listed,
			core.Account{ID: "20", Reference: many, Currency: money.Several, Type: "CACC"}, core.Account{ID: "21", Reference: many, Currency: "EUR", Type: "CACC"},
			core.Account{ID: "22", Reference: many, Currency: "USD", Type: "CACC"}, core.Account{ID: "30", Reference: core.AccountReference{IBAN: "SI56192001234567892"}, Currency: "EUR", Type: "SVGS"},
			core.Account{ID: "40", Reference: core.AccountReference{Other: core.Other{Identification: "L-77"}}, Currency: "EUR", Type: "LOAN"},
		)
	case "closes": // closes 2: the PSU takes an account out of her choice, or closes it
		d.closed = append(d.closed, slices.Clone(d.Bank.Listed)...)
		d.Bank.Listed = slices.DeleteFunc(slices.Clone(d.Bank.Listed), func(a core.Account) bool { return a.ID == id })
	case "opens": // opens: all of them are back
		d.Bank.Listed, d.closed = d.closed, nil
	case "revoke-funds": // revoke-funds id1: the PSU withdraws a consent to confirm funds
		return d.Revoke(t.Context(), "lon", "token-"+id, true)
	case "sweep": // sweep: the hub stores what time has ended
		return d.Sweep(t.Context())
	case "switch": // switch savingsAndLoans off
		d.Change(func(b *profile.Bank) {
			switch id {
			case "savingsAndLoans":
				b.Accounts.SavingsAndLoans = more == "on"
			default:
				t.Fatalf("no switch %s", id)
			}
		})
	default:
		t.Fatalf("the bank cannot %s", strings.Join([]string{does, id, more}, " "))
	}
	return nil
}

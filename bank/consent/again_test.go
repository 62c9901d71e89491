package consent_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
)

// sca starts SCA of c once more.
func sca(t *testing.T, w *consenttest.World, c consent.Consent) authorisation.Authorisation {
	t.Helper()
	a, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func olderByAuthorisation(w *consenttest.World) {
	w.Change(func(b *profile.Bank) { b.Accounts.OlderHistory = profile.OlderByAuthorisation })
}

func TestAuthoriseAgain(t *testing.T) {
	story(t, "SCA anew under a valid consent", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		before := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Pass(24 * time.Hour)
		a := sca(t, w, before)
		asked := w.Bank.Asked()
		if len(asked) != 2 || asked[1].Session != a.Session || asked[1].ConsentID != before.ID || asked[1].Session == before.Session || a.BankURL == "" {
			t.Errorf("the bank was asked %+v", asked)
		}
		if c := w.Read(t, before.ID); c.Status != consent.Valid || c.Token != before.Token || c.Session != before.Session || !c.AuthorisedAt.Equal(before.AuthorisedAt) {
			t.Errorf("while the PSU is at it: %+v", c)
		}
		w.Pass(time.Minute)
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t2"}); err != nil {
			t.Fatal(err)
		}
		c := w.Read(t, before.ID)
		if c.Status != consent.Valid || c.Token != "t2" || c.Session != a.Session || !c.AuthorisedAt.Equal(w.Now()) || c.ValidUntil != before.ValidUntil || c.LastActionDate != before.LastActionDate {
			t.Errorf("got %+v", c)
		}
		if got, want := actions(t, w, c.ID), []string{"consent.authorise", "consent.create", "consent.reauthorise", "consent.startAuthorisation"}; !slices.Equal(got, want) {
			t.Errorf("recorded %v, want %v", got, want)
		}
		if w.TokensRevoked() != nil {
			t.Error("tokens were ended")
		}
		w.Bank.Fail(core.ErrUnavailable)
		if err := w.TellBanks(t.Context()); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("a bank that is away: %v", err)
		}
		w.Bank.Fail(nil)
		for range 2 {
			if err := w.TellBanks(t.Context()); err != nil || !slices.Equal(w.Bank.Revoked(), []string{before.Token}) {
				t.Errorf("the bank was told the end of %v, %v; want the access before", w.Bank.Revoked(), err)
			}
		}
		// The bank speaks of the new token from now on.
		if err := w.Revoke(t.Context(), "lon", before.Token, false); !errors.Is(err, core.ErrTokenUnknown) {
			t.Errorf("the old token: %v", err)
		}
		if err := w.Revoke(t.Context(), "lon", "t2", false); err != nil || w.Read(t, c.ID).Status != consent.RevokedByPSU {
			t.Errorf("the new token: %v", err)
		}
	})
	story(t, "a bank that does not answer is asked no further about accesses before", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		for _, psu := range []string{"u1", "u2"} {
			c := w.Given(t, consenttest.Everything(), psu, nil)
			if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: sca(t, w, c).Session, UserID: psu, Token: "again-" + psu}); err != nil {
				t.Fatal(err)
			}
		}
		w.Bank.Fail(core.ErrUnavailable)
		if err := w.TellBanks(t.Context()); !errors.Is(err, core.ErrUnavailable) || strings.Count(err.Error(), core.ErrUnavailable.Error()) != 1 {
			t.Error(err)
		}
	})
	story(t, "an access that the bank goes on with is not ended there", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: sca(t, w, c).Session, UserID: "u1", Token: c.Token}); err != nil {
			t.Fatal(err)
		}
		if err := w.TellBanks(t.Context()); err != nil || w.Bank.Revoked() != nil {
			t.Errorf("told the end of %v, %v", w.Bank.Revoked(), err)
		}
	})
	story(t, "the PSU gives something else this time", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		a, b := byIBAN(ibanA), byIBAN(ibanB)
		c := w.Given(t, consenttest.Everything(), "u1", &core.Grant{Balances: []core.AccountReference{a}, Transactions: []core.AccountReference{a}})
		if err := w.Refill(t.Context(), c, []consent.Account{{ResourceID: "r1", ID: "1", Reference: a}}); err != nil {
			t.Fatal(err)
		}
		next := &core.Grant{Balances: []core.AccountReference{b}, Transactions: []core.AccountReference{b}}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: sca(t, w, c).Session, UserID: "u1", Token: "t2", Granted: next}); err != nil {
			t.Fatal(err)
		}
		if got := w.Read(t, c.ID); got.Accounts != nil || len(got.Covered()) != 1 || got.Covered()[0].Reference != b {
			t.Errorf("it covers %+v", got.Covered())
		}
		// Who read the accounts under the first grant must not bring them back.
		if err := w.Refill(t.Context(), c, []consent.Account{{ResourceID: "r1", ID: "1", Reference: a}}); err != nil || w.Read(t, c.ID).Accounts != nil {
			t.Errorf("%v, %+v", err, w.Read(t, c.ID).Accounts)
		}
	})
	story(t, "another PSU is refused, and that is recorded", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		a := sca(t, w, c)
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u2", Token: "t2"}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("the bank is told %v", err)
		}
		if got := w.Read(t, c.ID); got.Status != consent.Valid || got.PSU != "u1" || got.Token != c.Token || !got.AuthorisedAt.Equal(c.AuthorisedAt) {
			t.Errorf("got %+v", got)
		}
		if got, err := w.Authorisations.Get(t.Context(), "lon", c.TPP, authorisation.OfConsent, c.ID, a.ID); err != nil || got.Status != authorisation.Failed {
			t.Errorf("the authorisation is %s, %v", got.Status, err)
		}
		if got := actions(t, w, c.ID); !slices.Contains(got, "consent.reauthorise.otherPsu") || slices.Contains(got, "consent.reauthorise") {
			t.Errorf("recorded %v", got)
		}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t3"}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("after that: %v", err)
		}
	})
	for name, fail := range map[string]func(t *testing.T, w *consenttest.World, a authorisation.Authorisation){
		"the PSU refuses": func(t *testing.T, w *consenttest.World, a authorisation.Authorisation) {
			if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "AccessDenied"}); err != nil {
				t.Fatal(err)
			}
		},
		"the PSU forgets": func(t *testing.T, w *consenttest.World, _ authorisation.Authorisation) {
			w.Pass(15 * time.Minute)
			if n, err := w.Authorisations.Sweep(t.Context()); n != 1 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
		},
	} {
		story(t, name+", and the consent stays valid; she may try again", func(t *testing.T, w *consenttest.World) {
			olderByAuthorisation(w)
			c := w.Given(t, consenttest.Everything(), "u1", nil)
			fail(t, w, sca(t, w, c))
			if got := w.Read(t, c.ID); got.Status != consent.Valid || got.Token != c.Token {
				t.Errorf("got %+v", got)
			}
			if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: sca(t, w, c).Session, UserID: "u1", Token: "t2"}); err != nil || w.Read(t, c.ID).Token != "t2" {
				t.Errorf("again: %v", err)
			}
		})
	}
	story(t, "it replaces no other consent, and none lives longer by it", func(t *testing.T, w *consenttest.World) {
		olderByAuthorisation(w)
		w.Change(func(b *profile.Bank) { b.Consent.ReplaceOlder = false })
		old, young := w.Given(t, consenttest.Everything(), "u1", nil), w.Given(t, consenttest.Everything(), "u1", nil)
		w.Change(func(b *profile.Bank) { b.Consent.ReplaceOlder = true })
		a := sca(t, w, old)
		w.Set(old.ExpiresAt.Add(-time.Minute))
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t2"}); !errors.Is(err, core.ErrSessionExpired) {
			t.Errorf("long after: %v", err)
		}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: sca(t, w, old).Session, UserID: "u1", Token: "t3"}); err != nil {
			t.Fatal(err)
		}
		if s := w.Read(t, young.ID).Status; s != consent.Valid {
			t.Errorf("the other one is %s", s)
		}
		w.Pass(time.Minute)
		if s := w.Read(t, old.ID).Status; s != consent.Expired {
			t.Errorf("after its last day it is %s", s)
		}
	})
}

func TestStartAfterAFailure(t *testing.T) {
	story(t, "SCA that failed for any other reason than the PSU's will can be started again", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		w.Pass(14 * time.Minute)
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "InternalProviderError"}); err != nil {
			t.Fatal(err)
		}
		if s := w.Read(t, c.ID).Status; s != consent.Received {
			t.Fatalf("after the failure it is %s", s)
		}
		a := sca(t, w, c)
		w.Pass(14 * time.Minute) // the new run has its own time, and the consent with it
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t1"}); err != nil {
			t.Fatal(err)
		}
		if got := w.Read(t, c.ID); got.Status != consent.Valid || got.Session != a.Session || got.Token != "t1" {
			t.Errorf("got %+v", got)
		}
	})
	story(t, "the first session is dead then", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "InternalProviderError"}); err != nil {
			t.Fatal(err)
		}
		sca(t, w, c)
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: c.Session, UserID: "u1", Token: "t1"}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("got %v", err)
		}
	})
	story(t, "no consent waits for more than a day, however often it is tried", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		session := c.Session
		for range 100 {
			if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: session, Class: "InternalProviderError"}); err != nil {
				break
			}
			a, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{})
			if err != nil {
				break
			}
			session = a.Session
			w.Pass(14*time.Minute + 59*time.Second)
		}
		got := w.Read(t, c.ID)
		if got.Status != consent.Rejected || got.AuthoriseBy.Sub(got.CreatedAt) != 24*time.Hour {
			t.Errorf("it is %s, and waited for %v", got.Status, got.AuthoriseBy.Sub(got.CreatedAt))
		}
	})
	story(t, "a bank that is away the second time leaves the consent waiting", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "InternalProviderError"}); err != nil {
			t.Fatal(err)
		}
		w.Bank.Fail(core.ErrUnavailable)
		if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{}); !errors.Is(err, core.ErrUnavailable) {
			t.Fatal(err)
		}
		w.Bank.Fail(nil)
		if s := w.Read(t, c.ID).Status; s != consent.Received {
			t.Errorf("it is %s", s)
		}
		sca(t, w, c)
	})
}

func TestNoStart(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, w *consenttest.World) string
		err  error
	}{
		{"while the PSU is at it", func(t *testing.T, w *consenttest.World) string { return w.Ask(t, consenttest.Everything()).ID }, consent.ErrStatus},
		{"while the bank has exempted her and not yet said more", func(t *testing.T, w *consenttest.World) string {
			w.Bank.URL = ""
			c := w.Ask(t, consenttest.Everything())
			if err := w.Authorisations.Update(t.Context(), "lon", core.Update{Session: c.Session, SCAStatus: "exempted"}); err != nil {
				t.Fatal(err)
			}
			return c.ID
		}, consent.ErrStatus},
		{"under a valid one, where older history needs a new consent", func(t *testing.T, w *consenttest.World) string {
			w.Change(func(b *profile.Bank) { b.Accounts.OlderHistory = profile.OlderByConsent })
			return w.Given(t, consenttest.Everything(), "u1", nil).ID
		}, consent.ErrStatus},
		{"under a valid one that the PSU is authorising again", func(t *testing.T, w *consenttest.World) string {
			olderByAuthorisation(w)
			c := w.Given(t, consenttest.Everything(), "u1", nil)
			sca(t, w, c)
			return c.ID
		}, consent.ErrStatus},
		{"under one to confirm funds", func(t *testing.T, w *consenttest.World) string {
			olderByAuthorisation(w)
			w.Change(func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsByConsents })
			r := consenttest.Everything()
			r.Access, r.ConfirmationOfFundsAllowed = consent.Access{Accounts: refs(byIBAN(ibanA))}, true
			return w.Given(t, r, "u1", nil).ID
		}, consent.ErrStatus},
		{"after the last day", func(t *testing.T, w *consenttest.World) string {
			c := w.Given(t, consenttest.Everything(), "u1", nil)
			w.Set(c.ExpiresAt)
			return c.ID
		}, consent.ErrExpired},
		{"once the TPP has ended it", func(t *testing.T, w *consenttest.World) string {
			c := w.Given(t, consenttest.Everything(), "u1", nil)
			if err := w.Terminate(t.Context(), "lon", c.TPP, c.ID, requestID); err != nil {
				t.Fatal(err)
			}
			return c.ID
		}, consent.ErrInvalid},
		{"once the PSU has refused", func(t *testing.T, w *consenttest.World) string {
			c := w.Ask(t, consenttest.Everything())
			if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "AccessDenied"}); err != nil {
				t.Fatal(err)
			}
			return c.ID
		}, consent.ErrInvalid},
		{"when nobody came in time", func(t *testing.T, w *consenttest.World) string {
			c := w.Ask(t, consenttest.Everything())
			w.Pass(15 * time.Minute)
			return c.ID
		}, consent.ErrInvalid},
		{"under none", func(*testing.T, *consenttest.World) string { return "nothing" }, consent.ErrUnknown},
	} {
		story(t, tt.name, func(t *testing.T, w *consenttest.World) {
			id := tt.make(t, w)
			asked := len(w.Bank.Asked())
			if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, id, consent.Start{}); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			other := consenttest.AISP
			other.ID = "PSDSI-BS-7654321"
			if _, err := w.StartAuthorisation(t.Context(), w.At, other, id, consent.Start{}); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("another TPP: got %v", err)
			}
			if len(w.Bank.Asked()) != asked {
				t.Error("the bank was asked all the same")
			}
		})
	}
}

package consent_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

const requestID = "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"

// story runs test on a World of each kind of database.
func story(t *testing.T, name string, test func(t *testing.T, w *consenttest.World)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		sqldbtest.Each(t, consenttest.Migrations, func(t *testing.T, db *sqldb.DB) { test(t, consenttest.NewWorld(t, db)) })
	})
}

func actions(t *testing.T, w *consenttest.World, id string) (all []string) {
	t.Helper()
	entries, err := w.Audit.Of(t.Context(), "lon", id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Action)
	}
	slices.Sort(all)
	return all
}

func oneOff() consent.Request {
	r := consenttest.Everything()
	r.Recurring, r.FrequencyPerDay = false, 1
	return r
}

func TestLife(t *testing.T) {
	story(t, "created, authorised, terminated", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		if c.Status != consent.Received {
			t.Errorf("created: %s", c.Status)
		}
		asked := w.Bank.Asked()
		if len(asked) != 1 || !asked[0].AllPSD2 || asked[0].ConsentID != c.ID || asked[0].Session != c.Session || asked[0].ReturnURL == "" {
			t.Errorf("the bank was asked %+v", asked)
		}
		w.Allow(t, c, "u1", nil)
		if c = w.Read(t, c.ID); c.Status != consent.Valid || c.PSU != "u1" || c.Token != "token-"+c.ID {
			t.Errorf("authorised: %+v", c)
		}
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Fatal(err)
		}
		if c = w.Read(t, c.ID); c.Status != consent.TerminatedByTPP || !slices.Contains(w.TokensRevoked(), c.ID) {
			t.Errorf("terminated: %s; tokens of %v ended", c.Status, w.TokensRevoked())
		}
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Errorf("twice: %v", err)
		}
		if got, want := actions(t, w, c.ID), []string{"consent.authorise", "consent.create", "consent.terminate", "consent.terminate"}; !slices.Equal(got, want) {
			t.Errorf("recorded %v, want %v", got, want)
		}
	})
	story(t, "the PSU refuses", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "AccessDenied"}); err != nil {
			t.Fatal(err)
		}
		if c = w.Read(t, c.ID); c.Status != consent.Rejected {
			t.Error(c.Status)
		}
		err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: c.Session, Token: "late"})
		if !errors.Is(err, core.ErrSessionClosed) || w.Read(t, c.ID).Status != consent.Rejected {
			t.Errorf("a success after that: %v, %s", err, w.Read(t, c.ID).Status)
		}
	})
	story(t, "the PSU forgets, and the sweep changes nothing that can be seen", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		w.Pass(15 * time.Minute)
		before := w.Read(t, c.ID)
		if n, err := w.Authorisations.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		if after := w.Read(t, c.ID); before.Status != consent.Rejected || after.Status != consent.Rejected {
			t.Errorf("%s, then %s", before.Status, after.Status)
		}
	})
	story(t, "the bank gives the PSU more time than the profile", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		w.Pass(10 * time.Minute)
		if err := w.Authorisations.Update(t.Context(), "lon", core.Update{Session: c.Session, ExpiresAt: w.Now().Add(20 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		w.Pass(15 * time.Minute)
		if s := w.Read(t, c.ID).Status; s != consent.Received {
			t.Errorf("in between it is %s", s)
		}
		w.Allow(t, c, "u1", nil)
		if s := w.Read(t, c.ID).Status; s != consent.Valid {
			t.Errorf("in the end it is %s", s)
		}
	})
	story(t, "what the TPP ended the PSU cannot authorise any more", func(t *testing.T, w *consenttest.World) {
		c := w.Ask(t, consenttest.Everything())
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Fatal(err)
		}
		err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: c.Session, Token: "late"})
		if !errors.Is(err, core.ErrSessionClosed) || w.Read(t, c.ID).Status != consent.TerminatedByTPP {
			t.Errorf("got %v, %s", err, w.Read(t, c.ID).Status)
		}
		all, err := w.Authorisations.List(t.Context(), "lon", authorisation.OfConsent, c.ID)
		if err != nil || len(all) != 1 || all[0].Status != authorisation.Failed {
			t.Errorf("its SCA: %+v, %v", all, err)
		}
	})
	story(t, "the bank's page comes later, or not in time", func(t *testing.T, w *consenttest.World) {
		w.Bank.URL = ""
		_, a, err := w.Create(t.Context(), w.At, consenttest.AISP, consent.Creation{Request: consenttest.Everything()})
		if err != nil || a.BankURL != "" || a.Status != authorisation.Received {
			t.Errorf("not in time: %q, %s, %v", a.BankURL, a.Status, err)
		}
		w.Change(func(b *profile.Bank) { b.FirstUpdateWait = 20 * time.Second })
		go func() {
			for len(w.Bank.Asked()) < 2 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(30 * time.Millisecond)
			if err := w.Authorisations.Update(context.Background(), "lon", core.Update{Session: w.Bank.Asked()[1].Session, RedirectURL: "https://bank.example/later"}); err != nil {
				t.Error(err)
			}
		}()
		if _, a, err = w.Create(t.Context(), w.At, consenttest.AISP, consent.Creation{Request: consenttest.Everything()}); err != nil || a.BankURL != "https://bank.example/later" {
			t.Errorf("later: %q, %v", a.BankURL, err)
		}
	})
	story(t, "a bank that does not take the request leaves a rejected consent", func(t *testing.T, w *consenttest.World) {
		w.Bank.Fail(core.ErrUnavailable)
		_, _, err := w.Create(t.Context(), w.At, consenttest.AISP, consent.Creation{Request: consenttest.Everything()})
		if !errors.Is(err, core.ErrUnavailable) {
			t.Fatal(err)
		}
		if c := w.Read(t, w.Bank.Asked()[0].ConsentID); c.Status != consent.Rejected {
			t.Error(c.Status)
		}
	})
	story(t, "another TPP's consent is unknown", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		for _, other := range []tpp.ID{"PSDSI-BS-7654321", ""} {
			if got, err := w.Get(t.Context(), "lon", other, c.ID); !errors.Is(err, consent.ErrUnknown) || got.Token != "" {
				t.Errorf("%q reads: %v", other, err)
			}
			if err := w.Terminate(t.Context(), "lon", other, c.ID, requestID); !errors.Is(err, consent.ErrUnknown) || w.Read(t, c.ID).Status != consent.Valid {
				t.Errorf("%q ends: %v", other, err)
			}
		}
	})
}

func TestReplacement(t *testing.T) {
	story(t, "an older recurring consent lives until the new one is authorised", func(t *testing.T, w *consenttest.World) {
		old := w.Given(t, consenttest.Everything(), "u1", nil)
		refused := w.Ask(t, consenttest.Everything())
		fresh := w.Ask(t, consenttest.Everything())
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: refused.Session}); err != nil {
			t.Fatal(err)
		}
		if s := w.Read(t, old.ID).Status; s != consent.Valid {
			t.Fatalf("before: %s", s)
		}
		w.Allow(t, fresh, "u1", nil)
		if s := w.Read(t, old.ID).Status; s != consent.Expired {
			t.Errorf("after: %s", s)
		}
		if s := w.Read(t, fresh.ID).Status; s != consent.Valid {
			t.Errorf("the new one: %s", s)
		}
		if !slices.Contains(w.TokensRevoked(), old.ID) || slices.Contains(w.TokensRevoked(), fresh.ID) {
			t.Errorf("tokens ended of %v", w.TokensRevoked())
		}
		if err := w.TellBanks(t.Context()); err != nil || !slices.Equal(w.Bank.Revoked(), []string{old.Token}) {
			t.Errorf("told the bank the end of %v, %v", w.Bank.Revoked(), err)
		}
	})
	story(t, "others are left alone", func(t *testing.T, w *consenttest.World) {
		single := w.Given(t, oneOff(), "u1", nil)
		w.Change(func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsByConsents })
		funds := consent.Request{Access: consent.Access{Accounts: refs(byIBAN(ibanA))}, Recurring: true, ValidUntil: day.New(9999, 12, 31), FrequencyPerDay: 4, ConfirmationOfFundsAllowed: true}
		piis := w.Given(t, funds, "u1", nil)
		hers := w.Given(t, consenttest.Everything(), "u2", nil)
		other := consenttest.AISP
		other.ID = "PSDSI-BS-7654321"
		theirs, _, err := w.Create(t.Context(), w.At, other, consent.Creation{Request: consenttest.Everything()})
		if err != nil {
			t.Fatal(err)
		}
		w.Allow(t, theirs, "u1", nil)
		mine := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Given(t, oneOff(), "u1", nil) // does not replace either
		w.Given(t, funds, "u1", nil)    // nor does one of funds
		for name, id := range map[string]string{"a one-off": single.ID, "of funds": piis.ID, "of another PSU": hers.ID, "of another TPP": theirs.ID, "a recurring one, by a one-off": mine.ID} {
			if c, err := w.Store.Get(t.Context(), "lon", id); err != nil || c.Status != consent.Valid {
				t.Errorf("%s: %s, %v", name, c.Status, err)
			}
		}
	})
	story(t, "of many that the PSU authorises at the same time one is left", func(t *testing.T, w *consenttest.World) {
		var all []consent.Consent
		for range 4 {
			all = append(all, w.Ask(t, consenttest.Everything()))
		}
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() {
				if err := w.Authorisations.Success(context.Background(), "lon", core.Success{Session: c.Session, UserID: "u1", Token: "token-" + c.ID}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		valid := 0
		for _, c := range all {
			if w.Read(t, c.ID).Status == consent.Valid {
				valid++
			}
		}
		if valid != 1 {
			t.Errorf("%d are valid", valid)
		}
	})
}

func TestRevocation(t *testing.T) {
	story(t, "the PSU revokes at the bank", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		if err := w.Revoke(t.Context(), "lon", c.Token, true); !errors.Is(err, core.ErrTokenUnknown) {
			t.Errorf("as a consent to confirm funds: %v", err)
		}
		if err := w.Revoke(t.Context(), "lon", "guess", false); !errors.Is(err, core.ErrTokenUnknown) {
			t.Errorf("an unknown token: %v", err)
		}
		for range 2 {
			if err := w.Revoke(t.Context(), "lon", c.Token, false); err != nil {
				t.Error(err)
			}
		}
		if s := w.Read(t, c.ID).Status; s != consent.RevokedByPSU || !slices.Contains(w.TokensRevoked(), c.ID) {
			t.Errorf("%s; tokens of %v ended", s, w.TokensRevoked())
		}
		if err := w.TellBanks(t.Context()); err != nil || w.Bank.Revoked() != nil {
			t.Errorf("the bank was told what it had told: %v, %v", w.Bank.Revoked(), err)
		}
	})
	story(t, "what has ended stays as it ended", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Fatal(err)
		}
		if err := w.Revoke(t.Context(), "lon", c.Token, false); err != nil || w.Read(t, c.ID).Status != consent.TerminatedByTPP {
			t.Errorf("%v, %s", err, w.Read(t, c.ID).Status)
		}
	})
	story(t, "a bank that does not answer is asked no further this time", func(t *testing.T, w *consenttest.World) {
		for _, psu := range []string{"u1", "u2"} {
			c := w.Given(t, consenttest.Everything(), psu, nil)
			if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
				t.Fatal(err)
			}
		}
		w.Bank.Fail(core.ErrUnavailable)
		if err := w.TellBanks(t.Context()); !errors.Is(err, core.ErrUnavailable) || strings.Count(err.Error(), core.ErrUnavailable.Error()) != 1 {
			t.Error(err)
		}
		w.Bank.Fail(core.ErrTokenUnknown) // it is there, and does not know the one and the other
		if err := w.TellBanks(t.Context()); strings.Count(err.Error(), core.ErrTokenUnknown.Error()) != 2 {
			t.Error(err)
		}
	})
	story(t, "a bank that does not answer is told again", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Fatal(err)
		}
		w.Bank.Fail(core.ErrUnavailable)
		if err := w.TellBanks(t.Context()); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("the first time: %v", err)
		}
		w.Bank.Fail(nil)
		for range 2 {
			if err := w.TellBanks(t.Context()); err != nil || !slices.Equal(w.Bank.Revoked(), []string{c.Token}) {
				t.Errorf("told %v, %v", w.Bank.Revoked(), err)
			}
		}
	})
}

func TestFrequency(t *testing.T) {
	use := consent.Use{Key: "accounts", Action: "accounts.list"}
	story(t, "four unattended reads of each kind a day, in the bank's calendar", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		permit := func(u consent.Use) error { return w.Permit(t.Context(), c, u) }
		for i := range 4 {
			if err := permit(use); err != nil {
				t.Fatalf("read %d: %v", i+1, err)
			}
		}
		if err := permit(use); !errors.Is(err, consent.ErrExceeded) {
			t.Errorf("the fifth: %v", err)
		}
		for name, u := range map[string]consent.Use{
			"while the PSU looks on": {Key: "accounts", Attended: true}, "another read": {Key: "balances/r1"}, "the next page of a report": {},
		} {
			if err := permit(u); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.Set(time.Date(2026, 3, 1, 22, 59, 59, 0, time.UTC))
		if err := permit(use); !errors.Is(err, consent.ErrExceeded) {
			t.Errorf("before midnight in Ljubljana: %v", err)
		}
		w.Pass(time.Second)
		if err := permit(use); err != nil {
			t.Errorf("at midnight in Ljubljana: %v", err)
		}
	})
	story(t, "of 32 at the same time four are permitted, and these are recorded", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		var wg sync.WaitGroup
		var permitted atomic.Int32
		for range 32 {
			wg.Go(func() {
				if err := w.Permit(context.Background(), c, use); err == nil {
					permitted.Add(1)
				} else if !errors.Is(err, consent.ErrExceeded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		recorded := 0
		for _, a := range actions(t, w, c.ID) {
			if a == use.Action {
				recorded++
			}
		}
		if permitted.Load() != 4 || recorded != 4 {
			t.Errorf("%d permitted, %d recorded", permitted.Load(), recorded)
		}
	})
}

func TestOneOff(t *testing.T) {
	use := consent.Use{Key: "accounts", Action: "accounts.list"}
	story(t, "without a window each read can be had once, on whichever day", func(t *testing.T, w *consenttest.World) {
		c := w.Given(t, oneOff(), "u1", nil)
		if err := w.Permit(t.Context(), c, use); err != nil {
			t.Fatal(err)
		}
		again := use
		again.Attended = true
		for _, later := range []time.Duration{0, 24 * time.Hour} {
			w.Pass(later)
			if err := w.Permit(t.Context(), c, again); !errors.Is(err, consent.ErrExceeded) {
				t.Errorf("again after %v: %v", later, err)
			}
		}
		if err := w.Permit(t.Context(), c, consent.Use{Key: "balances/r1"}); err != nil {
			t.Errorf("another read: %v", err)
		}
	})
	story(t, "within a window reads are free, and then it has expired", func(t *testing.T, w *consenttest.World) {
		w.Change(func(b *profile.Bank) { b.Consent.OneOffWindow = 10 * time.Minute })
		c := w.Given(t, oneOff(), "u1", nil)
		for range 6 {
			if err := w.Permit(t.Context(), c, use); err != nil {
				t.Error(err)
			}
		}
		w.Pass(10 * time.Minute)
		if err := w.Permit(t.Context(), c, use); !errors.Is(err, consent.ErrExpired) || w.Read(t, c.ID).Status != consent.Expired {
			t.Errorf("after it: %v, %s", err, w.Read(t, c.ID).Status)
		}
	})
}

func TestTokensForTheBanksDashboard(t *testing.T) {
	story(t, "each access with its state", func(t *testing.T, w *consenttest.World) {
		w.Ask(t, consenttest.Everything()) // never authorised: no access
		live := w.Given(t, oneOff(), "u1", nil)
		gone := w.Given(t, oneOff(), "u1", nil)
		if err := w.Revoke(t.Context(), "lon", gone.Token, false); err != nil {
			t.Fatal(err)
		}
		replaced := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Given(t, consenttest.Everything(), "u1", nil)
		all, err := w.Tokens(t.Context(), "lon", core.TokenQuery{UserID: "u1", Limit: 100})
		if err != nil || len(all) != 4 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, info := range all {
			want := "active"
			switch info.ConsentID {
			case gone.ID:
				want = "revoked"
			case replaced.ID:
				want = "expired"
			}
			if info.Status != want || info.AppName != consenttest.AISP.Name || info.UserID != "u1" || info.ConsentID == live.ID && info.Funds {
				t.Errorf("%+v, want %s", info, want)
			}
		}
	})
}

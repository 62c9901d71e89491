package journey_test

import (
	"errors"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/journey"
	"kontor/bank/profile"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// story runs test on a World of each kind of database, whose bank leads PSUs through the
// authorization server and opens older history by SCA anew.
func story(t *testing.T, name string, test func(t *testing.T, w *consenttest.World, s *journey.Service)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		sqldbtest.Each(t, consenttest.Migrations, func(t *testing.T, db *sqldb.DB) {
			w := consenttest.NewWorld(t, db)
			w.Change(func(b *profile.Bank) { b.Accounts.OlderHistory = profile.OlderByAuthorisation })
			test(t, w, &journey.Service{Consents: w.Service, Authorisations: w.Authorisations, Banks: w.Banks, Cores: w.Cores, ReturnURL: w.ReturnURL})
		})
	})
}

// begin begins a journey for c and returns the bank's page.
func begin(t *testing.T, s *journey.Service, c consent.Consent, session string) string {
	t.Helper()
	r, err := s.Consent(t.Context(), "lon", c.TPP, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Begin(t.Context(), "lon", r, session)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func nothing(t *testing.T, s *journey.Service, c consent.Consent, when string) {
	t.Helper()
	if _, err := s.Consent(t.Context(), "lon", c.TPP, c.ID); !errors.Is(err, journey.ErrResource) {
		t.Errorf("%s: got %v", when, err)
	}
}

func outcome(t *testing.T, s *journey.Service, session string) journey.Outcome {
	t.Helper()
	o, err := s.Outcome(t.Context(), "lon", session, 0)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAConsentThatIsAuthorisedMoreThanOnce(t *testing.T) {
	story(t, "the second run after a failure", func(t *testing.T, w *consenttest.World, s *journey.Service) {
		c := w.Ask(t, consenttest.Everything())
		begin(t, s, c, "o1")
		if err := w.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "InternalProviderError"}); err != nil {
			t.Fatal(err)
		}
		if o := outcome(t, s, "o1"); !o.Over || o.OK {
			t.Errorf("the first journey: %+v", o)
		}
		nothing(t, s, c, "before the TPP starts again")
		w.Bank.URL = "https://bank.example/again"
		a, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{})
		if err != nil {
			t.Fatal(err)
		}
		if page := begin(t, s, c, "o2"); page != "https://bank.example/again" {
			t.Errorf("led to %s", page)
		}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t1"}); err != nil {
			t.Fatal(err)
		}
		if o := outcome(t, s, "o2"); !o.OK || o.PSU != "u1" {
			t.Errorf("the second journey: %+v", o)
		}
		if o := outcome(t, s, "o1"); o.OK {
			t.Errorf("the first journey, in the end: %+v", o)
		}
	})
	story(t, "a valid one, for SCA anew", func(t *testing.T, w *consenttest.World, s *journey.Service) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		nothing(t, s, c, "before the TPP asks for it")
		a, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{RedirectURI: "https://tpp.example/back"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Consent(t.Context(), "lon", c.TPP, c.ID)
		if err != nil || len(r.RedirectURIs) != 1 || !r.Recurring || !r.ValidUntil.Equal(c.ExpiresAt) {
			t.Errorf("got %+v, %v", r, err)
		}
		begin(t, s, c, "o1")
		if _, err := s.Consent(t.Context(), "lon", "PSDSI-BS-7654321", c.ID); !errors.Is(err, journey.ErrResource) {
			t.Errorf("another TPP: %v", err)
		}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u2", Token: "t2"}); err == nil {
			t.Error("another PSU was taken")
		}
		if o := outcome(t, s, "o1"); !o.Over || o.OK {
			t.Errorf("with another PSU: %+v", o)
		}
		nothing(t, s, c, "after that")
		if a, err = w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{}); err != nil {
			t.Fatal(err)
		}
		begin(t, s, c, "o2")
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t3"}); err != nil {
			t.Fatal(err)
		}
		if o := outcome(t, s, "o2"); !o.OK || o.PSU != "u1" {
			t.Errorf("with the PSU who gave it: %+v", o)
		}
	})
	story(t, "one that has ended", func(t *testing.T, w *consenttest.World, s *journey.Service) {
		c := w.Given(t, consenttest.Everything(), "u1", nil)
		if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{}); err != nil {
			t.Fatal(err)
		}
		w.Set(c.ExpiresAt.Add(-time.Minute))
		nothing(t, s, c, "when the time for SCA is over")
		w.Pass(time.Minute)
		nothing(t, s, c, "when the consent is over")
	})
}

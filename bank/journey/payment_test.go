package journey_test

import (
	"errors"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent/consenttest"
	"kontor/bank/journey"
	"kontor/bank/tpp"
)

func TestAPaymentThatIsAuthorisedMoreThanOnce(t *testing.T) {
	story(t, "one run after another, and the cancellation", func(t *testing.T, w *consenttest.World, s *journey.Service) {
		wait := func(kind authorisation.Kind, page string) authorisation.Authorisation {
			t.Helper()
			a := w.Authorisations.New(authorisation.Start{
				Bank: "lon", Kind: kind, Subject: "p1", TPP: consenttest.AISP.ID, OAuth: true, RedirectURI: "https://tpp.example/" + page, Timeout: time.Hour,
			})
			a.BankURL = "https://bank.example/" + page
			if err := w.Authorisations.Store.Create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			return a
		}
		end := func(a authorisation.Authorisation) {
			t.Helper()
			err := w.Authorisations.Store.Update(t.Context(), "lon", a.ID, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
				return a.Close(w.Now()), nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		nothing := func(of tpp.ID, when string) {
			t.Helper()
			if _, err := s.Payment(t.Context(), "lon", of, "p1"); !errors.Is(err, journey.ErrResource) {
				t.Errorf("%s: got %v", when, err)
			}
		}
		leads := func(session, to string) {
			t.Helper()
			r, err := s.Payment(t.Context(), "lon", consenttest.AISP.ID, "p1")
			if err != nil {
				t.Fatal(err)
			}
			if len(r.RedirectURIs) != 1 || r.RedirectURIs[0] != "https://tpp.example/"+to {
				t.Errorf("the TPP named %v", r.RedirectURIs)
			}
			if page, err := s.Begin(t.Context(), "lon", r, session); err != nil || page != "https://bank.example/"+to {
				t.Errorf("led to %s, %v; want %s", page, err, to)
			}
		}
		cancels := func(of tpp.ID, when string, want error) {
			t.Helper()
			if _, err := s.Cancellation(t.Context(), "lon", of, "p1"); !errors.Is(err, want) {
				t.Errorf("cancellation, %s: got %v; want %v", when, err, want)
			}
		}
		nothing(consenttest.AISP.ID, "before anything was started")
		first := wait(authorisation.OfPayment, "first")
		leads("o1", "first")
		nothing("PSDSI-BS-7654321", "another TPP's payment")
		end(first)
		nothing(consenttest.AISP.ID, "after the first run failed")
		wait(authorisation.OfPayment, "second")
		leads("o2", "second")
		cancels(consenttest.AISP.ID, "while the payment waits for its PSU", journey.ErrResource)
		cancellation := wait(authorisation.OfCancellation, "cancellation")
		leads("o3", "cancellation")
		cancels(consenttest.AISP.ID, "while it waits", nil)
		cancels("PSDSI-BS-7654321", "for another TPP", journey.ErrResource)
		end(cancellation)
		cancels(consenttest.AISP.ID, "after it failed", journey.ErrResource)
		leads("o4", "second")
	})
}

// Package authorisationtest states what every authorisation.Store must do.
package authorisationtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/tpp"
)

var at = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)

// Sample returns an authorisation with every field filled.
func Sample() authorisation.Authorisation {
	return authorisation.Authorisation{
		Bank: "lon", ID: "a1", Kind: authorisation.OfConsent, Subject: "c1", TPP: "PSDSI-BS-1234567", Status: authorisation.Started, OAuth: true,
		Session: "s1", BankURL: "https://bank.example/p", ReturnKey: "r1", RedirectURI: "https://tpp.example/ok", NokRedirectURI: "https://tpp.example/nok",
		OAuthSession: "o1", PSU: "u1", PSUMessage: "Open your app.", CreatedAt: at, ExpiresAt: at.Add(5 * time.Minute), FinalisedAt: at.Add(time.Minute), SuccessToken: []byte{1, 2, 3},
		RequestID: "q1", Digest: [32]byte{1, 2, 3},
		Signs: "s0", AwaitsUntil: at.Add(time.Hour), Exemption: "RTS-16",
		Approach: authorisation.Embedded, Methods: []core.SCAMethod{{ID: "sms", Type: "SMS_OTP", Name: "Telefon"}, {ID: "push", Type: "PUSH_OTP"}},
		Chosen: &core.SCAMethod{ID: "sms", Type: "SMS_OTP"}, Challenge: &core.Challenge{Image: []byte{137, 80}, Data: []string{"7"}, OTPMaxLength: 6, OTPFormat: "integer"},
		Confirm: true, CodeHash: []byte{4, 5}, ConfirmedAt: at.Add(2 * time.Minute),
	}
}

// Exercise runs the conformance tests. open returns an empty store.
func Exercise(t *testing.T, open func(t *testing.T) authorisation.Store) {
	seeded := func(t *testing.T, all ...authorisation.Authorisation) authorisation.Store {
		t.Helper()
		s := open(t)
		for _, a := range all {
			if err := s.Create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	with := func(id string, change func(*authorisation.Authorisation)) authorisation.Authorisation {
		a := Sample()
		a.ID, a.Session, a.ReturnKey, a.OAuthSession, a.RequestID = id, "s-"+id, "r-"+id, "", "q-"+id
		if change != nil {
			change(&a)
		}
		return a
	}

	t.Run("what is created can be read, to the last field, by each of its names", func(t *testing.T) {
		s := seeded(t, Sample(), with("a2", nil), with("a3", nil))
		for name, get := range map[string]func() (authorisation.Authorisation, error){
			"ID":            func() (authorisation.Authorisation, error) { return s.Get(t.Context(), "lon", "a1") },
			"session":       func() (authorisation.Authorisation, error) { return bySession(t, s, "lon", "s1") },
			"return key":    func() (authorisation.Authorisation, error) { return s.ByReturnKey(t.Context(), "lon", "r1") },
			"OAuth session": func() (authorisation.Authorisation, error) { return s.ByOAuthSession(t.Context(), "lon", "o1") },
		} {
			got, err := get()
			if diff := cmp.Diff(Sample(), got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", name, err, diff)
			}
		}
	})
	t.Run("what is empty stays empty", func(t *testing.T) {
		bare := authorisation.Authorisation{Bank: "lon", ID: "a1", Kind: authorisation.OfLogin, Status: authorisation.Received, Session: "s", ReturnKey: "r"}
		got, err := seeded(t, bare).Get(t.Context(), "lon", "a1")
		if diff := cmp.Diff(bare, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("unknown ones, and those of another bank", func(t *testing.T) {
		s := seeded(t, Sample(), with("a2", nil))
		for _, bank := range []string{"par", "lon"} {
			suffix := ""
			if bank == "lon" {
				suffix = "x"
			}
			_, err1 := s.Get(t.Context(), bank, "a1"+suffix)
			_, err2 := bySession(t, s, bank, "s1"+suffix)
			_, err3 := s.ByReturnKey(t.Context(), bank, "r1"+suffix)
			_, err4 := s.ByOAuthSession(t.Context(), bank, "o1"+suffix)
			_, err5 := s.ByOAuthSession(t.Context(), bank, "")
			err6 := s.Update(t.Context(), bank, "a1"+suffix, func(a authorisation.Authorisation) (authorisation.Authorisation, error) { return a, nil })
			for i, err := range []error{err1, err2, err3, err4, err5, err6} {
				if !errors.Is(err, authorisation.ErrUnknown) {
					t.Errorf("%s, %d: got %v", bank, i, err)
				}
			}
		}
	})
	t.Run("a secret stands for one authorisation only", func(t *testing.T) {
		s := seeded(t, Sample())
		for name, a := range map[string]authorisation.Authorisation{
			"ID":            with("a1", nil),
			"session":       with("a2", func(a *authorisation.Authorisation) { a.Session = "s1" }),
			"return key":    with("a3", func(a *authorisation.Authorisation) { a.ReturnKey = "r1" }),
			"OAuth session": with("a4", func(a *authorisation.Authorisation) { a.OAuthSession = "o1" }),
		} {
			if err := s.Create(t.Context(), a); err == nil {
				t.Errorf("%s: taken twice", name)
			}
		}
	})
	t.Run("a request starts one authorisation a day", func(t *testing.T) {
		s := seeded(t, with("a1", nil))
		same := func(id string, change func(*authorisation.Authorisation)) authorisation.Authorisation {
			return with(id, func(a *authorisation.Authorisation) { a.RequestID = "q-a1"; change(a) })
		}
		for name, later := range map[string]time.Duration{"at once": 0, "just before a day has passed": authorisation.RepeatWindow - time.Microsecond} {
			a := same("a2", func(a *authorisation.Authorisation) { a.CreatedAt = at.Add(later) })
			if err := s.Create(t.Context(), a); !errors.Is(err, authorisation.ErrRepeated) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		for name, a := range map[string]authorisation.Authorisation{
			"another TPP":    same("a3", func(a *authorisation.Authorisation) { a.TPP = "PSDSI-BS-7654321" }),
			"another bank":   same("a4", func(a *authorisation.Authorisation) { a.Bank = "par" }),
			"no request":     with("a5", func(a *authorisation.Authorisation) { a.RequestID = "" }),
			"no request too": with("a6", func(a *authorisation.Authorisation) { a.RequestID = "" }),
			"a day later":    same("a7", func(a *authorisation.Authorisation) { a.CreatedAt = at.Add(authorisation.RepeatWindow) }),
		} {
			if err := s.Create(t.Context(), a); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if a, err := s.ByRequest(t.Context(), "lon", "PSDSI-BS-1234567", "q-a1"); err != nil || a.ID != "a7" {
			t.Errorf("after a day: %q, %v", a.ID, err)
		}
		for _, k := range [][3]string{{"lon", "PSDSI-BS-0000000", "q-a1"}, {"par", "PSDSI-BS-7654321", "q-a1"}, {"lon", "PSDSI-BS-1234567", ""}} {
			if _, err := s.ByRequest(t.Context(), k[0], tpp.ID(k[1]), k[2]); !errors.Is(err, authorisation.ErrUnknown) {
				t.Errorf("%v: got %v", k, err)
			}
		}
	})
	t.Run("those of one subject, oldest first", func(t *testing.T) {
		s := seeded(t,
			with("b", func(a *authorisation.Authorisation) { a.CreatedAt = at.Add(2 * time.Second) }),
			with("a", func(a *authorisation.Authorisation) { a.CreatedAt = at.Add(3 * time.Second) }),
			with("c", func(a *authorisation.Authorisation) { a.CreatedAt = at.Add(1 * time.Second) }),
			with("d", func(a *authorisation.Authorisation) { a.Subject = "c2" }),
			with("e", func(a *authorisation.Authorisation) { a.Kind = authorisation.OfPayment }),
			with("f", func(a *authorisation.Authorisation) { a.Bank = "par" }),
		)
		all, err := s.List(t.Context(), "lon", authorisation.OfConsent, "c1")
		var ids []string
		for _, a := range all {
			ids = append(ids, a.ID)
		}
		if !slices.Equal(ids, []string{"c", "b", "a"}) || err != nil {
			t.Errorf("got %v, %v", ids, err)
		}
	})

	t.Run("an update is stored whole", func(t *testing.T) {
		s := seeded(t, with("a1", func(a *authorisation.Authorisation) {
			a.Status, a.BankURL, a.PSU, a.PSUMessage, a.FinalisedAt, a.SuccessToken = authorisation.Received, "", "", "", time.Time{}, nil
		}))
		want := with("a1", func(a *authorisation.Authorisation) {
			a.Status, a.OAuthSession, a.ExpiresAt, a.RequestID, a.AwaitsUntil, a.Exemption = authorisation.Finalised, "o9", at.Add(30*time.Minute), "q-anew", at.Add(2*time.Hour), "RTS-13"
		})
		if err := s.Update(t.Context(), "lon", "a1", func(authorisation.Authorisation) (authorisation.Authorisation, error) { return want, nil }); err != nil {
			t.Fatal(err)
		}
		got, err := s.ByOAuthSession(t.Context(), "lon", "o9")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("an update that fails stores nothing", func(t *testing.T) {
		s := seeded(t, Sample())
		no := errors.New("no")
		err := s.Update(t.Context(), "lon", "a1", func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
			a.Status = authorisation.Failed
			return a, no
		})
		if got, _ := s.Get(t.Context(), "lon", "a1"); got.Status != authorisation.Started || !errors.Is(err, no) {
			t.Errorf("got %s, %v", got.Status, err)
		}
	})
	t.Run("of eight different successes at the same time one wins", func(t *testing.T) {
		s := seeded(t, with("a1", func(a *authorisation.Authorisation) { a.SuccessToken = nil }))
		var wg sync.WaitGroup
		var won atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				err := s.Update(context.Background(), "lon", "a1", func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
					a, _, err := a.Succeed(at.Add(time.Minute), core.Success{Token: fmt.Sprint(i)})
					return a, err
				})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, core.ErrSessionFinalised) {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); won.Load() != 1 {
			t.Errorf("%d succeeded, want 1", won.Load())
		}
	})

	t.Run("overdue are the open ones whose time is over, the longest overdue first, then those that wait for another signature in vain", func(t *testing.T) {
		end := func(id string, minutes int, status authorisation.Status) authorisation.Authorisation {
			return with(id, func(a *authorisation.Authorisation) {
				a.ExpiresAt, a.Status, a.AwaitsUntil = at.Add(time.Duration(minutes)*time.Minute), status, time.Time{}
			})
		}
		awaits := func(id string, minutes int) authorisation.Authorisation {
			a := end(id, 1, authorisation.Finalised)
			a.AwaitsUntil = at.Add(time.Duration(minutes) * time.Minute)
			return a
		}
		s := seeded(t, awaits("signed", 5), awaits("signed later", 6), end("five", 5, authorisation.Received), end("one", 1, authorisation.Started), end("three", 3, authorisation.PSUIdentified),
			end("six", 6, authorisation.Received), end("done", 1, authorisation.Finalised), end("failed", 1, authorisation.Failed), end("exempted", 1, authorisation.Exempted))
		for _, tt := range []struct {
			limit int
			want  []string
		}{{10, []string{"one", "three", "five", "signed"}}, {2, []string{"one", "three"}}} {
			all, err := s.Overdue(t.Context(), at.Add(5*time.Minute), tt.limit)
			var ids []string
			for _, a := range all {
				ids = append(ids, a.ID)
			}
			if !slices.Equal(ids, tt.want) || err != nil {
				t.Errorf("got %v, %v; want %v", ids, err, tt.want)
			}
		}
	})
}

// bySession reads the authorisation of a session, changing nothing.
func bySession(t *testing.T, s authorisation.Store, bank, session string) (found authorisation.Authorisation, err error) {
	err = s.UpdateBySession(t.Context(), bank, session, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
		found = a
		return a, nil
	})
	return found, err
}

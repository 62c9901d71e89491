// Package accounttest says in tests what every account.Store must do.
package accounttest

import (
	"errors"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/bank/core"
)

// Exercise runs the suite on empty stores.
func Exercise(t *testing.T, open func(t *testing.T) account.Store) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	mark := func(t *testing.T, s account.Store, consent, account, want string) {
		t.Helper()
		if got, err := s.Mark(t.Context(), "lon", consent, account); err != nil || got != want {
			t.Errorf("mark of %s/%s: %q, %v; want %q", consent, account, got, err, want)
		}
	}
	t.Run("a mark belongs to one account of one consent, and the last one counts", func(t *testing.T) {
		s := open(t)
		mark(t, s, "c1", "a1", "")
		for _, m := range []struct{ consent, account, mark string }{{"c1", "a1", "x"}, {"c1", "a2", "y"}, {"c2", "a1", "z"}, {"c1", "a1", "w"}} {
			if err := s.SetMark(t.Context(), "lon", m.consent, m.account, m.mark); err != nil {
				t.Fatal(err)
			}
		}
		mark(t, s, "c1", "a1", "w")
		mark(t, s, "c1", "a2", "y")
		mark(t, s, "c2", "a1", "z")
	})
	copyOf := func(t *testing.T, s account.Store, want account.Copy) {
		t.Helper()
		got, err := s.Copy(t.Context(), "lon", "c1")
		if err != nil || got.Session != want.Session || !got.AskedAt.Equal(want.AskedAt) || !got.FreshAt.Equal(want.FreshAt) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	t.Run("a refresh is begun, and its end is noted once", func(t *testing.T) {
		s := open(t)
		copyOf(t, s, account.Copy{})
		asked := account.Copy{Session: "s1", AskedAt: at, FreshAt: at.Add(-time.Hour)}
		if err := s.SetCopy(t.Context(), "lon", "c1", asked); err != nil {
			t.Fatal(err)
		}
		copyOf(t, s, asked)
		for _, wrong := range []struct{ bank, session string }{{"lon", "s2"}, {"salt", "s1"}} {
			if err := s.EndRefresh(t.Context(), wrong.bank, wrong.session, at); !errors.Is(err, core.ErrSessionUnknown) {
				t.Errorf("%v: got %v", wrong, err)
			}
		}
		if err := s.EndRefresh(t.Context(), "lon", "s1", at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		copyOf(t, s, account.Copy{AskedAt: at, FreshAt: at.Add(time.Second)})
		if err := s.EndRefresh(t.Context(), "lon", "s1", at.Add(time.Minute)); !errors.Is(err, core.ErrSessionUnknown) {
			t.Errorf("a second end: %v", err)
		}
	})
	t.Run("a refresh that failed leaves the copy as old as it was", func(t *testing.T) {
		s := open(t)
		if err := s.SetCopy(t.Context(), "lon", "c1", account.Copy{Session: "s1", AskedAt: at, FreshAt: at.Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := s.EndRefresh(t.Context(), "lon", "s1", time.Time{}); err != nil {
			t.Fatal(err)
		}
		copyOf(t, s, account.Copy{AskedAt: at, FreshAt: at.Add(-time.Hour)})
	})
}

package consent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/sqldb/sqldbtest"
)

func TestSweep(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(t *testing.T, w *consenttest.World) consent.Consent
		ends   func(consent.Consent) time.Time
		status consent.Status
		on     day.Day // lastActionDate
		action string
		told   bool // the bank must hear of it
	}{
		{"a last day that is over", func(t *testing.T, w *consenttest.World) consent.Consent {
			return w.Given(t, consenttest.Everything(), "u1", nil)
		}, func(c consent.Consent) time.Time { return c.ExpiresAt }, consent.Expired, day.New(2026, 5, 2), "consent.expire", false},
		{"a one-off whose window is over", func(t *testing.T, w *consenttest.World) consent.Consent {
			w.Change(func(b *profile.Bank) { b.Consent.OneOffWindow = 13 * time.Hour })
			return w.Given(t, oneOff(), "u1", nil)
		}, func(c consent.Consent) time.Time { return c.OneOffEnd }, consent.Expired, day.New(2026, 3, 2), "consent.expire", true},
		{"one that nobody came to authorise", func(t *testing.T, w *consenttest.World) consent.Consent {
			return w.Ask(t, consenttest.Everything())
		}, func(c consent.Consent) time.Time { return c.AuthoriseBy }, consent.Rejected, day.New(2026, 3, 1), "consent.reject", false},
		{"one that the bank exempted and then said no more of", func(t *testing.T, w *consenttest.World) consent.Consent {
			w.Bank.URL = ""
			c := w.Ask(t, consenttest.Everything())
			if err := w.Authorisations.Update(t.Context(), "lon", core.Update{Session: c.Session, SCAStatus: "exempted"}); err != nil {
				t.Fatal(err)
			}
			return c
		}, func(c consent.Consent) time.Time { return c.AuthoriseBy }, consent.Rejected, day.New(2026, 3, 1), "consent.reject", false},
	} {
		story(t, tt.name, func(t *testing.T, w *consenttest.World) {
			c := tt.make(t, w)
			w.Set(tt.ends(c).Add(-time.Microsecond))
			if err := w.Sweep(t.Context()); err != nil || w.Read(t, c.ID).Status.Final() {
				t.Fatalf("a moment before: %v, %s", err, w.Read(t, c.ID).Status)
			}
			w.Set(tt.ends(c).AddDate(0, 0, 3)) // nobody looked for three days
			before := w.Read(t, c.ID)
			recorded := len(actions(t, w, c.ID))
			for range 2 {
				if err := w.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			stored, err := w.Store.Get(t.Context(), "lon", c.ID)
			if err != nil {
				t.Fatal(err)
			}
			for when, got := range map[string]consent.Consent{"computed": before, "stored": stored} {
				if got.Status != tt.status || got.LastActionDate != tt.on {
					t.Errorf("%s: %s on %s; want %s on %s", when, got.Status, got.LastActionDate, tt.status, tt.on)
				}
			}
			if got := actions(t, w, c.ID); len(got) != recorded+1 || !slices.Contains(got, tt.action) {
				t.Errorf("recorded %v; want %s once more", got, tt.action)
			}
			if !slices.Equal(w.TokensRevoked(), []string{c.ID}) {
				t.Errorf("tokens ended of %v", w.TokensRevoked())
			}
			if err := w.TellBanks(t.Context()); err != nil || (len(w.Bank.Revoked()) == 1) != tt.told {
				t.Errorf("the bank heard of %v, %v", w.Bank.Revoked(), err)
			}
			all, err := w.Authorisations.List(t.Context(), "lon", authorisation.OfConsent, c.ID)
			if err != nil || !all[0].Status.Final() {
				t.Errorf("its SCA is %s, %v", all[0].Status, err)
			}
		})
	}
	story(t, "more than one batch, and several sweeps at a time", func(t *testing.T, w *consenttest.World) {
		sample := consenttest.Sample()
		for i := range 230 {
			c := sample
			c.ID, c.Session, c.Token, c.RequestID = fmt.Sprintf("many%03d", i), fmt.Sprint("s", i), fmt.Sprint("t", i), ""
			c.ExpiresAt, c.OneOffEnd = w.Now().Add(time.Duration(i)*time.Second), time.Time{}
			if err := w.Store.Create(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		w.Pass(229*time.Second - time.Microsecond)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := w.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if left, err := w.Store.Overdue(t.Context(), "lon", w.Now(), 10); err != nil || len(left) != 0 {
			t.Errorf("%d are left, %v", len(left), err)
		}
		for i, want := range map[int]consent.Status{0: consent.Expired, 150: consent.Expired, 228: consent.Expired, 229: consent.Valid} {
			id := fmt.Sprintf("many%03d", i)
			c, err := w.Store.Get(t.Context(), "lon", id)
			if err != nil || c.Status != want {
				t.Errorf("%s is %s, %v; want %s", id, c.Status, err, want)
			}
			if got := actions(t, w, id); len(got) != map[consent.Status]int{consent.Expired: 1}[want] {
				t.Errorf("%s: recorded %v", id, got)
			}
		}
	})
}

func TestOnlyASuccessMakesValid(t *testing.T) {
	story(t, "an update may say exempted, finalised or valid: the older consent lives on", func(t *testing.T, w *consenttest.World) {
		old := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Bank.URL = ""
		c := w.Ask(t, consenttest.Everything())
		for _, u := range []core.Update{{Status: "valid"}, {SCAStatus: "finalised"}, {SCAStatus: "exempted", Status: "valid"}} {
			u.Session = c.Session
			if err := w.Authorisations.Update(t.Context(), "lon", u); err != nil {
				t.Fatal(err)
			}
			if got := w.Read(t, c.ID).Status; got != consent.Received || w.Read(t, old.ID).Status != consent.Valid {
				t.Errorf("%+v: the new one is %s, the old one %s", u, got, w.Read(t, old.ID).Status)
			}
		}
		w.Allow(t, c, "u1", nil)
		if got := w.Read(t, c.ID).Status; got != consent.Valid || w.Read(t, old.ID).Status != consent.Expired {
			t.Errorf("after the success of an exempted one: the new one is %s, the old one %s", got, w.Read(t, old.ID).Status)
		}
	})
	story(t, "by way of partiallyAuthorised too, and the day of each change is kept", func(t *testing.T, w *consenttest.World) {
		old := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Set(time.Date(2026, 3, 1, 22, 59, 0, 0, time.UTC))
		c := w.Ask(t, consenttest.Everything())
		w.Pass(2 * time.Minute) // over midnight at the bank
		if err := w.Authorisations.Update(t.Context(), "lon", core.Update{Session: c.Session, Status: "partiallyAuthorised"}); err != nil {
			t.Fatal(err)
		}
		if got := w.Read(t, c.ID); got.Status != consent.PartiallyAuthorised || got.LastActionDate != day.New(2026, 3, 2) || w.Read(t, old.ID).Status != consent.Valid {
			t.Errorf("%s on %s; the old one is %s", got.Status, got.LastActionDate, w.Read(t, old.ID).Status)
		}
		w.Allow(t, c, "u1", nil)
		if got := w.Read(t, old.ID); got.Status != consent.Expired || got.LastActionDate != day.New(2026, 3, 2) {
			t.Errorf("the old one is %s on %s", got.Status, got.LastActionDate)
		}
	})
	story(t, "where the profile lets consents stand side by side, none is replaced", func(t *testing.T, w *consenttest.World) {
		w.Change(func(b *profile.Bank) { b.Consent.ReplaceOlder = false })
		old := w.Given(t, consenttest.Everything(), "u1", nil)
		w.Given(t, consenttest.Everything(), "u1", nil)
		if s := w.Read(t, old.ID).Status; s != consent.Valid {
			t.Errorf("the old one is %s", s)
		}
	})
}

func TestFrequencyByTheBanksCalendar(t *testing.T) {
	use := consent.Use{Key: "accounts", Action: "accounts.list"}
	for _, tt := range []struct {
		name      string
		day       string // the first moment in Ljubljana, in UTC
		hours     int
		countDown int // reads in that day, one before each hour is over
	}{
		{"a common day", "2026-03-09T23:00:00Z", 24, 4},
		{"the day on which summer time begins, of 23 hours", "2026-03-28T23:00:00Z", 23, 4},
		{"the day on which it ends, of 25", "2026-10-24T22:00:00Z", 25, 4},
		{"the leap day", "2028-02-28T23:00:00Z", 24, 4},
		{"New Year's Eve", "2026-12-30T23:00:00Z", 24, 4},
	} {
		story(t, tt.name, func(t *testing.T, w *consenttest.World) {
			first, err := time.Parse(time.RFC3339, tt.day)
			if err != nil {
				t.Fatal(err)
			}
			w.Set(first.Add(-time.Minute))
			r := consenttest.Everything()
			r.ValidUntil = day.New(9999, 12, 31)
			c := w.Given(t, r, "u1", nil)
			permit := func(at time.Time) error {
				w.Set(at)
				return w.Permit(t.Context(), c, use)
			}
			for range tt.countDown { // the day before is used up
				if err := permit(first.Add(-time.Microsecond)); err != nil {
					t.Fatal(err)
				}
			}
			if err := permit(first.Add(-time.Microsecond)); !errors.Is(err, consent.ErrExceeded) {
				t.Errorf("a moment before midnight: %v", err)
			}
			next := first.Add(time.Duration(tt.hours) * time.Hour)
			for _, at := range []time.Time{first, first.Add(time.Duration(tt.hours-1) * time.Hour), next.Add(-time.Second), next.Add(-time.Microsecond)} {
				if err := permit(at); err != nil {
					t.Errorf("at %s: %v", at, err)
				}
			}
			if err := permit(next.Add(-time.Microsecond)); !errors.Is(err, consent.ErrExceeded) {
				t.Errorf("the fifth, in the last moment: %v", err)
			}
			if err := permit(next); err != nil {
				t.Errorf("at midnight: %v", err)
			}
		})
	}
}

// One who counts and does not come to an end must not keep those who count elsewhere. (In
// SQLite there is one writer, which takes what waits together.)
func TestConsentsAreCountedSideBySide(t *testing.T) {
	t.Parallel()
	db := sqldbtest.PostgreSQL(t, consenttest.Migrations...)
	w := consenttest.NewWorld(t, db)
	today := day.New(2026, 3, 1)
	for _, other := range []struct{ name, id, key string }{{"another consent", "c2", "accounts"}, {"another read of the same consent", "c1", "balances/r1"}} {
		t.Run(other.name, func(t *testing.T) {
			err := db.Atomically(t.Context(), func(ctx context.Context) error {
				if err := w.Store.Count(ctx, "lon", "c1", today, "accounts", 1000); err != nil {
					return err
				}
				elsewhere, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
				defer cancel()
				done := make(chan error)
				go func() { done <- w.Store.Count(elsewhere, "lon", other.id, today, other.key, 1000) }()
				return <-done
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

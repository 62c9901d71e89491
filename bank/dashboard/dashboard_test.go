package dashboard_test

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/dashboard"
	"kontor/bank/dashboard/dashboardtest"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/kit/audit"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// story runs test on a World of each kind of database.
func story(t *testing.T, test func(t *testing.T, w *dashboardtest.World)) {
	t.Helper()
	t.Parallel()
	sqldbtest.Each(t, dashboardtest.Migrations, func(t *testing.T, db *sqldb.DB) { test(t, dashboardtest.NewWorld(t, db)) })
}

// begin begins a log-in and returns the secrets of the browser and of the way back.
func begin(t *testing.T, w *dashboardtest.World) (secret, entry string) {
	t.Helper()
	b, err := w.Dashboard.Begin(t.Context(), "lon", func(key string) string { entry = key; return "https://hub.example/my/entered/" + key })
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(b.PageURL); err != nil || u.Host != "bank.example" || path.Base(b.PageURL) == entry {
		t.Fatalf("she is sent to %q", b.PageURL)
	}
	return b.Secret, entry
}

func TestLogIn(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		d := w.Dashboard
		refused := func(what, secret, entry string) {
			t.Helper()
			if got, err := d.Enter(t.Context(), "lon", secret, entry); !errors.Is(err, dashboard.ErrLogIn) || got != "" {
				t.Errorf("%s: got %q, %v", what, got, err)
			}
		}
		secret, entry := begin(t, w)
		refused("before she has logged in at the bank", secret, entry)
		w.LogsIn("ana")
		refused("with the way back, and no browser of ours", "", entry)
		refused("in another browser, which has begun a log-in of its own", secondSecret(t, w), entry)
		refused("in her browser, by another way back", secret, entry+"x")
		if _, err := d.Session(t.Context(), "lon", secret); !errors.Is(err, dashboard.ErrSession) {
			t.Errorf("she is in without coming back: %v", err)
		}
		fresh, err := d.Enter(t.Context(), "lon", secret, entry)
		if err != nil || fresh == secret {
			t.Fatalf("got %q, %v", fresh, err)
		}
		refused("the same way once more", secret, entry)
		refused("the same way once more, with the new secret", fresh, entry)
		if _, err := d.Session(t.Context(), "lon", secret); !errors.Is(err, dashboard.ErrSession) {
			t.Errorf("the secret of before she came in: %v", err)
		}
		if s, err := d.Session(t.Context(), "lon", fresh); err != nil || s.PSU != "ana" {
			t.Errorf("got %q, %v", s.PSU, err)
		}
		if _, err := d.Session(t.Context(), "par", fresh); !errors.Is(err, dashboard.ErrSession) {
			t.Errorf("at another bank: %v", err)
		}
		if err := d.Leave(t.Context(), "lon", fresh); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Session(t.Context(), "lon", fresh); !errors.Is(err, dashboard.ErrSession) {
			t.Errorf("after she has left: %v", err)
		}
	})
}

func secondSecret(t *testing.T, w *dashboardtest.World) string {
	t.Helper()
	secret, _ := begin(t, w)
	return secret
}

func TestABankThatNamesNobodyLogsNobodyIn(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		secret, entry := begin(t, w)
		w.LogsIn("")
		if _, err := w.Dashboard.Enter(t.Context(), "lon", secret, entry); !errors.Is(err, dashboard.ErrLogIn) {
			t.Errorf("got %v", err)
		}
		w.Gives("", "c1", nil)
		if p, err := w.Dashboard.List(t.Context(), dashboard.Query{Bank: "lon", Limit: 10}); err != nil || len(p.Consents) > 0 {
			t.Errorf("nobody has given %+v, %v", p, err)
		}
	})
}

func TestHowLongASessionLasts(t *testing.T) {
	began := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	after := func(d time.Duration) time.Time { return began.Add(d) }
	for _, tt := range []struct {
		name string
		psu  string
		seen time.Time
		at   time.Time
		open bool
	}{
		{"at once", "ana", began, began, true},
		{"nobody has logged in", "", began, began, false},
		{"to the last moment of five minutes", "ana", began, after(5*time.Minute - 1), true},
		{"five minutes without a request", "ana", began, after(5 * time.Minute), false},
		{"a request makes it longer", "ana", after(4 * time.Minute), after(8 * time.Minute), true},
		{"to the last moment of an hour", "ana", after(59 * time.Minute), after(time.Hour - 1), true},
		{"an hour is the end, whatever she does", "ana", after(59 * time.Minute), after(time.Hour), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (dashboard.Session{PSU: tt.psu, Began: began, Seen: tt.seen}).Open(tt.at); got != tt.open {
				t.Errorf("got %v", got)
			}
		})
	}
}

// What one PSU gave is another's neither to see nor to end, by whatever name.
func TestOthersAccesses(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		d, back := w.Dashboard, func(string) string { return "https://hub.example/my" }
		w.Gives("ana", "c-ana", nil)
		w.Gives("ana", "c-waits", func(c *consent.Consent) {
			c.Status, c.AuthorisedAt, c.AuthoriseBy = consent.Received, time.Time{}, w.Now().Add(time.Hour)
		})
		w.Orders("ana", "p-ana", nil)
		w.Orders("ana", "p-waits", func(p *payment.Payment) { p.Status, p.AuthoriseBy = payment.Received, w.Now().Add(time.Hour) })
		for _, psu := range []string{"bor", "ana ", "Ana", "", "%", "an_"} {
			if p, err := d.List(t.Context(), dashboard.Query{Bank: "lon", PSU: psu, Limit: 10}); err != nil || len(p.Consents)+len(p.Payments) > 0 {
				t.Errorf("%q sees %+v, %v", psu, p, err)
			}
			for _, id := range []string{"c-ana", "c-waits", "p-ana", "p-waits", "none"} {
				_, cerr := d.Consent(t.Context(), "lon", psu, id)
				_, perr := d.Payment(t.Context(), "lon", psu, id)
				eerr := d.EndConsent(t.Context(), "lon", psu, id, dashboard.PSU)
				_, ferr := d.EndPayment(t.Context(), "lon", psu, id, dashboard.PSU, back)
				for _, err := range []error{cerr, perr, eerr, ferr} {
					if !errors.Is(err, dashboard.ErrUnknown) {
						t.Errorf("%q and %s: %v", psu, id, err)
					}
				}
			}
			if e, err := d.EndAll(t.Context(), "lon", psu, "", dashboard.PSU, back); err != nil || e.Consents+len(e.Payments) > 0 {
				t.Errorf("%q ends %+v, %v", psu, e, err)
			}
		}
		if _, err := d.Consent(t.Context(), "par", "ana", "c-ana"); !errors.Is(err, dashboard.ErrUnknown) {
			t.Errorf("at another bank: %v", err)
		}
		for _, id := range []string{"c-waits", "p-waits"} {
			_, cerr := d.Consent(t.Context(), "lon", "ana", id)
			_, perr := d.Payment(t.Context(), "lon", "ana", id)
			if !errors.Is(cerr, dashboard.ErrUnknown) || !errors.Is(perr, dashboard.ErrUnknown) {
				t.Errorf("%s, which nobody has approved: %v, %v", id, cerr, perr)
			}
		}
		p, err := d.List(t.Context(), dashboard.Query{Bank: "lon", PSU: "ana", Limit: 10})
		if err != nil || len(p.Consents) != 1 || p.Consents[0].Status != consent.Valid || len(p.Payments) != 1 || p.Payments[0].Status != payment.TechnicallyAccepted {
			t.Errorf("after all that: %+v, %v", p, err)
		}
	})
}

func TestPages(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		for i := range 7 {
			w.Pass(time.Second)
			w.Orders("ana", fmt.Sprintf("p%d", i), nil)
			w.Gives("ana", fmt.Sprintf("c%d", i), nil)
			w.Gives("bor", fmt.Sprintf("b%d", i), nil)
		}
		w.Gives("ana", "ended", func(c *consent.Consent) { c.Status = consent.TerminatedByTPP })
		w.Gives("ana", "over", func(c *consent.Consent) { c.ExpiresAt = w.Now() })
		w.Orders("ana", "stopped", func(p *payment.Payment) { p.Status = payment.Cancelled })
		walk := func(ended bool, limit int) (ids []string) {
			for from := "start"; from != ""; {
				q := dashboard.Query{Bank: "lon", PSU: "ana", Ended: ended, Limit: limit}
				if from != "start" {
					var ok bool
					if q, ok = q.From(from); !ok {
						t.Fatalf("%q leads nowhere", from)
					}
				}
				p, err := w.Dashboard.List(t.Context(), q)
				if err != nil || len(p.Payments)+len(p.Consents) > limit || len(ids) > 50 {
					t.Fatalf("%d and %d, %v", len(p.Payments), len(p.Consents), err)
				}
				for _, one := range p.Payments {
					ids = append(ids, one.ID)
				}
				for _, one := range p.Consents {
					ids = append(ids, one.ID)
				}
				from = p.Next()
			}
			return ids
		}
		want := []string{"p6", "p5", "p4", "p3", "p2", "p1", "p0", "c6", "c5", "c4", "c3", "c2", "c1", "c0"}
		for _, limit := range []int{1, 2, 3, 6, 7, 8, 13, 14, 15} {
			if got := walk(false, limit); !slices.Equal(got, want) {
				t.Errorf("%d at a time: got %v", limit, got)
			}
		}
		if got := walk(true, 2); !slices.Equal(got, []string{"stopped", "over", "ended"}) {
			t.Errorf("what has ended: %v", got)
		}
		for _, from := range []string{"c", "c.1", "c.x.1", "x.1.1", "c.-1.a", "c.1.", "c.99999999999999999999.a"} {
			if _, ok := (dashboard.Query{}).From(from); ok {
				t.Errorf("%q is taken for a page", from)
			}
		}
	})
}

func TestEndAll(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		d, back := w.Dashboard, func(id string) string { return "https://hub.example/my/payments/" + id }
		for i := range 45 {
			w.Gives("ana", fmt.Sprintf("c%d", i), func(c *consent.Consent) {
				if i%2 == 1 {
					c.TPP = "PSDRO-NBR-0042"
				}
			})
		}
		w.Gives("bor", "b", nil)
		w.Orders("ana", "p", nil)
		e, err := d.EndAll(t.Context(), "lon", "ana", "PSDRO-NBR-0042", dashboard.PSU, back)
		if err != nil || e.Consents != 22 || len(e.Payments) != 0 {
			t.Errorf("of one TPP: %+v, %v", e, err)
		}
		e, err = d.EndAll(t.Context(), "lon", "ana", "", dashboard.PSU, back)
		if err != nil || e.Consents != 23 || len(e.Payments) != 1 || e.Payments[0].PageURL == "" || e.Payments[0].Err != nil {
			t.Fatalf("of all: %+v, %v", e, err)
		}
		again, err := d.EndAll(t.Context(), "lon", "ana", "", dashboard.PSU, back)
		if err != nil || again.Consents != 0 || len(again.Payments) != 1 || again.Payments[0].PageURL != e.Payments[0].PageURL {
			t.Errorf("once more: %+v, %v", again, err)
		}
		if got := len(w.TokensRevoked()); got != 45 {
			t.Errorf("the tokens of %d consents were ended", got)
		}
		entries, err := w.Audit.Of(t.Context(), "lon", "c0")
		if err != nil || len(entries) != 1 || entries[0].Actor != "psu" || entries[0].Action != "consent.withdraw" {
			t.Errorf("the record: %+v, %v", entries, err)
		}
		if err := w.TellBanks(t.Context()); err != nil || len(w.Bank.Revoked()) != 45 {
			t.Errorf("the bank was told of %d, %v", len(w.Bank.Revoked()), err)
		}
		w.LogsIn("ana")
		if p, err := d.Payment(t.Context(), "lon", "ana", "p"); err != nil || p.Status != payment.Cancelled {
			t.Errorf("she has approved it: %s, %v", p.Status, err)
		}
		if c, err := d.Consent(t.Context(), "lon", "bor", "b"); err != nil || c.Status != consent.Valid {
			t.Errorf("another's: %s, %v", c.Status, err)
		}
	})
}

func TestWhatBecomesOfACancellation(t *testing.T) {
	back := func(id string) string { return "https://hub.example/my/payments/" + id }
	for _, tt := range []struct {
		name    string
		at      func(*dashboardtest.World)
		of      func(*payment.Payment)
		err     error
		approve bool
	}{
		{"the bank wants her approval", nil, nil, nil, true},
		{"the bank cancels nothing", func(w *dashboardtest.World) {
			w.Change(func(b *profile.Bank) { b.Payments.Cancellation = profile.CancelNone })
		}, nil, payment.ErrService, false},
		{"it was carried out", nil, func(p *payment.Payment) { p.Status = payment.SettledOnCreditorAccount }, payment.ErrCancellation, false},
		{"it is cancelled already", nil, func(p *payment.Payment) { p.Status = payment.Cancelled }, nil, false},
		{"it waits in a basket", nil, func(p *payment.Payment) { p.Basket, p.Status, p.Hand = "b1", payment.Received, payment.InBasket }, payment.ErrBlocked, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *dashboardtest.World) {
				if tt.at != nil {
					tt.at(w)
				}
				w.Orders("ana", "p", tt.of)
				c, err := w.Dashboard.EndPayment(t.Context(), "lon", "ana", "p", dashboard.PSU, back)
				if err != nil || !errors.Is(c.Err, tt.err) || tt.err == nil && c.Err != nil || (c.PageURL != "") != tt.approve {
					t.Errorf("got %q, %v, %v", c.PageURL, c.Err, err)
				}
			})
		})
	}
}

func TestHistory(t *testing.T) {
	story(t, func(t *testing.T, w *dashboardtest.World) {
		c := w.Gives("ana", "c1", nil)
		note := func(actor, action string) {
			t.Helper()
			w.Pass(time.Minute)
			if err := w.Audit.Append(t.Context(), audit.Entry{At: w.Now(), Bank: "lon", Actor: actor, Action: action, Resource: "c1"}); err != nil {
				t.Fatal(err)
			}
		}
		tppID := string(consenttest.AISP.ID)
		note(tppID, "consent.create")
		note("bank", "consent.authorise")
		for range 3 {
			note(tppID, "account.transactions")
		}
		w.Pass(24 * time.Hour)
		for range 2 {
			note(tppID, "accounts.list")
		}
		used := w.Now()
		note("hub", "consent.told") // what is no affair of hers
		if err := w.Dashboard.EndConsent(t.Context(), "lon", "ana", "c1", dashboard.PSU); err != nil {
			t.Fatal(err)
		}
		lines, next, err := w.Dashboard.History(t.Context(), "lon", "c1", c.TPP, time.Time{})
		var got []string
		for _, l := range lines {
			got = append(got, fmt.Sprint(l.What, " ", l.Count))
		}
		if want := []string{"withdrawn 1", "read 2", "read 3", "authorised 1", "asked 1"}; err != nil || !slices.Equal(got, want) || !next.IsZero() {
			t.Errorf("got %v, %v, %v", got, next, err)
		}
		if a, err := w.Dashboard.Consent(t.Context(), "lon", "ana", "c1"); err != nil || !a.LastUsed.Equal(used) {
			t.Errorf("last used: got %v, %v, want %v", a.LastUsed, err, used)
		}
	})
}

// Package consenttest states what every consent.Store must do.
package consenttest

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
	"github.com/google/go-cmp/cmp/cmpopts"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

var at = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)

// Sample returns a consent with every field filled.
func Sample() consent.Consent {
	refs := []core.AccountReference{{IBAN: "SI56020360253863406", Currency: "EUR"}}
	empty := []core.AccountReference{}
	loan := []core.AccountReference{{Other: core.Other{Identification: "L-77", SchemeNameProprietary: "loans", Issuer: "Banka Lon"}}}
	return consent.Consent{
		Bank: "lon", ID: "c1", TPP: "PSDSI-BS-1234567", TPPName: "Fin Pregled d.o.o.", PSU: "u1", Model: consent.Dedicated,
		Access:    consent.Access{Accounts: &refs, Balances: &empty, Transactions: &loan, OwnerName: &refs, TrustedBeneficiaries: &refs, RestrictedTo: []string{"CACC"}},
		Recurring: true, ValidUntil: day.New(2026, 5, 1), ExpiresAt: at.AddDate(0, 2, 0), FrequencyPerDay: 4, Status: consent.Valid,
		LastActionDate: day.New(2026, 3, 1), CreatedAt: at, AuthoriseBy: at.Add(time.Minute), AuthorisedAt: at.Add(time.Second), OneOffEnd: at.Add(time.Hour),
		Session: "s1", Basket: "b1", Token: "token-of-the-bank", Grant: &core.Grant{Balances: refs, Transactions: refs},
		Accounts: []consent.Account{
			{ResourceID: "r1", ID: "1", Reference: refs[0], Balances: true, OwnerName: true}, {ResourceID: "r2", ID: "2", Card: true, Transactions: true, Beneficiaries: true},
		},
		RequestID: "q1", Digest: [32]byte{1, 2, 3},
		Card: consent.Card{Number: "5409051234561234", ExpiryDate: day.New(2028, 7, 31), Information: "Debit", Registration: "C-17"},
	}
}

// Exercise runs the conformance tests. open returns an empty store.
func Exercise(t *testing.T, open func(t *testing.T) consent.Store) {
	seeded := func(t *testing.T, all ...consent.Consent) consent.Store {
		t.Helper()
		s := open(t)
		for _, c := range all {
			if err := s.Create(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	with := func(id string, change func(*consent.Consent)) consent.Consent {
		c := Sample()
		c.ID, c.Session, c.Token, c.RequestID = id, "s-"+id, "token-"+id, "q-"+id
		if change != nil {
			change(&c)
		}
		return c
	}
	get := func(t *testing.T, s consent.Store, id string) consent.Consent {
		t.Helper()
		c, err := s.Get(t.Context(), "lon", id)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	same := func(t *testing.T, want, got consent.Consent) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(day.Day{})); diff != "" {
			t.Error(diff)
		}
	}

	t.Run("what is created can be read, to the last field", func(t *testing.T) {
		s := seeded(t, Sample())
		same(t, Sample(), get(t, s, "c1"))
	})
	t.Run("what is empty stays empty, and what is an empty list stays a list", func(t *testing.T) {
		bare := consent.Consent{Bank: "lon", ID: "c1", Status: consent.Received, Model: consent.BankOffered, ValidUntil: day.New(2026, 5, 1), LastActionDate: day.New(2026, 3, 1)}
		s := seeded(t, bare)
		same(t, bare, get(t, s, "c1"))
		if err := s.Update(t.Context(), "lon", "c1", func(c consent.Consent) (consent.Consent, error) {
			c.Accounts = []consent.Account{}
			return c, nil
		}); err != nil {
			t.Fatal(err)
		}
		if c := get(t, s, "c1"); c.Accounts == nil {
			t.Error("the bank has told that there are no accounts, and it is forgotten")
		}
	})
	t.Run("a consent that lives for ever", func(t *testing.T) {
		forever := with("c1", func(c *consent.Consent) {
			c.ValidUntil, c.ExpiresAt = day.New(9999, 12, 31), time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
		})
		same(t, forever, get(t, seeded(t, forever), "c1"))
	})
	t.Run("of a TPP is only its own", func(t *testing.T) {
		s := seeded(t, Sample())
		c, err := s.OfTPP(t.Context(), "lon", Sample().TPP, "c1")
		if err != nil {
			t.Fatal(err)
		}
		same(t, Sample(), c)
		for _, k := range []struct {
			bank string
			tpp  tpp.ID
			id   string
		}{{"lon", "PSDSI-BS-1", "c1"}, {"lon", "", "c1"}, {"lon", Sample().TPP + "0", "c1"}, {"par", Sample().TPP, "c1"}, {"lon", Sample().TPP, "c2"}} {
			if _, err := s.OfTPP(t.Context(), k.bank, k.tpp, k.id); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%v: got %v", k, err)
			}
		}
	})
	t.Run("an unknown one, and that of another bank", func(t *testing.T) {
		s := seeded(t, Sample())
		for _, k := range [][2]string{{"lon", "c2"}, {"par", "c1"}, {"lon", ""}, {"lon", "C1"}} {
			if _, err := s.Get(t.Context(), k[0], k[1]); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%v: got %v", k, err)
			}
			if err := s.Update(t.Context(), k[0], k[1], func(c consent.Consent) (consent.Consent, error) { return c, nil }); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%v: update: got %v", k, err)
			}
		}
	})
	t.Run("one ID cannot be given twice at a bank", func(t *testing.T) {
		s := seeded(t, Sample())
		if err := s.Create(t.Context(), Sample()); err == nil {
			t.Error("it was")
		}
	})

	t.Run("an update is stored whole", func(t *testing.T) {
		s := seeded(t, with("c1", func(c *consent.Consent) {
			c.Status, c.PSU, c.Token, c.Grant, c.Accounts, c.AuthorisedAt, c.OneOffEnd = consent.Received, "", "", nil, nil, time.Time{}, time.Time{}
		}))
		want := with("c1", func(c *consent.Consent) {
			c.AuthoriseBy, c.LastActionDate, c.Session, c.RequestID = at.Add(time.Hour), day.New(2026, 3, 2), "s-anew", "q-anew"
		})
		if err := s.Update(t.Context(), "lon", "c1", func(consent.Consent) (consent.Consent, error) { return want, nil }); err != nil {
			t.Fatal(err)
		}
		same(t, want, get(t, s, "c1"))
	})
	t.Run("an update that fails stores nothing", func(t *testing.T) {
		s := seeded(t, Sample())
		no := errors.New("no")
		if err := s.Update(t.Context(), "lon", "c1", func(c consent.Consent) (consent.Consent, error) {
			c.Status = consent.Expired
			return c, no
		}); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		same(t, Sample(), get(t, s, "c1"))
	})
	t.Run("of eight that revoke at the same time one wins", func(t *testing.T) {
		s := seeded(t, Sample())
		var wg sync.WaitGroup
		var won atomic.Int32
		for range 8 {
			wg.Go(func() {
				err := s.Update(context.Background(), "lon", "c1", func(c consent.Consent) (consent.Consent, error) {
					return c.Revoke(at.Add(time.Minute), time.UTC)
				})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, consent.ErrStatus) {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); won.Load() != 1 {
			t.Errorf("%d succeeded, want 1", won.Load())
		}
	})
	t.Run("of eight that change something, none is lost", func(t *testing.T) {
		s := seeded(t, with("c1", func(c *consent.Consent) { c.Accounts = nil }))
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if err := s.Update(context.Background(), "lon", "c1", func(c consent.Consent) (consent.Consent, error) {
					c.Accounts = append(c.Accounts, consent.Account{ResourceID: fmt.Sprint(i)})
					return c, nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(get(t, s, "c1").Accounts); n != 8 {
			t.Errorf("%d changes are left of 8", n)
		}
	})

	t.Run("of 32 that count at the same time exactly the limit succeed", func(t *testing.T) {
		s := open(t)
		const limit = 4
		var wg sync.WaitGroup
		var counted, refused atomic.Int32
		for range 32 {
			wg.Go(func() {
				switch err := s.Count(context.Background(), "lon", "c1", day.New(2026, 3, 1), "accounts", limit); {
				case err == nil:
					counted.Add(1)
				case errors.Is(err, consent.ErrExceeded):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		if wg.Wait(); counted.Load() != limit || refused.Load() != 28 {
			t.Errorf("%d counted and %d refused, want %d and 28", counted.Load(), refused.Load(), limit)
		}
	})
	t.Run("each bank, consent, day and key is counted by itself", func(t *testing.T) {
		s := open(t)
		today := day.New(2026, 3, 1)
		count := func(bank, id string, d day.Day, key string) error { return s.Count(t.Context(), bank, id, d, key, 1) }
		if err := count("lon", "c1", today, "accounts"); err != nil {
			t.Fatal(err)
		}
		if err := count("lon", "c1", today, "accounts"); !errors.Is(err, consent.ErrExceeded) {
			t.Errorf("second: got %v", err)
		}
		for name, err := range map[string]error{
			"another bank": count("par", "c1", today, "accounts"), "another consent": count("lon", "c2", today, "accounts"),
			"the next day": count("lon", "c1", today.AddDays(1), "accounts"), "another read": count("lon", "c1", today, "balances/r1"),
			"no day": count("lon", "c1", day.Day{}, "accounts"),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	t.Run("recurring consents of the TPP for the PSU that have not ended", func(t *testing.T) {
		s := seeded(t,
			with("valid", nil),
			with("received", func(c *consent.Consent) { c.Status = consent.Received }),
			with("partly", func(c *consent.Consent) { c.Status = consent.PartiallyAuthorised }),
			with("oneoff", func(c *consent.Consent) { c.Recurring = false }),
			with("funds", func(c *consent.Consent) { c.Model = consent.Funds }),
			with("ended", func(c *consent.Consent) { c.Status = consent.Expired }),
			with("revoked", func(c *consent.Consent) { c.Status = consent.RevokedByPSU }),
			with("psu", func(c *consent.Consent) { c.PSU = "u2" }),
			with("tpp", func(c *consent.Consent) { c.TPP = "PSDSI-BS-7654321" }),
			with("bank", func(c *consent.Consent) { c.Bank = "par" }),
		)
		got, err := s.Recurring(t.Context(), "lon", "PSDSI-BS-1234567", "u1")
		slices.Sort(got)
		if want := []string{"partly", "received", "valid"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})

	t.Run("a request creates one consent a day", func(t *testing.T) {
		first := with("c1", nil)
		s := seeded(t, first)
		same := func(id string, change func(*consent.Consent)) consent.Consent {
			return with(id, func(c *consent.Consent) {
				c.RequestID = first.RequestID
				if change != nil {
					change(c)
				}
			})
		}
		for name, c := range map[string]consent.Consent{
			"at once":                      same("c2", nil),
			"just before a day has passed": same("c3", func(c *consent.Consent) { c.CreatedAt = at.Add(consent.RepeatWindow - time.Microsecond) }),
		} {
			if err := s.Create(t.Context(), c); !errors.Is(err, consent.ErrRepeated) {
				t.Errorf("%s: got %v", name, err)
			}
			if _, err := s.Get(t.Context(), "lon", c.ID); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%s: stored all the same: %v", name, err)
			}
		}
		if got, err := s.ByRequest(t.Context(), "lon", first.TPP, first.RequestID); err != nil || got.ID != "c1" {
			t.Errorf("got %q, %v", got.ID, err)
		}
		for name, c := range map[string]consent.Consent{
			"another TPP":     same("c4", func(c *consent.Consent) { c.TPP = "PSDSI-BS-7654321" }),
			"another bank":    same("c5", func(c *consent.Consent) { c.Bank = "par" }),
			"another request": with("c6", nil),
			"a day later":     same("c7", func(c *consent.Consent) { c.CreatedAt = at.Add(consent.RepeatWindow) }),
		} {
			if err := s.Create(t.Context(), c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := s.ByRequest(t.Context(), "lon", first.TPP, first.RequestID); err != nil || got.ID != "c7" {
			t.Errorf("after a day: %q, %v", got.ID, err)
		}
		for _, k := range [][3]string{{"lon", "PSDSI-BS-0000000", "q-c1"}, {"par", "PSDSI-BS-7654321", "q-c1"}, {"lon", string(first.TPP), "q9"}, {"lon", string(first.TPP), ""}} {
			if _, err := s.ByRequest(t.Context(), k[0], tpp.ID(k[1]), k[2]); !errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%v: got %v", k, err)
			}
		}
		// One that is given back can be used again.
		if err := s.Update(t.Context(), "lon", "c7", func(c consent.Consent) (consent.Consent, error) { c.RequestID = ""; return c, nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), same("c8", nil)); err != nil {
			t.Errorf("given back: %v", err)
		}
	})
	t.Run("of sixteen with one request at the same moment one is created", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		var created atomic.Int32
		for i := range 16 {
			wg.Go(func() {
				switch err := s.Create(context.Background(), with(fmt.Sprint("c", i), func(c *consent.Consent) { c.RequestID = "q" })); {
				case err == nil:
					created.Add(1)
				case !errors.Is(err, consent.ErrRepeated):
					t.Error(err)
				}
			})
		}
		if wg.Wait(); created.Load() != 1 {
			t.Errorf("%d were created", created.Load())
		}
	})

	t.Run("overdue are those that time has ended and that look alive, the longest overdue first", func(t *testing.T) {
		alive := func(id string, status consent.Status, change func(*consent.Consent)) consent.Consent {
			return with(id, func(c *consent.Consent) {
				c.Status, c.ExpiresAt, c.AuthoriseBy, c.OneOffEnd = status, at.Add(time.Hour), at.Add(time.Hour), time.Time{}
				change(c)
			})
		}
		minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
		s := seeded(t,
			alive("expired", consent.Valid, func(c *consent.Consent) { c.ExpiresAt = minute(4) }),
			alive("used", consent.Valid, func(c *consent.Consent) { c.OneOffEnd = minute(2) }),
			alive("forgotten", consent.Received, func(c *consent.Consent) { c.AuthoriseBy = minute(3) }),
			alive("half", consent.PartiallyAuthorised, func(c *consent.Consent) { c.AuthoriseBy = minute(1) }),
			alive("late", consent.Received, func(c *consent.Consent) { c.ExpiresAt = minute(5) }),
			alive("valid, long after its time for SCA", consent.Valid, func(c *consent.Consent) { c.AuthoriseBy = at }),
			alive("valid", consent.Valid, func(c *consent.Consent) { c.ExpiresAt = minute(6) }),
			alive("stored", consent.Expired, func(c *consent.Consent) { c.ExpiresAt = minute(1) }),
			alive("revoked", consent.RevokedByPSU, func(c *consent.Consent) { c.ExpiresAt = minute(1) }),
			alive("elsewhere", consent.Valid, func(c *consent.Consent) { c.Bank, c.ExpiresAt = "par", minute(1) }),
		)
		ids := func(limit int) (ids []string) {
			t.Helper()
			all, err := s.Overdue(t.Context(), "lon", minute(5), limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				ids = append(ids, c.ID)
			}
			return ids
		}
		if got, want := ids(10), []string{"half", "used", "forgotten", "expired", "late"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got, want := ids(2), []string{"half", "used"}; !slices.Equal(got, want) {
			t.Errorf("two of them: got %v, want %v", got, want)
		}
		for _, id := range []string{"half", "used"} {
			if err := s.Update(t.Context(), "lon", id, func(c consent.Consent) (consent.Consent, error) { return c.At(minute(5), time.UTC), nil }); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := ids(10), []string{"forgotten", "expired", "late"}; !slices.Equal(got, want) {
			t.Errorf("once two are stored: got %v, want %v", got, want)
		}
	})

	t.Run("a consent is found by the bank's token, of its own kind", func(t *testing.T) {
		s := seeded(t, with("c1", nil), with("c2", func(c *consent.Consent) { c.Model, c.Token = consent.Funds, "funds-token" }))
		for _, tt := range []struct {
			bank, token string
			funds       bool
			want        string
		}{
			{"lon", "token-c1", false, "c1"}, {"lon", "token-c1", true, ""}, {"lon", "funds-token", true, "c2"}, {"lon", "funds-token", false, ""},
			{"par", "token-c1", false, ""}, {"lon", "", false, ""}, {"lon", "TOKEN-C1", false, ""},
		} {
			c, err := s.ByToken(t.Context(), tt.bank, tt.token, tt.funds)
			if c.ID != tt.want || (tt.want == "") != errors.Is(err, consent.ErrUnknown) {
				t.Errorf("%+v: got %q, %v", tt, c.ID, err)
			}
		}
	})

	t.Run("the valid consents to confirm funds on the account, the newest first", func(t *testing.T) {
		funds := func(id string, change func(*consent.Consent)) consent.Consent {
			return with(id, func(c *consent.Consent) {
				c.Model = consent.Funds
				if change != nil {
					change(c)
				}
			})
		}
		other := []core.AccountReference{{IBAN: "SI56051008000032875"}}
		s := seeded(t,
			funds("old", nil),
			funds("new", func(c *consent.Consent) { c.AuthorisedAt = at.Add(time.Hour) }),
			funds("received", func(c *consent.Consent) { c.Status, c.AuthorisedAt = consent.Received, at.Add(2*time.Hour) }),
			funds("other account", func(c *consent.Consent) { c.Access.Accounts, c.AuthorisedAt = &other, at.Add(3*time.Hour) }),
			funds("other tpp", func(c *consent.Consent) { c.TPP, c.AuthorisedAt = "PSDSI-BS-7654321", at.Add(4*time.Hour) }),
			with("to read", func(c *consent.Consent) { c.AuthorisedAt = at.Add(5 * time.Hour) }),
		)
		ids := func(all []consent.Consent) (ids []string) {
			for _, c := range all {
				ids = append(ids, c.ID)
			}
			return ids
		}
		all, err := s.ForFunds(t.Context(), "lon", "PSDSI-BS-1234567", core.AccountReference{IBAN: "SI56020360253863406"})
		if got := ids(all); err != nil || !slices.Equal(got, []string{"new", "old"}) {
			t.Errorf("got %q, %v", got, err)
		}
		if all, err := s.ForFunds(t.Context(), "lon", "PSDSI-BS-1234567", core.AccountReference{BBAN: "SI56020360253863406"}); err != nil || len(all) > 0 {
			t.Errorf("by another kind of identifier: got %q, %v", ids(all), err)
		}
	})

	t.Run("accesses are listed page by page, each once", func(t *testing.T) {
		var all []consent.Consent
		for i := range 25 {
			all = append(all, with(fmt.Sprintf("c%02d", i), func(c *consent.Consent) { c.PSU = fmt.Sprint("u", i%2) }))
		}
		all = append(all, with("c-never-authorised", func(c *consent.Consent) { c.Token = "" }), with("c-other-bank", func(c *consent.Consent) { c.Bank = "par" }))
		s := seeded(t, all...)
		walk := func(user string) (ids []string) {
			from := ""
			for {
				page, err := s.Tokens(t.Context(), "lon", core.TokenQuery{UserID: user, FromID: from, Limit: 10 + 1})
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range page {
					if i == 10 {
						break
					}
					ids = append(ids, c.ID)
				}
				if len(page) <= 10 {
					return ids
				}
				from = page[10].ID
			}
		}
		if got := walk(""); len(got) != 25 || !slices.IsSorted(got) || len(slices.Compact(got)) != 25 {
			t.Errorf("all: %v", got)
		}
		if got := walk("u1"); len(got) != 12 {
			t.Errorf("of one PSU: %v", got)
		}
	})

	t.Run("an access that was replaced is kept until the bank has ended it", func(t *testing.T) {
		s := seeded(t, with("c1", nil))
		old := with("c1", func(c *consent.Consent) { c.Session, c.Token = "s-old", "token-old" })
		older := with("c1", func(c *consent.Consent) { c.Session, c.Token = "s-older", "token-older" })
		elsewhere := with("c9", func(c *consent.Consent) { c.Bank, c.Session = "par", "s-old" })
		for _, c := range []consent.Consent{old, older, elsewhere} {
			if err := s.Supersede(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		sessions := func(limit int) (all []string) {
			t.Helper()
			got, err := s.Superseded(t.Context(), "lon", limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range got {
				if a.ConsentID != "c1" || a.TPP != "PSDSI-BS-1234567" || a.Token != "token"+a.Session[1:] {
					t.Errorf("got %+v", a)
				}
				all = append(all, a.Session)
			}
			return all
		}
		if got := sessions(10); len(got) != 2 || len(sessions(1)) != 1 {
			t.Errorf("got %v, and %v of them", got, sessions(1))
		}
		if err := s.EndSuperseded(t.Context(), "lon", "s-old"); err != nil {
			t.Fatal(err)
		}
		if got := sessions(10); !slices.Equal(got, []string{"s-older"}) {
			t.Errorf("once the bank has ended one: %v", got)
		}
		if c := get(t, s, "c1"); c.Token != "token-c1" {
			t.Errorf("the consent has %q", c.Token)
		}
	})
	t.Run("ends that the bank must hear of", func(t *testing.T) {
		s := seeded(t, with("live", nil), with("ending", nil), with("rejected", func(c *consent.Consent) { c.Status, c.Token = consent.Received, "" }))
		end := func(id string, to consent.Status) {
			t.Helper()
			if err := s.Update(t.Context(), "lon", id, func(c consent.Consent) (consent.Consent, error) { c.Status = to; return c, nil }); err != nil {
				t.Fatal(err)
			}
		}
		untold := func() (ids []string) {
			t.Helper()
			all, err := s.Untold(t.Context(), "lon", 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				ids = append(ids, c.ID)
			}
			return ids
		}
		if got := untold(); got != nil {
			t.Errorf("before: %v", got)
		}
		end("ending", consent.TerminatedByTPP)
		end("rejected", consent.Rejected)
		if got := untold(); !slices.Equal(got, []string{"ending"}) {
			t.Errorf("after: %v; a consent without access at the bank needs no word", got)
		}
		if c := get(t, s, "ending"); c.Token != "token-ending" {
			t.Errorf("the token that is to be ended is %q", c.Token)
		}
		if err := s.Told(t.Context(), "lon", "ending"); err != nil {
			t.Fatal(err)
		}
		end("ending", consent.TerminatedByTPP) // a change that changes nothing
		if got := untold(); got != nil {
			t.Errorf("told: %v", got)
		}
	})
}

// Package tokentest says in tests what every token.Store must do.
package tokentest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kontor/bank/token"
	"kontor/bank/tpp"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Exercise runs the suite on empty stores.
func Exercise(t *testing.T, open func(t *testing.T) token.Store) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s token.Store)
	}{
		{"a grant comes back as it was kept", roundTrip},
		{"what belongs to one bank is unknown to another", perBank},
		{"a code is given once", approveOnce},
		{"of sixteen that redeem one code, one succeeds", redeemOnce},
		{"a refresh token has one child, whoever asks first", rotateOnce},
		{"access and refresh token lead to their pair and grant", pairs},
		{"an ended grant stays ended", ended},
		{"ending a resource ends all its grants and no others", endResource},
		{"what is over is swept; what is alive stays", sweep},
		{"a pushed request comes back as it was kept, to its own bank", pushedRoundTrip},
		{"of sixteen grants that came from one pushed request, one is approved", approveOnePushed},
		{"a pushed request is swept when it is over", sweepPushed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

func grant(id string) token.Grant {
	return token.Grant{
		Bank: "lon", ID: id, Client: "client-of-" + id, TPP: "PSDSI-BS-1234567",
		Scope:       token.Scope{Kind: token.AIS, Resource: "c1", Asked: "AIS:c1 offline_access"},
		RedirectURI: "https://tpp.example/cb?x=1", State: "s t~", Challenge: "challenge", Browser: token.HashOf("browser"),
		Refreshable: true, EndsAt: at.AddDate(0, 6, 0), CreatedAt: at, WaitUntil: at.Add(time.Hour), Status: token.Waiting,
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// approved keeps a grant with the code "code-of-"+id.
func approved(t *testing.T, s token.Store, id string) token.Grant {
	t.Helper()
	g := grant(id)
	must(t, s.Create(t.Context(), g))
	g, err := g.Approve(at, "psu-1", token.HashOf("code-of-"+id), time.Minute)
	must(t, err)
	must(t, s.Approve(t.Context(), g))
	return g
}

func pair(g token.Grant, name string) token.Pair {
	return token.Pair{
		Bank: g.Bank, Grant: g.ID, Access: token.HashOf("access-" + name), Refresh: token.HashOf("refresh-" + name),
		Thumbprint: tpp.Thumbprint{1, 2, 3}, ExpiresAt: at.Add(10 * time.Minute),
	}
}

func redeemed(t *testing.T, s token.Store, id string) (token.Grant, token.Pair) {
	t.Helper()
	g := approved(t, s, id)
	p := pair(g, id)
	must(t, s.Redeem(t.Context(), g, p))
	return g, p
}

func roundTrip(t *testing.T, s token.Store) {
	want := grant("g1")
	must(t, s.Create(t.Context(), want))
	got, err := s.Get(t.Context(), "lon", "g1")
	must(t, err)
	if got != want {
		t.Errorf("waiting:\ngot  %+v\nwant %+v", got, want)
	}
	want, err = want.Approve(at, "psu-1", token.HashOf("code"), time.Minute)
	must(t, err)
	must(t, s.Approve(t.Context(), want))
	got, err = s.ByCode(t.Context(), "lon", token.HashOf("code"))
	must(t, err)
	if got != want {
		t.Errorf("approved:\ngot  %+v\nwant %+v", got, want)
	}
	// A log-in ends at no time of its own, and has no resource.
	login := grant("g2")
	login.Scope, login.EndsAt, login.Refreshable = token.Scope{Kind: token.LoginPayments, Asked: "psd2:pay"}, time.Time{}, false
	must(t, s.Create(t.Context(), login))
	if got, err = s.Get(t.Context(), "lon", "g2"); err != nil || got != login {
		t.Errorf("log-in: %v\ngot  %+v\nwant %+v", err, got, login)
	}
}

func perBank(t *testing.T, s token.Store) {
	_, p := redeemed(t, s, "g1")
	_, err := s.Get(t.Context(), "salt", "g1")
	wantErr(t, err, token.ErrUnknown)
	_, err = s.ByCode(t.Context(), "salt", token.HashOf("code-of-g1"))
	wantErr(t, err, token.ErrUnknown)
	_, _, err = s.ByAccess(t.Context(), "salt", p.Access)
	wantErr(t, err, token.ErrUnknown)
	_, _, err = s.ByRefresh(t.Context(), "salt", p.Refresh)
	wantErr(t, err, token.ErrUnknown)
	must(t, s.End(t.Context(), "salt", "g1"))
	must(t, s.EndResource(t.Context(), "salt", "c1"))
	if g, err := s.Get(t.Context(), "lon", "g1"); err != nil || g.Status != token.Redeemed {
		t.Errorf("got %s, %v; want it redeemed still", g.Status, err)
	}
}

func approveOnce(t *testing.T, s token.Store) {
	g := approved(t, s, "g1")
	g.Code = token.HashOf("another")
	wantErr(t, s.Approve(t.Context(), g), token.ErrUsed)
	_, err := s.ByCode(t.Context(), "lon", token.HashOf("another"))
	wantErr(t, err, token.ErrUnknown)
}

func race(n int, do func(i int) error) (succeeded int, others []error) {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			succeeded++
		} else {
			others = append(others, err)
		}
	}
	return succeeded, others
}

func redeemOnce(t *testing.T, s token.Store) {
	g := approved(t, s, "g1")
	n, others := race(16, func(i int) error { return s.Redeem(t.Context(), g, pair(g, fmt.Sprint(i))) })
	if n != 1 {
		t.Errorf("%d succeeded", n)
	}
	for _, err := range others {
		wantErr(t, err, token.ErrUsed)
	}
	kept := 0
	for i := range 16 {
		if _, _, err := s.ByAccess(t.Context(), "lon", token.HashOf(fmt.Sprint("access-", i))); err == nil {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%d pairs are kept", kept)
	}
}

func rotateOnce(t *testing.T, s token.Store) {
	g, first := redeemed(t, s, "g1")
	n, others := race(16, func(i int) error {
		p := pair(g, fmt.Sprint("child", i))
		p.Parent = first.Refresh
		return s.Rotate(t.Context(), p)
	})
	if n != 1 {
		t.Errorf("%d succeeded", n)
	}
	for _, err := range others {
		wantErr(t, err, token.ErrUsed)
	}
}

func pairs(t *testing.T, s token.Store) {
	g, want := redeemed(t, s, "g1")
	got, p, err := s.ByAccess(t.Context(), "lon", want.Access)
	must(t, err)
	if p != want || got.ID != g.ID || got.TPP != g.TPP || got.Client != g.Client || got.PSU != "psu-1" || got.Scope != g.Scope ||
		got.Status != token.Redeemed || !got.EndsAt.Equal(g.EndsAt) || !got.Refreshable {
		t.Errorf("got %+v\nof %+v", p, got)
	}
	second := pair(g, "second")
	second.Parent, second.Thumbprint = want.Refresh, tpp.Thumbprint{}
	must(t, s.Rotate(t.Context(), second))
	if _, p, err = s.ByRefresh(t.Context(), "lon", second.Refresh); err != nil || p != second {
		t.Errorf("got %+v, %v\nwant %+v", p, err, second)
	}
	_, _, err = s.ByAccess(t.Context(), "lon", want.Refresh)
	wantErr(t, err, token.ErrUnknown)
	// Pairs without refresh token do not get in each other's way.
	for _, id := range []string{"g2", "g3"} {
		g := approved(t, s, id)
		p := pair(g, id)
		p.Refresh = token.Hash{}
		must(t, s.Redeem(t.Context(), g, p))
	}
	_, _, err = s.ByRefresh(t.Context(), "lon", token.Hash{})
	wantErr(t, err, token.ErrUnknown)
}

func ended(t *testing.T, s token.Store) {
	g := approved(t, s, "g1")
	must(t, s.End(t.Context(), "lon", "g1"))
	wantErr(t, s.Redeem(t.Context(), g, pair(g, "x")), token.ErrUsed)
	wantErr(t, s.Approve(t.Context(), g), token.ErrUsed)
	must(t, s.End(t.Context(), "lon", "g1"))
	must(t, s.End(t.Context(), "lon", "nobody's"))
	if got, err := s.Get(t.Context(), "lon", "g1"); err != nil || got.Status != token.Ended {
		t.Errorf("got %s, %v", got.Status, err)
	}
}

func endResource(t *testing.T, s token.Store) {
	redeemed(t, s, "g1")
	approved(t, s, "g2")
	other := grant("g3")
	other.Scope.Resource = "c2"
	must(t, s.Create(t.Context(), other))
	must(t, s.EndResource(t.Context(), "lon", "c1"))
	for id, want := range map[string]token.Status{"g1": token.Ended, "g2": token.Ended, "g3": token.Waiting} {
		if g, err := s.Get(t.Context(), "lon", id); err != nil || g.Status != want {
			t.Errorf("%s: got %s, %v; want %s", id, g.Status, err, want)
		}
	}
}

func sweep(t *testing.T, s token.Store) {
	g, first := redeemed(t, s, "g1") // lives half a year
	second := pair(g, "second")
	second.Parent = first.Refresh
	must(t, s.Rotate(t.Context(), second))
	must(t, s.Create(t.Context(), grant("forgotten"))) // waits an hour
	once := grant("once")
	once.Refreshable, once.EndsAt = false, time.Time{}
	must(t, s.Create(t.Context(), once))
	once, err := once.Approve(at, "", token.HashOf("code"), time.Minute)
	must(t, err)
	must(t, s.Approve(t.Context(), once))
	p := pair(once, "once")
	p.Refresh = token.Hash{}
	must(t, s.Redeem(t.Context(), once, p))

	known := func() (ids []string) {
		for _, id := range []string{"g1", "forgotten", "once"} {
			if _, err := s.Get(t.Context(), "lon", id); err == nil {
				ids = append(ids, id)
			}
		}
		for _, p := range []token.Pair{first, second, p} {
			if _, _, err := s.ByAccess(t.Context(), "lon", p.Access); err == nil {
				ids = append(ids, "pair of "+p.Grant)
			}
		}
		return ids
	}
	for _, tt := range []struct {
		before time.Time
		want   string
	}{
		{at, "[g1 forgotten once pair of g1 pair of g1 pair of once]"},
		{at.Add(30 * time.Minute), "[g1 forgotten pair of g1]"}, // the newest pair of g1 stays: its refresh token is good
		{at.Add(2 * time.Hour), "[g1 pair of g1]"},
		{at.AddDate(0, 7, 0), "[]"},
	} {
		must(t, s.Sweep(t.Context(), tt.before))
		if got := fmt.Sprint(known()); got != tt.want {
			t.Errorf("before %s: got %s, want %s", tt.before.Format(time.DateTime), got, tt.want)
		}
	}
}

// Package notifytest states what every notify.Store must do.
package notifytest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/notify"
	"kontor/bank/tpp"
)

var at = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)

// Sample returns a subscription with every field filled.
func Sample() notify.Subscription {
	return notify.Subscription{
		Bank: "lon", Kind: notify.OfConsent, Resource: "c1", Authorisation: "a1", TPP: "PSDSI-BS-1234567",
		Wish: notify.Wish{URI: "https://fin-pregled.example/told", Content: []notify.Content{notify.SCA, notify.Last}},
	}
}

func notice(id, resource string, t tpp.ID) notify.Notice {
	return notify.Notice{
		Bank: "lon", Kind: notify.OfConsent, Resource: resource, ID: id, TPP: t, Body: []byte(`{"consentId":"` + resource + `"}`),
		CreatedAt: at, NextAt: at,
	}
}

// Exercise runs the conformance tests. open returns an empty store.
func Exercise(t *testing.T, open func(t *testing.T) notify.Store) {
	subscribed := func(t *testing.T, resources ...string) notify.Store {
		t.Helper()
		s := open(t)
		for _, r := range resources {
			sub := Sample()
			sub.Resource = r
			if err := s.Subscribe(t.Context(), sub); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	queue := func(t *testing.T, s notify.Store, all ...notify.Notice) {
		t.Helper()
		for _, n := range all {
			if err := s.Queue(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	due := func(t *testing.T, s notify.Store, now time.Time, perTPP, limit int) []notify.Notice {
		t.Helper()
		all, err := s.Due(t.Context(), now, perTPP, limit)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	ids := func(all []notify.Notice) string {
		var text []string
		for _, n := range all {
			text = append(text, n.ID)
		}
		return fmt.Sprint(text)
	}
	replace := func(t *testing.T, s notify.Store, n notify.Notice) {
		t.Helper()
		if err := s.Replace(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a subscription is kept to the last field, and the newest counts", func(t *testing.T) {
		s := subscribed(t, "c1")
		for _, change := range []func(*notify.Subscription){
			func(*notify.Subscription) {},
			func(sub *notify.Subscription) {
				sub.URI, sub.Content, sub.Authorisation = "https://other.example/", []notify.Content{notify.Process}, ""
			},
		} {
			want := Sample()
			change(&want)
			if err := s.Subscribe(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			got, ok, err := s.Subscribed(t.Context(), "lon", notify.OfConsent, "c1")
			if err != nil || !ok || !cmp.Equal(got, want) {
				t.Errorf("%v %v: %s", ok, err, cmp.Diff(want, got))
			}
		}
		for _, other := range []struct {
			bank     string
			kind     notify.Kind
			resource string
		}{{"salt", notify.OfConsent, "c1"}, {"lon", notify.OfPayment, "c1"}, {"lon", notify.OfConsent, "c2"}} {
			if _, ok, err := s.Subscribed(t.Context(), other.bank, other.kind, other.resource); ok || err != nil {
				t.Errorf("%v: %v %v", other, ok, err)
			}
		}
	})

	t.Run("a notice is kept to the last field, with the address that is subscribed now", func(t *testing.T) {
		s := subscribed(t, "c1")
		queue(t, s, notice("n1", "c1", "T1"))
		sub := Sample()
		sub.URI = "https://moved.example/"
		if err := s.Subscribe(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
		want := notice("n1", "c1", "T1")
		want.Serial, want.Version, want.URI = 1, 1, "https://moved.example/"
		if d := cmp.Diff([]notify.Notice{want}, due(t, s, at, 9, 9)); d != "" {
			t.Error(d)
		}
		want.Attempts, want.NextAt, want.LeasedTo, want.Failure = 3, at.Add(time.Second), at.Add(2*time.Second), "no answer"
		replace(t, s, want)
		want.Version = 2
		got, err := s.Failing(t.Context(), "lon", 9)
		if d := cmp.Diff([]notify.Notice{want}, got); d != "" || err != nil {
			t.Error(err, d)
		}
	})

	t.Run("what nobody subscribed is not queued", func(t *testing.T) {
		s := open(t)
		queue(t, s, notice("n1", "c1", "T1"))
		if all := due(t, s, at, 9, 9); len(all) > 0 {
			t.Error(ids(all))
		}
	})

	t.Run("of a resource only the earliest notice that is not done is due", func(t *testing.T) {
		s := subscribed(t, "c1", "c2")
		queue(t, s, notice("n1", "c1", "T1"), notice("n2", "c1", "T1"), notice("m1", "c2", "T1"))
		all := due(t, s, at, 9, 9)
		if len(all) != 2 || !slices.ContainsFunc(all, func(n notify.Notice) bool { return n.ID == "n1" }) {
			t.Fatal(ids(all))
		}
		first := all[slices.IndexFunc(all, func(n notify.Notice) bool { return n.ID == "n1" })]
		first.NextAt = at.Add(time.Hour) // it failed, and its successor waits with it
		replace(t, s, first)
		if all = due(t, s, at, 9, 9); ids(all) != "[m1]" {
			t.Error(ids(all))
		}
		first.DoneAt, first.Version = at, first.Version+1
		replace(t, s, first)
		if all = due(t, s, at, 9, 9); ids(all) != "[m1 n2]" && ids(all) != "[n2 m1]" {
			t.Error(ids(all))
		}
	})

	t.Run("what is leased or not yet to be tried is not due", func(t *testing.T) {
		s := subscribed(t, "c1")
		queue(t, s, notice("n1", "c1", "T1"))
		n := due(t, s, at, 9, 9)[0]
		n.LeasedTo = at.Add(time.Minute)
		replace(t, s, n)
		if all := due(t, s, at.Add(59*time.Second), 9, 9); len(all) > 0 {
			t.Error("leased:", ids(all))
		}
		if all := due(t, s, at.Add(time.Minute), 9, 9); len(all) != 1 {
			t.Error("the lease is over:", ids(all))
		}
		n.NextAt, n.LeasedTo, n.Version = at.Add(time.Hour), time.Time{}, 2
		replace(t, s, n)
		if all := due(t, s, at.Add(59*time.Minute), 9, 9); len(all) > 0 {
			t.Error("before its time:", ids(all))
		}
	})

	t.Run("one TPP does not fill the list", func(t *testing.T) {
		s := subscribed(t, "c0", "c1", "c2", "c3", "c4", "d1")
		for i := range 5 {
			queue(t, s, notice(fmt.Sprint("n", i), fmt.Sprint("c", i), "T1"))
		}
		queue(t, s, notice("m1", "d1", "T2"))
		all := due(t, s, at, 2, 9)
		if len(all) != 3 || !slices.ContainsFunc(all, func(n notify.Notice) bool { return n.TPP == "T2" }) {
			t.Error(ids(all))
		}
		if all = due(t, s, at, 9, 4); len(all) != 4 {
			t.Error(ids(all))
		}
	})

	t.Run("of many who lease a notice at once, one gets it", func(t *testing.T) {
		s := subscribed(t, "c1")
		queue(t, s, notice("n1", "c1", "T1"))
		n := due(t, s, at, 9, 9)[0]
		n.LeasedTo = at.Add(time.Minute)
		var got atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch err := s.Replace(t.Context(), n); {
				case err == nil:
					got.Add(1)
				case !errors.Is(err, notify.ErrOvertaken):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 {
			t.Errorf("%d have it", got.Load())
		}
	})

	t.Run("notices that are queued at once get serials of their own", func(t *testing.T) {
		s := subscribed(t, "c1")
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { queue(t, s, notice(fmt.Sprint("n", i), "c1", "T1")) })
		}
		all.Wait()
		for serial := int64(1); serial <= 8; serial++ {
			n := due(t, s, at, 9, 9)
			if len(n) != 1 || n[0].Serial != serial {
				t.Fatalf("%+v", n)
			}
			n[0].DoneAt = at
			replace(t, s, n[0])
		}
	})

	t.Run("what is forgotten is not told any more, and begins anew", func(t *testing.T) {
		s := subscribed(t, "c1", "c2")
		queue(t, s, notice("n1", "c1", "T1"), notice("m1", "c2", "T1"))
		if err := s.Forget(t.Context(), "lon", notify.OfConsent, "c1"); err != nil {
			t.Fatal(err)
		}
		if all := due(t, s, at, 9, 9); ids(all) != "[m1]" {
			t.Error(ids(all))
		}
		if _, ok, err := s.Subscribed(t.Context(), "lon", notify.OfConsent, "c1"); ok || err != nil {
			t.Error(ok, err)
		}
		if err := s.Subscribe(t.Context(), Sample()); err != nil {
			t.Fatal(err)
		}
		queue(t, s, notice("n2", "c1", "T1"))
		if all := due(t, s, at, 9, 9); len(all) != 2 || all[0].Serial != 1 || all[1].Serial != 1 {
			t.Error(all)
		}
	})

	t.Run("what failed or was dropped is listed, newest first, and what is old is cleared", func(t *testing.T) {
		s := subscribed(t, "c1", "c2", "c3", "c4")
		for i, change := range []func(*notify.Notice){
			func(n *notify.Notice) { n.DoneAt = at },
			func(n *notify.Notice) { n.DoneAt, n.Dropped, n.Failure = at, true, "status 500" },
			func(n *notify.Notice) { n.NextAt, n.Failure = at.Add(time.Hour), "no answer" },
			func(n *notify.Notice) {},
		} {
			n := notice(fmt.Sprint("n", i+1), fmt.Sprint("c", i+1), "T1")
			n.CreatedAt = at.Add(time.Duration(i) * time.Second)
			queue(t, s, n)
			n.Serial, n.Version = 1, 1
			change(&n)
			replace(t, s, n)
		}
		failing := func() string {
			t.Helper()
			all, err := s.Failing(t.Context(), "lon", 9)
			if err != nil {
				t.Fatal(err)
			}
			return ids(all)
		}
		if got := failing(); got != "[n3 n2]" {
			t.Error(got)
		}
		if all, err := s.Failing(t.Context(), "salt", 9); len(all) > 0 || err != nil {
			t.Error("of another bank:", ids(all), err)
		}
		if err := s.Clear(t.Context(), at.Add(time.Second), at); err != nil {
			t.Fatal(err)
		}
		if got := failing(); got != "[n3 n2]" {
			t.Error("what was dropped is kept for longer:", got)
		}
		if err := s.Clear(t.Context(), at.Add(time.Second), at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := failing(); got != "[n3]" {
			t.Error(got)
		}
		if all := due(t, s, at, 9, 9); ids(all) != "[n4]" {
			t.Error("what is not done is never cleared:", ids(all))
		}
	})
}

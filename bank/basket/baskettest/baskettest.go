// Package baskettest says in tests what every basket.Store must do.
package baskettest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/basket"
	"kontor/bank/payment"
)

// now is when everything happens.
var now = time.Date(2026, time.March, 2, 9, 30, 0, 123456000, time.UTC)

// New returns a basket with every field filled.
func New(id, requestID string) basket.Basket {
	return basket.Basket{
		Bank: "lon", ID: id, TPP: "PSDSI-BS-1234567", TPPName: "Plačilo d.o.o.", PSU: "psu-7", Payments: []string{"p2", "p1"}, Consents: []string{"c1"},
		Status: basket.Authorised, Unconfirmed: true, RequestID: requestID, Digest: [32]byte{1, 2, 31: 9}, DeleteRequest: "d1",
		Hand: payment.Sending, HandedAt: now, Session: "s-" + id,
		CreatedAt: now, AuthoriseBy: now.Add(24 * time.Hour), AuthorisedAt: now.Add(time.Minute), LookAt: now.Add(2 * time.Minute),
	}
}

// Exercise runs the suite on stores that open makes, each of them empty.
func Exercise(t *testing.T, open func(t *testing.T) basket.Store) {
	ctx := context.Background()
	long := now.Add(-24 * time.Hour)
	create := func(t *testing.T, s basket.Store, k basket.Basket) {
		t.Helper()
		if err := s.Create(ctx, k, long); err != nil {
			t.Fatal(err)
		}
	}
	same := func(t *testing.T, want, got basket.Basket, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
	}

	t.Run("what is created reads the same", func(t *testing.T) {
		s, k := open(t), New("b1", "r1")
		create(t, s, k)
		got, err := s.Get(ctx, "lon", "b1")
		same(t, k, got, err)
		got, err = s.ByRequest(ctx, "lon", k.TPP, "r1")
		same(t, k, got, err)
		bare := basket.Basket{Bank: "lon", ID: "b2", TPP: "t", Status: basket.Received, Hand: payment.Kept, Consents: []string{"c2"}, CreatedAt: now, AuthoriseBy: now}
		create(t, s, bare)
		got, err = s.Get(ctx, "lon", "b2")
		same(t, bare, got, err)
	})

	t.Run("what is not there is unknown, and so is another bank's", func(t *testing.T) {
		s := open(t)
		create(t, s, New("b1", "r1"))
		for name, read := range map[string]func() error{
			"another ID":      func() error { _, err := s.Get(ctx, "lon", "b2"); return err },
			"another bank":    func() error { _, err := s.Get(ctx, "par", "b1"); return err },
			"another request": func() error { _, err := s.ByRequest(ctx, "lon", "PSDSI-BS-1234567", "r2"); return err },
			"another TPP":     func() error { _, err := s.ByRequest(ctx, "lon", "PSDRO-NBR-1", "r1"); return err },
			"an update": func() error {
				return s.Update(ctx, "lon", "b2", func(k basket.Basket) (basket.Basket, error) { return k, nil })
			},
		} {
			if err := read(); !errors.Is(err, basket.ErrUnknown) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})

	t.Run("a request counts once, until it is old", func(t *testing.T) {
		s, k := open(t), New("b1", "r1")
		create(t, s, k)
		if err := s.Create(ctx, New("b2", "r1"), long); !errors.Is(err, basket.ErrRepeated) {
			t.Errorf("again: got %v", err)
		}
		if _, err := s.Get(ctx, "lon", "b2"); !errors.Is(err, basket.ErrUnknown) {
			t.Errorf("what was refused is stored: %v", err)
		}
		other := New("b3", "r1")
		other.TPP = "PSDRO-NBR-1"
		create(t, s, other)
		create(t, s, New("b4", ""))
		create(t, s, New("b5", "")) // without a request nothing is repeated
		if err := s.Create(ctx, New("b6", "r1"), now); err != nil {
			t.Errorf("after a day: got %v", err)
		}
		if got, err := s.ByRequest(ctx, "lon", k.TPP, "r1"); got.ID != "b6" || err != nil {
			t.Errorf("got %s, %v", got.ID, err)
		}
	})

	t.Run("all that changes is kept", func(t *testing.T) {
		s, k := open(t), New("b1", "r1")
		create(t, s, k)
		next := k
		next.PSU, next.Status, next.Unconfirmed, next.RequestID, next.DeleteRequest = "psu-8", basket.Cancelled, false, "", "d2"
		next.Hand, next.HandedAt, next.Session = payment.Kept, now.Add(time.Hour), ""
		next.AuthoriseBy, next.AuthorisedAt, next.LookAt = time.Time{}, now.Add(2*time.Hour), time.Time{}
		if err := s.Update(ctx, "lon", "b1", func(basket.Basket) (basket.Basket, error) { return next, nil }); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, "lon", "b1")
		same(t, next, got, err)
		no := errors.New("no")
		err = s.Update(ctx, "lon", "b1", func(k basket.Basket) (basket.Basket, error) { k.PSU = "x"; return k, no })
		if got, gerr := s.Get(ctx, "lon", "b1"); !errors.Is(err, no) || gerr != nil || got.PSU != "psu-8" {
			t.Errorf("a change that fails: got %v, %v, %s", err, gerr, got.PSU)
		}
	})

	t.Run("of many at the same moment each counts", func(t *testing.T) {
		s := open(t)
		create(t, s, New("b1", "r1"))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if err := s.Update(ctx, "lon", "b1", func(k basket.Basket) (basket.Basket, error) { k.PSU += "+"; return k, nil }); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, err := s.Get(ctx, "lon", "b1"); got.PSU != "psu-7+++++" || err != nil {
			t.Errorf("got %s, %v", got.PSU, err)
		}
	})

	t.Run("what is being handed over is found, the oldest first", func(t *testing.T) {
		s := open(t)
		for i, id := range []string{"b1", "b2", "b3"} {
			k := New(id, id)
			k.HandedAt = now.Add(-time.Duration(i) * time.Minute)
			create(t, s, k)
		}
		for _, hand := range []payment.Hand{payment.Kept, payment.Taken} {
			k := New("x"+string(hand), string(hand))
			k.Hand = hand
			create(t, s, k)
		}
		want(t, "b3 b2 ", func() ([]basket.Basket, error) { return s.Unsettled(ctx, "lon", now.Add(-time.Minute), 10) })
		want(t, "b3 ", func() ([]basket.Basket, error) { return s.Unsettled(ctx, "lon", now, 1) })
		want(t, "", func() ([]basket.Basket, error) { return s.Unsettled(ctx, "par", now, 10) })
	})

	t.Run("what is due is found, the longest due first", func(t *testing.T) {
		s := open(t)
		for i, id := range []string{"b1", "b2", "b3"} {
			k := New(id, id)
			k.LookAt = now.Add(-time.Duration(i) * time.Minute)
			create(t, s, k)
		}
		k := New("b4", "b4")
		k.LookAt = time.Time{}
		create(t, s, k)
		want(t, "b3 b2 b1 ", func() ([]basket.Basket, error) { return s.Due(ctx, "lon", now, 10) })
		want(t, "b3 ", func() ([]basket.Basket, error) { return s.Due(ctx, "lon", now.Add(-time.Minute), 1) })
		want(t, "", func() ([]basket.Basket, error) { return s.Due(ctx, "par", now, 10) })
	})
}

func want(t *testing.T, want string, list func() ([]basket.Basket, error)) {
	t.Helper()
	all, err := list()
	got := ""
	for _, k := range all {
		got += k.ID + " "
	}
	if got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// Package dashboardtest says in tests what every dashboard.Sessions must do.
package dashboardtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/dashboard"
)

var at = time.Date(2026, time.March, 1, 11, 0, 0, 123456000, time.UTC)

// Exercise runs the suite on stores that open makes, each of them empty.
func Exercise(t *testing.T, open func(t *testing.T) dashboard.Sessions) {
	ctx := context.Background()
	begun := dashboard.Session{Bank: "lon", Key: [32]byte{1, 31: 1}, Entry: [32]byte{2, 31: 2}, Authorisation: "a1", Began: at, Seen: at}
	entered := dashboard.Session{Bank: "lon", Key: [32]byte{3, 31: 3}, Authorisation: "a1", PSU: "psu-7", Began: at.Add(time.Minute), Seen: at.Add(time.Minute)}
	seeded := func(t *testing.T) dashboard.Sessions {
		t.Helper()
		s := open(t)
		if err := s.Create(ctx, begun); err != nil {
			t.Fatal(err)
		}
		return s
	}
	gone := func(t *testing.T, s dashboard.Sessions, bank string, key [32]byte) {
		t.Helper()
		if got, err := s.Get(ctx, bank, key); !errors.Is(err, dashboard.ErrSession) {
			t.Errorf("got %+v, %v", got, err)
		}
	}

	t.Run("what is created reads the same, at its bank alone", func(t *testing.T) {
		s := seeded(t)
		if got, err := s.Get(ctx, "lon", begun.Key); got != begun || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		gone(t, s, "par", begun.Key)
		gone(t, s, "lon", [32]byte{9})
	})

	t.Run("one takes the place of another, once", func(t *testing.T) {
		s := seeded(t)
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				next := entered
				next.Key[0] = byte(10 + i)
				switch err := s.Replace(ctx, begun.Key, next); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, dashboard.ErrSession):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of them did", won.Load())
		}
		gone(t, s, "lon", begun.Key)
	})

	t.Run("one that is used is noted, and no other", func(t *testing.T) {
		s := seeded(t)
		if err := errors.Join(s.Create(ctx, entered), s.Touch(ctx, "lon", entered.Key, at.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		want := entered
		want.Seen = at.Add(time.Hour)
		if got, err := s.Get(ctx, "lon", entered.Key); got != want || err != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, _ := s.Get(ctx, "lon", begun.Key); got != begun {
			t.Errorf("the other one: %+v", got)
		}
	})

	t.Run("one is deleted, and that none is there is no error", func(t *testing.T) {
		s := seeded(t)
		if err := errors.Join(s.Delete(ctx, "par", begun.Key), s.Create(ctx, entered)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Delete(ctx, "lon", entered.Key); err != nil {
				t.Fatal(err)
			}
		}
		gone(t, s, "lon", entered.Key)
		if _, err := s.Get(ctx, "lon", begun.Key); err != nil {
			t.Errorf("the other one: %v", err)
		}
	})

	t.Run("those that began long ago are forgotten", func(t *testing.T) {
		s := seeded(t)
		if err := errors.Join(s.Create(ctx, entered), s.Forget(ctx, at.Add(time.Second))); err != nil {
			t.Fatal(err)
		}
		gone(t, s, "lon", begun.Key)
		if _, err := s.Get(ctx, "lon", entered.Key); err != nil {
			t.Errorf("the younger one: %v", err)
		}
	})
}

// Package fundstest states what every funds.Answers must do.
package fundstest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/funds"
)

var at = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)

// Sample returns an answer with every field filled.
func Sample() funds.Answer {
	return funds.Answer{Bank: "lon", TPP: "PSDSI-BS-1234567", RequestID: "q1", ConsentID: "c1", Digest: [32]byte{1, 2, 3}, Available: true, At: at}
}

// Exercise runs the conformance tests. open returns an empty store.
func Exercise(t *testing.T, open func(t *testing.T) funds.Answers) {
	day := 24 * time.Hour
	with := func(change func(*funds.Answer)) funds.Answer {
		a := Sample()
		change(&a)
		return a
	}
	keep := func(t *testing.T, s funds.Answers, a funds.Answer) funds.Answer {
		t.Helper()
		got, err := s.Keep(t.Context(), a, a.At.Add(-day))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("what was answered first counts", func(t *testing.T) {
		s := open(t)
		keep(t, s, Sample())
		second := with(func(a *funds.Answer) {
			a.Available, a.Digest, a.ConsentID, a.At = false, [32]byte{9}, "c2", at.Add(time.Hour)
		})
		if diff := cmp.Diff(Sample(), keep(t, s, second)); diff != "" {
			t.Error(diff)
		}
		got, err := s.Find(t.Context(), "lon", "PSDSI-BS-1234567", "q1", at.Add(-1))
		if diff := cmp.Diff(Sample(), got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("for a day", func(t *testing.T) {
		s := open(t)
		keep(t, s, Sample())
		if _, err := s.Find(t.Context(), "lon", "PSDSI-BS-1234567", "q1", at); !errors.Is(err, funds.ErrUnanswered) {
			t.Errorf("after it: %v", err)
		}
		next := with(func(a *funds.Answer) { a.Available, a.At = false, at.Add(day) })
		if got := keep(t, s, next); got.Available {
			t.Error("after a day the old answer still counts")
		}
		last := with(func(a *funds.Answer) { a.At = at.Add(2*day - time.Microsecond) })
		if got := keep(t, s, last); got.Available {
			t.Error("the new answer does not count for a whole day")
		}
	})
	t.Run("each bank, TPP and request has its own", func(t *testing.T) {
		s := open(t)
		keep(t, s, Sample())
		for name, a := range map[string]funds.Answer{
			"another bank":    with(func(a *funds.Answer) { a.Bank, a.Available = "par", false }),
			"another TPP":     with(func(a *funds.Answer) { a.TPP, a.Available = "PSDSI-BS-7654321", false }),
			"another request": with(func(a *funds.Answer) { a.RequestID, a.Available = "q2", false }),
		} {
			if _, err := s.Find(t.Context(), a.Bank, a.TPP, a.RequestID, at.Add(-day)); !errors.Is(err, funds.ErrUnanswered) {
				t.Errorf("%s: %v", name, err)
			}
			if got := keep(t, s, a); got.Available {
				t.Errorf("%s got the answer of the first", name)
			}
		}
	})
	t.Run("of sixteen at the same moment one counts, for all", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		var yes, no atomic.Int32
		for i := range 16 {
			wg.Go(func() {
				got, err := s.Keep(context.Background(), with(func(a *funds.Answer) { a.Available = i%2 == 0 }), at.Add(-day))
				if err != nil {
					t.Error(err)
				}
				if got.Available {
					yes.Add(1)
				} else {
					no.Add(1)
				}
			})
		}
		if wg.Wait(); yes.Load() != 0 && no.Load() != 0 {
			t.Errorf("%d were told yes and %d no", yes.Load(), no.Load())
		}
	})
	t.Run("what is old is forgotten, and no more", func(t *testing.T) {
		s := open(t)
		keep(t, s, Sample())
		keep(t, s, with(func(a *funds.Answer) { a.RequestID, a.At = "q2", at.Add(time.Microsecond) }))
		if err := s.Forget(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		_, err1 := s.Find(t.Context(), "lon", "PSDSI-BS-1234567", "q1", time.Time{})
		_, err2 := s.Find(t.Context(), "lon", "PSDSI-BS-1234567", "q2", time.Time{})
		if !errors.Is(err1, funds.ErrUnanswered) || err2 != nil {
			t.Errorf("the old: %v; the new: %v", err1, err2)
		}
	})
}

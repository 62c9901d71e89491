package consent_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
)

// asked is a creation that can be made again.
func asked(change ...func(*consent.Creation)) consent.Creation {
	r := consent.Creation{Request: consenttest.Everything(), Start: consent.Start{RequestID: requestID, Body: []byte(`{"a":1}`)}}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestTheSameRequestCreatesOneConsent(t *testing.T) {
	story(t, "the second answer is the first consent as it stands now", func(t *testing.T, w *consenttest.World) {
		first, a, err := w.Create(t.Context(), w.At, consenttest.AISP, asked())
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			do   func()
			want consent.Status
		}{
			{func() {}, consent.Received},
			{func() { w.Allow(t, first, "u1", nil) }, consent.Valid},
			{func() { w.Pass(consent.RepeatWindow - time.Hour) }, consent.Valid},
			{func() {
				if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, first.ID, requestID); err != nil {
					t.Fatal(err)
				}
			}, consent.TerminatedByTPP},
		} {
			step.do()
			again, b, err := w.Create(t.Context(), w.At, consenttest.AISP, asked())
			if err != nil || again.ID != first.ID || b.ID != a.ID || again.Status != step.want {
				t.Errorf("got consent %s, %s, authorisation %s, %v; want %s, %s, %s", again.ID, again.Status, b.ID, err, first.ID, step.want, a.ID)
			}
		}
		if n := len(w.Bank.Asked()); n != 1 {
			t.Errorf("the bank was asked %d times", n)
		}
		w.Pass(time.Hour)
		if c, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked()); err != nil || c.ID == first.ID {
			t.Errorf("after a day: %s, %v", c.ID, err)
		}
	})
	story(t, "another body with the same X-Request-ID is refused", func(t *testing.T, w *consenttest.World) {
		if _, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked()); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked(func(r *consent.Creation) { r.Body = []byte(`{"a":2}`) }))
		var field *consent.FieldError
		if !errors.As(err, &field) || field.Field != "X-Request-ID" || !errors.Is(err, consent.ErrRequest) {
			t.Errorf("got %v", err)
		}
	})
	story(t, "another TPP's request of the same name is its own", func(t *testing.T, w *consenttest.World) {
		first, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked())
		if err != nil {
			t.Fatal(err)
		}
		other := consenttest.AISP
		other.ID = "PSDSI-BS-7654321"
		if c, _, err := w.Create(t.Context(), w.At, other, asked()); err != nil || c.ID == first.ID || c.TPP != other.ID {
			t.Errorf("got %s of %s, %v", c.ID, c.TPP, err)
		}
	})
	story(t, "a request that the rules refuse does not use it up", func(t *testing.T, w *consenttest.World) {
		if _, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked(func(r *consent.Creation) { r.FrequencyPerDay = 0 })); !errors.Is(err, consent.ErrRequest) {
			t.Fatal(err)
		}
		if _, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked(func(r *consent.Creation) { r.Body = []byte(`{"a":2}`) })); err != nil {
			t.Error(err)
		}
	})
	story(t, "nor does one that the bank does not take", func(t *testing.T, w *consenttest.World) {
		w.Bank.Fail(core.ErrUnavailable)
		if _, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked()); !errors.Is(err, core.ErrUnavailable) {
			t.Fatal(err)
		}
		w.Bank.Fail(nil)
		c, _, err := w.Create(t.Context(), w.At, consenttest.AISP, asked())
		if err != nil || c.Status != consent.Received {
			t.Errorf("%s, %v", c.Status, err)
		}
	})
	story(t, "what was taken once stays taken when its day is over", func(t *testing.T, w *consenttest.World) {
		w.Set(time.Date(2026, 3, 1, 22, 59, 50, 0, time.UTC)) // ten seconds before midnight at the bank
		today := asked(func(r *consent.Creation) {
			r.Recurring, r.FrequencyPerDay, r.ValidUntil = false, 1, day.New(2026, 3, 1)
		})
		first, _, err := w.Create(t.Context(), w.At, consenttest.AISP, today)
		if err != nil {
			t.Fatal(err)
		}
		w.Pass(20 * time.Second)
		if c, _, err := w.Create(t.Context(), w.At, consenttest.AISP, today); err != nil || c.ID != first.ID || c.Status != consent.Rejected {
			t.Errorf("got %s, %s, %v", c.ID, c.Status, err)
		}
	})
	story(t, "two at the same moment create one", func(t *testing.T, w *consenttest.World) {
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() {
				c, _, err := w.Create(context.Background(), w.At, consenttest.AISP, asked())
				if err != nil {
					t.Error(err)
				}
				ids[i] = c.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("created %v", ids)
			}
		}
		if n := len(w.Bank.Asked()); n != 1 {
			t.Errorf("the bank was asked %d times", n)
		}
	})
}

func TestTheSameRequestStartsOneAuthorisation(t *testing.T) {
	anew := func(t *testing.T, w *consenttest.World) consent.Consent {
		w.Change(func(b *profile.Bank) { b.Accounts.OlderHistory = profile.OlderByAuthorisation })
		return w.Given(t, consenttest.Everything(), "u1", nil)
	}
	start := consent.Start{RequestID: requestID, Body: []byte(`{}`)}
	story(t, "the second answer is the first authorisation as it stands now", func(t *testing.T, w *consenttest.World) {
		c := anew(t, w)
		first, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); err != nil || again.ID != first.ID {
			t.Errorf("got %s, %v; want %s", again.ID, err, first.ID)
		}
		if err := w.Authorisations.Success(t.Context(), "lon", core.Success{Session: first.Session, UserID: "u1", Token: "t2"}); err != nil {
			t.Fatal(err)
		}
		if again, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); err != nil || again.ID != first.ID || again.Status != "finalised" {
			t.Errorf("once it is over: got %s, %s, %v; want %s", again.ID, again.Status, err, first.ID)
		}
		w.Pass(24 * time.Hour)
		if next, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); err != nil || next.ID == first.ID {
			t.Errorf("after a day: %s, %v", next.ID, err)
		}
	})
	story(t, "another body or consent with the same X-Request-ID is refused", func(t *testing.T, w *consenttest.World) {
		c := anew(t, w)
		if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); err != nil {
			t.Fatal(err)
		}
		other := w.Given(t, oneOff(), "u1", nil)
		for name, start := range map[string]func() error{
			"body": func() error {
				_, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, consent.Start{RequestID: requestID, Body: []byte(`{ }`)})
				return err
			},
			"consent": func() error {
				_, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, other.ID, start)
				return err
			},
		} {
			var field *consent.FieldError
			if err := start(); !errors.As(err, &field) || field.Field != "X-Request-ID" {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	story(t, "one that the bank does not take does not use it up", func(t *testing.T, w *consenttest.World) {
		c := anew(t, w)
		w.Bank.Fail(core.ErrUnavailable)
		if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); !errors.Is(err, core.ErrUnavailable) {
			t.Fatal(err)
		}
		w.Bank.Fail(nil)
		if _, err := w.StartAuthorisation(t.Context(), w.At, consenttest.AISP, c.ID, start); err != nil {
			t.Error(err)
		}
		if s := w.Read(t, c.ID).Status; s != consent.Valid {
			t.Errorf("the consent is %s", s)
		}
	})
	story(t, "of eight at the same moment one begins, and the others are told of it", func(t *testing.T, w *consenttest.World) {
		c := anew(t, w)
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() {
				a, err := w.StartAuthorisation(context.Background(), w.At, consenttest.AISP, c.ID, start)
				if err != nil {
					t.Error(err)
				}
				ids[i] = a.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] || len(w.Bank.Asked()) != 2 {
				t.Fatalf("started %v; the bank was asked %d times", ids, len(w.Bank.Asked()))
			}
		}
	})
	story(t, "of eight different requests one begins", func(t *testing.T, w *consenttest.World) {
		c := anew(t, w)
		var wg sync.WaitGroup
		var mu sync.Mutex
		begun, refused := 0, 0
		for i := range 8 {
			wg.Go(func() {
				_, err := w.StartAuthorisation(context.Background(), w.At, consenttest.AISP, c.ID, consent.Start{RequestID: string(rune('a' + i))})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					begun++
				case errors.Is(err, consent.ErrStatus):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		if wg.Wait(); begun != 1 || refused != 7 {
			t.Errorf("%d begun, %d refused", begun, refused)
		}
	})
}

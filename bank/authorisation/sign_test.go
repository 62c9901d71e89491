package authorisation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

// A signable subject can have several signatures.
type signable struct{ subject }

func (s signable) Signed(ctx context.Context, _ authorisation.Authorisation, ok core.Success, _ time.Time) error {
	return s.note(ctx, "signed "+ok.UserID, 0)
}

func (s signable) Unsigned(ctx context.Context, _ authorisation.Authorisation, f core.Fail) error {
	return s.note(ctx, "unsigned "+f.Class, 0)
}

// A signing bank is asked for signatures, and for nothing else.
type signing struct {
	core.Bank
	err error
}

func (b signing) StartSignature(_ context.Context, r core.Signature) (*core.Update, error) {
	if b.err != nil {
		return nil, b.err
	}
	return &core.Update{RedirectURL: "https://bank.example/sign/" + r.Signs}, nil
}

// signed opens a world whose first signature is given.
func signed(t *testing.T, bank core.Bank, test func(t *testing.T, w world)) {
	t.Helper()
	each(t, authorisation.OfPayment, func(t *testing.T, w world) {
		w.Cores = map[string]core.Bank{"lon": bank}
		w.Subjects = map[authorisation.Kind]authorisation.Subject{authorisation.OfPayment: signable{subject{w.db, nil}}}
		if err := w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, UserID: "ana", Partly: true}); err != nil {
			t.Fatal(err)
		}
		test(t, w)
	})
}

func (w world) sign(ctx context.Context) (authorisation.Authorisation, error) {
	first, awaited, err := w.Awaited(ctx, "lon", authorisation.OfPayment, "c1")
	if err != nil || !awaited {
		return first, errors.Join(err, authorisation.ErrStatus)
	}
	a := w.New(authorisation.Start{Bank: "lon", Kind: authorisation.OfPayment, Subject: "c1", TPP: "PSDSI-BS-1234567", Timeout: 5 * time.Minute})
	return w.Sign(ctx, first, a, core.Signature{AppName: "Saldo"}, 0, func(context.Context) error { return nil })
}

func (w world) mustSign(t *testing.T) authorisation.Authorisation {
	t.Helper()
	a, err := w.sign(t.Context())
	if err != nil || a.BankURL != "https://bank.example/sign/"+w.a.Session {
		t.Fatalf("%+v, %v", a, err)
	}
	return a
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, w world) error // returns the last one's
		err  error
		told string
	}{
		{"the second one completes it", func(t *testing.T, w world) error {
			return w.Success(t.Context(), "lon", core.Success{Session: w.mustSign(t).Session, UserID: "bor", Token: "t1"})
		}, nil, "signed ana;progressed;authorised t1;"},
		{"a third one is needed, and has its own day", func(t *testing.T, w world) error {
			w.clock.set(noon.Add(23 * time.Hour))
			if err := w.Success(t.Context(), "lon", core.Success{Session: w.mustSign(t).Session, UserID: "bor", Partly: true}); err != nil {
				return err
			}
			w.clock.set(noon.Add(46 * time.Hour))
			return w.Success(t.Context(), "lon", core.Success{Session: w.mustSign(t).Session, UserID: "cilka"})
		}, nil, "signed ana;progressed;signed bor;progressed;authorised ;"},
		{"one that is told again is one", func(t *testing.T, w world) error {
			return w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, UserID: "ana", Partly: true})
		}, nil, "signed ana;"},
		{"a refusal ends it", func(t *testing.T, w world) error {
			other := w.mustSign(t)
			if err := w.Fail(t.Context(), "lon", core.Fail{Session: w.mustSign(t).Session, Class: authorisation.AccessDenied}); err != nil {
				return err
			}
			if _, err := w.sign(t.Context()); !errors.Is(err, authorisation.ErrStatus) {
				t.Errorf("got %v", err)
			}
			return w.Success(t.Context(), "lon", core.Success{Session: other.Session, UserID: "bor"})
		}, core.ErrSessionClosed, "signed ana;progressed;progressed;refused AccessDenied;"},
		{"the bank's word that it is rejected ends it", func(t *testing.T, w world) error {
			return w.Fail(t.Context(), "lon", core.Fail{Session: w.mustSign(t).Session, Class: "InsufficientFunds", Status: "RJCT"})
		}, nil, "signed ana;progressed;refused InsufficientFunds;"},
		{"what fails otherwise can be tried again", func(t *testing.T, w world) error {
			if err := w.Fail(t.Context(), "lon", core.Fail{Session: w.mustSign(t).Session, Class: "SignatureNotGiven"}); err != nil {
				return err
			}
			return w.Success(t.Context(), "lon", core.Success{Session: w.mustSign(t).Session, UserID: "bor"})
		}, nil, "signed ana;progressed;unsigned SignatureNotGiven;progressed;authorised ;"},
		{"one that nobody gives in time can be asked for again", func(t *testing.T, w world) error {
			w.mustSign(t)
			w.clock.set(noon.Add(5 * time.Minute))
			_, err := w.Sweep(t.Context())
			w.mustSign(t)
			return err
		}, nil, "signed ana;progressed;unsigned SessionExpired;progressed;"},
		{"when no more comes, it is over", func(t *testing.T, w world) error {
			w.clock.set(noon.Add(day - time.Second))
			last := w.mustSign(t)
			if end := noon.Add(day); !last.ExpiresAt.Equal(end) {
				t.Errorf("it may be given until %s", last.ExpiresAt)
			}
			w.clock.set(noon.Add(day))
			if _, err := w.sign(t.Context()); !errors.Is(err, authorisation.ErrStatus) {
				t.Errorf("got %v", err)
			}
			_, err := w.Sweep(t.Context())
			_, err2 := w.Sweep(t.Context())
			return errors.Join(err, err2)
		}, nil, "signed ana;progressed;unsigned SessionExpired;refused SessionExpired;"},
		{"what has ended waits for none", func(t *testing.T, w world) error {
			last := w.mustSign(t)
			if err := w.CloseAll(t.Context(), "lon", authorisation.OfPayment, "c1"); err != nil {
				return err
			}
			return w.Success(t.Context(), "lon", core.Success{Session: last.Session, UserID: "bor"})
		}, core.ErrSessionClosed, "signed ana;progressed;"},
		{"not more than ten are under way", func(t *testing.T, w world) error {
			for range 10 {
				w.mustSign(t)
			}
			_, err := w.sign(t.Context())
			return err
		}, authorisation.ErrStatus, "signed ana;progressed;progressed;progressed;progressed;progressed;progressed;progressed;progressed;progressed;progressed;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			signed(t, signing{}, func(t *testing.T, w world) {
				if err := tt.do(t, w); !errors.Is(err, tt.err) {
					t.Errorf("got %v", err)
				}
				if got := w.told(t); got != tt.told {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestASignatureThatTheBankDoesNotTakeCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	signed(t, signing{err: core.ErrUnavailable}, func(t *testing.T, w world) {
		if _, err := w.sign(t.Context()); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		w.Cores["lon"] = signing{}
		w.mustSign(t)
	})
}

// Of many who sign at the same moment, one completes it, and the others are told that it is over.
func TestTheLastSignatureIsTakenOnce(t *testing.T) {
	t.Parallel()
	signed(t, signing{}, func(t *testing.T, w world) {
		var all []authorisation.Authorisation
		for range 5 {
			all = append(all, w.mustSign(t))
		}
		var wg sync.WaitGroup
		var taken atomic.Int32
		for i, a := range all {
			wg.Go(func() {
				err := w.Success(context.Background(), "lon", core.Success{Session: a.Session, UserID: fmt.Sprint("psu-", i)})
				switch {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, core.ErrSessionClosed):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Errorf("%d were taken", taken.Load())
		}
	})
}

// What cannot have several signatures has failed when the bank says that it needs them.
func TestWhatCannotHaveSeveralSignatures(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfPayment, func(t *testing.T, w world) {
		if err := w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, Partly: true}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("got %v", err)
		}
		if got := w.told(t); got != "refused NotAccepted;" {
			t.Error(got)
		}
	})
}

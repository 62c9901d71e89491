package authorisation_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/kit/audit"
)

const code = "p7Vq0c2mXwz1Jt8sKfE4nLr6"

func codeHash(code string) []byte {
	hash := sha256.Sum256([]byte(code))
	return hash[:]
}

// toConfirm is an authorisation on the bank's pages that has to be confirmed.
func toConfirm(kind authorisation.Kind) authorisation.Authorisation {
	a := made(authorisation.Started)
	a.Kind, a.Approach, a.Confirm = kind, authorisation.Redirect, true
	return a
}

func TestHeldUntilConfirmed(t *testing.T) {
	t.Parallel()
	hold := core.Update{SCAStatus: "unconfirmed", CodeHash: codeHash(code)}
	for _, tt := range []struct {
		name   string
		change func(*authorisation.Authorisation)
		u      core.Update
		want   authorisation.Status
	}{
		{"on the bank's pages", nil, hold, authorisation.Unconfirmed},
		{"where no code is asked for, nobody could bring one", func(a *authorisation.Authorisation) { a.Confirm = false }, hold, authorisation.Started},
		{"a client of OAuth has a code already", func(a *authorisation.Authorisation) { a.OAuth = true }, hold, authorisation.Started},
		{"a PSU who stayed at the TPP need not come back", func(a *authorisation.Authorisation) { a.Approach = authorisation.Embedded }, hold, authorisation.Started},
		{"nor one who was asked on a device", func(a *authorisation.Authorisation) { a.Approach = authorisation.Decoupled }, hold, authorisation.Started},
		{"without the digest of a code", nil, core.Update{SCAStatus: "unconfirmed"}, authorisation.Started},
		{"with half a digest", nil, core.Update{SCAStatus: "unconfirmed", CodeHash: codeHash(code)[:16]}, authorisation.Started},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := toConfirm(authorisation.OfConsent)
			if tt.change != nil {
				tt.change(&a)
			}
			got, err := a.Update(noon, tt.u)
			if err != nil || got.Status != tt.want || (got.Status == authorisation.Unconfirmed) != (got.CodeHash != nil) {
				t.Errorf("got %s with %x, %v; want %s", got.Status, got.CodeHash, err, tt.want)
			}
			if got.Brings(code) != (tt.want == authorisation.Unconfirmed) || got.Brings("") || got.Brings("another") {
				t.Error("the code is not the one that confirms it")
			}
		})
	}
	t.Run("nothing that comes later changes the code, the time or the status", func(t *testing.T) {
		held, _ := toConfirm(authorisation.OfConsent).Update(noon, hold)
		later := noon.Add(time.Minute)
		for _, u := range []core.Update{
			{SCAStatus: "unconfirmed", CodeHash: codeHash("another")}, {SCAStatus: "received"}, {SCAStatus: "started"}, {ExpiresAt: later.Add(time.Hour)},
		} {
			if got, err := held.Update(later, u); err != nil || got.Status != authorisation.Unconfirmed || !got.Brings(code) || !got.ExpiresAt.Equal(held.ExpiresAt) {
				t.Errorf("%+v: got %+v, %v", u, got, err)
			}
		}
	})
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	held, err := toConfirm(authorisation.OfConsent).Update(noon, core.Update{SCAStatus: "unconfirmed", CodeHash: codeHash(code)})
	if err != nil {
		t.Fatal(err)
	}
	answered, right, err := held.Answer(noon, code)
	if err != nil || !right {
		t.Fatal(right, err)
	}
	failed, _, _ := held.Answer(noon, "another")
	for _, tt := range []struct {
		name  string
		a     authorisation.Authorisation
		after time.Duration
		code  string
		right bool
		err   error
		want  authorisation.Status
	}{
		{"the right code leaves the end to the bank", held, 0, code, true, nil, authorisation.Unconfirmed},
		{"it counts for five minutes", held, 5*time.Minute - 1, code, true, nil, authorisation.Unconfirmed},
		{"and not at their end", held, 5 * time.Minute, code, false, authorisation.ErrStatus, authorisation.Unconfirmed},
		{"nor when the authorisation is over", held, 6 * time.Minute, code, false, authorisation.ErrStatus, authorisation.Failed},
		{"a wrong one ends it", held, 0, "another", false, nil, authorisation.Failed},
		{"so does a part of it", held, 0, code[1:], false, nil, authorisation.Failed},
		{"and one that is too long", held, 0, code + "x", false, nil, authorisation.Failed},
		{"then the right one is too late", failed, 0, code, false, authorisation.ErrStatus, authorisation.Failed},
		{"the right one again, as the bank may not have answered", answered, 5*time.Minute + 1, code, true, nil, authorisation.Unconfirmed},
		{"a wrong one after the right one does no harm", answered, 0, "another", false, nil, authorisation.Unconfirmed},
		{"before SCA has succeeded there is nothing to confirm", toConfirm(authorisation.OfConsent), 0, code, false, authorisation.ErrStatus, authorisation.Started},
		{"nor where no code is asked for", made(authorisation.Started), 0, code, false, authorisation.ErrNotOffered, authorisation.Started},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := noon.Add(tt.after)
			got, right, err := tt.a.Answer(now, tt.code)
			if right != tt.right || !errors.Is(err, tt.err) || got.At(now).Status != tt.want {
				t.Errorf("got %s, %v, %v; want %s, %v, %v", got.At(now).Status, right, err, tt.want, tt.right, tt.err)
			}
		})
	}
}

func TestABankThatShouldHaveWaited(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind  authorisation.Kind
		taken bool
	}{
		{authorisation.OfConsent, false},
		{authorisation.OfPayment, true}, // it has moved money: whoever denied that would have it moved twice
		{authorisation.OfCancellation, true},
		{authorisation.OfBasket, true},
	} {
		a, _, err := toConfirm(tt.kind).Succeed(noon, core.Success{UserID: "u1", Token: "t1"})
		if tt.taken != (err == nil) || err != nil && (!errors.Is(err, authorisation.ErrNotAccepted) || a.Status == authorisation.Finalised) {
			t.Errorf("%s: got %s, %v", tt.kind, a.Status, err)
		}
	}
	exempted, err := func() (authorisation.Authorisation, error) {
		a := toConfirm(authorisation.OfConsent)
		a.BankURL = ""
		return a.Update(noon, core.Update{SCAStatus: "exempted"})
	}()
	if _, _, serr := exempted.Succeed(noon, core.Success{UserID: "u1", Token: "t1"}); err != nil || serr != nil {
		t.Errorf("what needed no SCA needs no confirmation: got %v, %v", err, serr)
	}
}

// A holder is a bank that holds what was approved, and counts what it is told.
type holder struct {
	core.Bank
	w                  *authorisation.Service
	confirmed, dropped atomic.Int32
	away               atomic.Bool
}

func (b *holder) Confirm(ctx context.Context, c core.Confirmation) (*core.Update, error) {
	switch {
	case b.away.Load():
		return nil, core.ErrUnavailable
	case !c.Confirmed:
		b.dropped.Add(1)
		return nil, nil
	}
	b.confirmed.Add(1)
	// It may be told twice, and reports twice.
	return &core.Update{SCAStatus: "finalised"}, b.w.Success(ctx, "lon", core.Success{Session: c.Session, UserID: "u1", Token: "t1"})
}

// A ledger is an audit log in memory.
type ledger struct {
	mu  sync.Mutex
	all []string
}

func (l *ledger) Append(_ context.Context, e audit.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprint(e.Actor, " ", e.Action, " ", e.Resource))
	return nil
}

// held gives w another authorisation, which waits for its code.
func (w *world) held(t *testing.T) (*holder, *ledger, authorisation.Authorisation) {
	t.Helper()
	bank, record := &holder{w: w.Service}, &ledger{}
	w.Cores, w.Audit = map[string]core.Bank{"lon": bank}, record
	if err := w.Store.Update(t.Context(), "lon", w.a.ID, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
		return a.Close(noon), nil
	}); err != nil {
		t.Fatal(err)
	}
	w.a = w.New(authorisation.Start{Bank: "lon", Kind: w.a.Kind, Subject: "c1", TPP: w.a.TPP, Confirm: true, Timeout: 15 * time.Minute})
	if err := w.Store.Create(t.Context(), w.a); err != nil {
		t.Fatal(err)
	}
	if err := w.Update(t.Context(), "lon", core.Update{Session: w.a.Session, SCAStatus: "unconfirmed", CodeHash: codeHash(code), RedirectURL: "https://bank.example/sca/1"}); err != nil {
		t.Fatal(err)
	}
	a, err := w.AwaitBack(t.Context(), "lon", w.a.ID, 0)
	if err != nil || a.Status != authorisation.Unconfirmed {
		t.Fatal(a.Status, err)
	}
	return bank, record, a
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	confirm := func(w world, a authorisation.Authorisation, code string) (authorisation.Authorisation, error) {
		return w.Confirm(context.Background(), a, code, "99391c7e-ad88-49ec-a2ad-000000000001", time.Second)
	}
	for _, tt := range []struct {
		name               string
		do                 func(t *testing.T, w world, bank *holder, a authorisation.Authorisation)
		told               string
		status             authorisation.Status
		confirmed, dropped int32
		record             []string
	}{
		{"the right code", func(t *testing.T, w world, _ *holder, a authorisation.Authorisation) {
			if got, err := confirm(w, a, code); err != nil || got.Status != authorisation.Finalised {
				t.Error(got.Status, err)
			}
			if _, err := confirm(w, a, code); !errors.Is(err, authorisation.ErrStatus) {
				t.Errorf("again: %v", err)
			}
		}, "progressed;authorised t1;", authorisation.Finalised, 1, 0,
			[]string{"bank authorisation.unconfirmed id4", "PSDSI-BS-1234567 authorisation.confirm id4", "bank authorisation.finalised id4"}},
		{"a wrong code", func(t *testing.T, w world, _ *holder, a authorisation.Authorisation) {
			if _, err := confirm(w, a, "another"); !errors.Is(err, authorisation.ErrCode) {
				t.Error(err)
			}
			if _, err := confirm(w, a, code); !errors.Is(err, authorisation.ErrStatus) {
				t.Errorf("the right one, later: %v", err)
			}
			if err := w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, Token: "t1"}); !errors.Is(err, core.ErrSessionClosed) {
				t.Errorf("a success all the same: %v", err)
			}
		}, "progressed;refused NotConfirmed;", authorisation.Failed, 0, 1,
			[]string{"bank authorisation.unconfirmed id4", "PSDSI-BS-1234567 authorisation.confirm.fail id4", "hub authorisation.failed id4"}},
		{"a bank that is away, and the code again", func(t *testing.T, w world, bank *holder, a authorisation.Authorisation) {
			bank.away.Store(true)
			if _, err := confirm(w, a, code); !errors.Is(err, core.ErrUnavailable) {
				t.Error(err)
			}
			bank.away.Store(false)
			if _, err := confirm(w, a, "another"); !errors.Is(err, authorisation.ErrCode) {
				t.Errorf("a wrong one in between: %v", err)
			}
			if got, err := confirm(w, a, code); err != nil || got.Status != authorisation.Finalised {
				t.Error(got.Status, err)
			}
		}, "progressed;authorised t1;", authorisation.Finalised, 1, 0, nil},
		{"nobody confirms", func(t *testing.T, w world, _ *holder, _ authorisation.Authorisation) {
			w.clock.set(noon.Add(6 * time.Minute))
			if n, err := w.Sweep(t.Context()); n != 1 || err != nil {
				t.Error(n, err)
			}
		}, "progressed;refused SessionExpired;", authorisation.Failed, 0, 0, nil},
		{"a TPP that hangs up has confirmed all the same", func(t *testing.T, w world, _ *holder, a authorisation.Authorisation) {
			ctx, cancel := context.WithCancel(t.Context())
			bank := w.Cores["lon"].(*holder)
			w.Cores["lon"] = &hangingUp{holder: bank, cancel: cancel}
			if got, err := w.Confirm(ctx, a, code, "", time.Second); err != nil || got.Status != authorisation.Finalised {
				t.Error(got.Status, err)
			}
		}, "progressed;authorised t1;", authorisation.Finalised, 1, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, authorisation.OfConsent, func(t *testing.T, w world) {
				bank, record, a := w.held(t)
				tt.do(t, w, bank, a)
				if got := w.told(t); got != tt.told || w.status(t) != tt.status {
					t.Errorf("got %q and %s; want %q and %s", got, w.status(t), tt.told, tt.status)
				}
				if bank.confirmed.Load() != tt.confirmed || bank.dropped.Load() != tt.dropped {
					t.Errorf("the bank was told %d times to go on and %d times to drop it", bank.confirmed.Load(), bank.dropped.Load())
				}
				if tt.record != nil && !slices.Equal(record.all, tt.record) {
					t.Errorf("recorded: %q; want %q", record.all, tt.record)
				}
			})
		})
	}
}

// A hangingUp lets the TPP hang up while the bank is asked.
type hangingUp struct {
	*holder
	cancel func()
}

func (b *hangingUp) Confirm(ctx context.Context, c core.Confirmation) (*core.Update, error) {
	b.cancel()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return b.holder.Confirm(ctx, c)
}

func TestAThousandGuessesAtOnceAreOneTry(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfPayment, func(t *testing.T, w world) {
		bank, _, a := w.held(t)
		var looked, other atomic.Int32
		var all sync.WaitGroup
		gate := make(chan struct{}, 16)
		for i := range 1000 {
			all.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				_, err := w.Confirm(context.Background(), a, fmt.Sprint("guess", i), "", 0)
				switch {
				case errors.Is(err, authorisation.ErrCode):
					looked.Add(1)
				case !errors.Is(err, authorisation.ErrStatus):
					other.Add(1)
					t.Errorf("guess %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if looked.Load() != 1 || w.status(t) != authorisation.Failed || bank.confirmed.Load() != 0 {
			t.Errorf("%d guesses were looked at, and it is %s", looked.Load(), w.status(t))
		}
		if _, err := w.Confirm(t.Context(), a, code, "", 0); !errors.Is(err, authorisation.ErrStatus) {
			t.Errorf("the right one, afterwards: %v", err)
		}
	})
}

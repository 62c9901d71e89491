package payment_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
)

// lost creates a payment of which nobody knows whether it arrived.
func (b *bench) lost(t *testing.T) (payment.Payment, authorisation.Authorisation) {
	t.Helper()
	b.bank.FirstUpdateWait = 10 * time.Millisecond
	b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrUnknownOutcome }
	p, a := b.create(t, "r1")
	b.answer = b.page
	if p.Status != payment.Received || b.starts.Load() != 1 {
		t.Fatalf("got %+v", p)
	}
	return p, a
}

func (b *bench) unknown(t *testing.T, want int) {
	t.Helper()
	all, err := b.Unknown(t.Context(), "lon", payment.Place{}, 100)
	if len(all) != want || err != nil {
		t.Errorf("%d payments of unknown fate, %v; want %d", len(all), err, want)
	}
}

func TestABankThatCannotBeAskedLeavesThePaymentPendingAndVisible(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.lost(t)
		b.unknown(t, 0) // it may still be on its way
		b.pass(time.Minute)
		b.sweep(t)
		b.unknown(t, 1)
		b.want(t, p.ID, payment.Received)
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, RedirectURL: "https://bank.example/sca/1"}); err != nil {
			t.Fatal(err)
		}
		b.unknown(t, 0) // the bank has spoken
		if b.starts.Load() != 1 {
			t.Errorf("it was sent %d times", b.starts.Load())
		}
	})
}

func TestABankThatHasThePaymentTellsHowItStands(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.lost(t)
		b.ask = func(session string) (*core.Update, error) {
			if session != a.Session {
				t.Errorf("asked for %s; want %s", session, a.Session)
			}
			return &core.Update{Status: "PDNG", RedirectURL: "https://bank.example/sca/7"}, nil
		}
		b.pass(time.Minute)
		b.sweep(t)
		b.want(t, p.ID, payment.Pending)
		b.unknown(t, 0)
		_, again := b.create(t, "r1")
		if again.BankURL != "https://bank.example/sca/7" || b.starts.Load() != 1 {
			t.Errorf("got %+v, sent %d times", again, b.starts.Load())
		}
	})
}

func TestWhatTheBankNeverGotIsHandedOverOnceMore(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.lost(t)
		b.ask = func(string) (*core.Update, error) { return nil, core.ErrPaymentUnknown }
		b.pass(time.Minute)
		var all sync.WaitGroup
		for range 8 {
			process := b.process()
			all.Go(func() {
				if err := process.Sweep(t.Context(), "lon"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if b.starts.Load() != 2 || b.order.Session == a.Session || b.order.PaymentID != p.ID || b.order.AppName != "Plačilo d.o.o." {
			t.Fatalf("sent %d times, at last %+v", b.starts.Load(), b.order)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); !errors.Is(err, core.ErrSessionUnknown) {
			t.Errorf("the session before: got %v", err)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: b.order.Session}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestWhatTheBankNeverGotIsNotHandedOverWhenItIsTooLate(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, _ := b.lost(t)
		b.ask = func(string) (*core.Update, error) { return nil, core.ErrPaymentUnknown }
		b.pass(time.Hour)
		b.sweep(t)
		b.want(t, p.ID, payment.Rejected)
		b.unknown(t, 0)
		if b.starts.Load() != 1 {
			t.Errorf("sent %d times", b.starts.Load())
		}
	})
}

func TestWhatABankTellsLateOfAPaymentThatItCannotBeAskedAbout(t *testing.T) {
	for _, tt := range []struct {
		name, status string
		want         payment.Status
		unknown      int
		then         payment.Status // when it says ACSC after that
	}{
		{"it never got it", "RJCT", payment.Rejected, 0, payment.Rejected},
		{"it has cancelled it, which has been told as a rejection", "CANC", payment.Rejected, 0, payment.Rejected},
		{"it has executed it", "ACSC", payment.Settled, 0, payment.Settled},
		{"it has it, and no money has moved yet", "ACTC", payment.Rejected, 0, payment.Settled},
		{"it says nothing", "", payment.Rejected, 1, payment.Settled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				p, a := b.lost(t)
				b.pass(time.Hour)
				b.sweep(t)
				b.want(t, p.ID, payment.Rejected)
				b.unknown(t, 1)
				if tt.status != "" {
					if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: tt.status}); err != nil {
						t.Fatal(err)
					}
				}
				b.want(t, p.ID, tt.want)
				b.unknown(t, tt.unknown)
				err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"})
				if refused := tt.want == tt.then; errors.Is(err, core.ErrSessionClosed) != refused {
					t.Errorf("ACSC after that: got %v", err)
				}
				b.want(t, p.ID, tt.then)
			})
		})
	}
}

func TestTheBankIsAskedBeforeAPaymentIsRejectedForWantOfTime(t *testing.T) {
	unavailable := fmt.Errorf("%w: no route", core.ErrUnavailable)
	for _, tt := range []struct {
		name   string
		answer *core.Update
		err    error
		later  time.Duration
		want   payment.Status
		sca    authorisation.Status
	}{
		{"it has executed it", &core.Update{Status: "ACSC"}, nil, 0, payment.Settled, authorisation.Finalised},
		{"the PSU has authorised it", &core.Update{SCAStatus: "finalised"}, nil, 0, payment.Settled, authorisation.Finalised},
		{"it waits for its day", &core.Update{Status: "ACTC"}, nil, 0, payment.TechnicallyAccepted, authorisation.Finalised},
		{"it has cancelled it", &core.Update{Status: "CANC"}, nil, 0, payment.Cancelled, authorisation.Failed},
		{"nobody has authorised it", &core.Update{Status: "RCVD"}, nil, 0, payment.Rejected, authorisation.Failed},
		{"it holds it, for she has not come back to the TPP", &core.Update{Status: "RCVD", SCAStatus: "unconfirmed"}, nil, 0, payment.Rejected, authorisation.Failed},
		{"it never got it", nil, core.ErrPaymentUnknown, 0, payment.Rejected, authorisation.Failed},
		{"it does not tell", nil, core.ErrNotOffered, 0, payment.Rejected, authorisation.Failed},
		{"it does not answer, yet", nil, unavailable, 0, payment.Received, authorisation.Failed},
		{"it has not answered for hours", nil, unavailable, 23 * time.Hour, payment.Received, authorisation.Failed},
		{"it has not answered for a day", nil, unavailable, 24 * time.Hour, payment.Rejected, authorisation.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				p, a := b.create(t, "r1")
				b.ask = func(string) (*core.Update, error) { return tt.answer, tt.err }
				b.pass(15*time.Minute + tt.later)
				b.want(t, p.ID, payment.Received)
				b.auths.Sweep(t.Context())
				b.want(t, p.ID, tt.want)
				if a, err := b.auths.Get(t.Context(), "lon", b.tpp.ID, authorisation.OfPayment, p.ID, a.ID); a.Status != tt.sca || err != nil {
					t.Errorf("SCA is %s, %v; want %s", a.Status, err, tt.sca)
				}
			})
		})
	}
}

// Confirm is heard of, perhaps, and never answered.
func (b *bench) Confirm(context.Context, core.Confirmation) (*core.Update, error) {
	return nil, core.ErrUnavailable
}

// A bank executes what was confirmed, and neither its answer nor its report arrives: a TPP that
// read of a rejection would pay once more.
func TestAConfirmationWhoseOutcomeIsLost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer *core.Update
		want   payment.Status
		sca    authorisation.Status
	}{
		{"it has executed the payment", &core.Update{Status: "ACSC"}, payment.Settled, authorisation.Finalised},
		{"it never heard of the code", &core.Update{Status: "RCVD", SCAStatus: "unconfirmed"}, payment.Rejected, authorisation.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.SCAConfirmation.Mode, b.auths.Cores = profile.ConfirmByCode, map[string]core.Bank{"lon": b}
				p, a := b.create(t, "r1")
				hash := sha256.Sum256([]byte("code"))
				if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, SCAStatus: "unconfirmed", CodeHash: hash[:]}); err != nil {
					t.Fatal(err)
				}
				b.ask = func(string) (*core.Update, error) { return tt.answer, nil }
				if _, err := b.auths.Confirm(t.Context(), a, "code", "", time.Millisecond); !errors.Is(err, core.ErrUnavailable) {
					t.Fatal(err)
				}
				b.want(t, p.ID, payment.Received)
				b.pass(6 * time.Minute)
				b.auths.Sweep(t.Context())
				b.want(t, p.ID, tt.want)
				if a, err := b.auths.Get(t.Context(), "lon", b.tpp.ID, authorisation.OfPayment, p.ID, a.ID); a.Status != tt.sca || err != nil {
					t.Errorf("SCA is %s, %v; want %s", a.Status, err, tt.sca)
				}
			})
		})
	}
}

func TestASuccessThatComesTooLate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer *core.Update
		err    error
		want   error
		status payment.Status
	}{
		{"counts when the bank has executed the payment", &core.Update{Status: "ACSC"}, nil, nil, payment.Settled},
		{"counts when the bank cannot be asked", nil, core.ErrNotOffered, nil, payment.Settled},
		{"does not when the bank does not know of it", &core.Update{Status: "RCVD"}, nil, core.ErrSessionExpired, payment.Rejected},
		{"waits for a bank that does not answer", nil, core.ErrUnavailable, core.ErrUnavailable, payment.Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				p, a := b.create(t, "r1")
				b.pass(time.Hour)
				b.sweep(t)
				b.want(t, p.ID, payment.Rejected)
				b.ask = func(string) (*core.Update, error) { return tt.answer, tt.err }
				for range 2 {
					if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}); !errors.Is(err, tt.want) {
						t.Errorf("got %v; want %v", err, tt.want)
					}
				}
				b.want(t, p.ID, tt.status)
			})
		})
	}
}

func TestAnEndThatTheBankTellsOfWhenItIsAskedStandsInTheRecord(t *testing.T) {
	for _, status := range []payment.Status{payment.Cancelled, payment.Rejected} {
		t.Run(string(status), func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				p, a := b.create(t, "r1")
				b.pass(15 * time.Minute)
				b.ask = func(string) (*core.Update, error) {
					return &core.Update{Status: string(status), SCAStatus: "finalised"}, nil
				}
				if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); err != nil {
					t.Fatal(err)
				}
				b.want(t, p.ID, status)
				want := map[payment.Status]string{payment.Cancelled: "payment.cancel ", payment.Rejected: "payment.reject "}[status]
				if got := b.actions(t, p.ID); strings.Count(got, want) != 1 {
					t.Errorf("recorded: %s", got)
				}
			})
		})
	}
}

func TestMoneyThatMovedCountsMoreThanTheClock(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		b.pass(time.Hour)
		b.sweep(t)
		for _, step := range []struct {
			status string
			err    error
			want   payment.Status
		}{
			{"ACTC", core.ErrSessionClosed, payment.Rejected}, // nothing has moved
			{"ACSP", nil, payment.InProcess},
			{"ACSC", nil, payment.Settled},
			{"ACTC", core.ErrSessionClosed, payment.Settled},
		} {
			if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: step.status}); !errors.Is(err, step.err) {
				t.Errorf("%s: got %v; want %v", step.status, err, step.err)
			}
			b.want(t, p.ID, step.want)
		}
	})
}

func TestWhatTheBankItselfRejectedStaysRejected(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		if err := b.auths.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "NoFunds", Status: "RJCT"}); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Hour)
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("got %v", err)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); !errors.Is(err, core.ErrSessionClosed) {
			t.Errorf("got %v", err)
		}
		b.want(t, p.ID, payment.Rejected)
	})
}

func TestTheCheckOfThePayeesNameIsToldWhereTheProfileHasIt(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, tt := range []struct {
			on   bool
			want payment.Status
		}{{false, payment.Received}, {true, payment.PayeeMismatched}} {
			bank := b.bank
			bank.Payments.PayeeVerification = tt.on
			b.Banks["lon"] = bank
			p, a := b.create(t, fmt.Sprint("r", tt.on))
			if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "RVCM"}); err != nil {
				t.Fatal(err)
			}
			b.want(t, p.ID, tt.want)
			if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); err != nil {
				t.Fatal(err)
			}
			b.want(t, p.ID, payment.Settled)
		}
	})
}

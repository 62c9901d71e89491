package payment_test

import (
	"context"
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
	"kontor/kit/day"
)

// CancelPayment is how a bank with the extension "cancellation" answers, where a test says so.
func (b *bench) CancelPayment(_ context.Context, c core.Cancellation) (*core.Update, error) {
	if b.cancelling == nil {
		return nil, core.ErrNotOffered
	}
	b.mu.Lock()
	b.cancels = append(b.cancels, c)
	b.mu.Unlock()
	return b.cancelling(c)
}

func (b *bench) cancel(t *testing.T, id, requestID string) (payment.Payment, *authorisation.Authorisation, error) {
	t.Helper()
	return b.Cancel(t.Context(), b.bank, b.tpp, "payments", "sepa-credit-transfers", id, payment.Start{RequestID: requestID})
}

// future creates a payment of next week, and authorises it.
func (b *bench) future(t *testing.T) (payment.Payment, authorisation.Authorisation) {
	t.Helper()
	r := creation("r1")
	r.Order.RequestedExecutionDate = day.Of(b.clock(), b.bank.Zone).AddDays(7)
	p, a, err := b.Create(t.Context(), b.bank, b.tpp, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}); err != nil {
		t.Fatal(err)
	}
	b.want(t, p.ID, payment.TechnicallyAccepted)
	return p, a
}

func cancelled(core.Cancellation) (*core.Update, error) { return &core.Update{Status: "CANC"}, nil }

func asksPSU(core.Cancellation) (*core.Update, error) {
	return &core.Update{RedirectURL: "https://bank.example/cancel/1"}, nil
}

func TestCancellingWhatNobodyHasAuthorised(t *testing.T) {
	for _, tt := range []struct {
		name       string
		cancelling func(core.Cancellation) (*core.Update, error)
		err        error
		want       payment.Status
	}{
		{"a bank that cancels nothing need not be told", nil, nil, payment.Cancelled},
		{"a bank that cancels it at once", cancelled, nil, payment.Cancelled},
		{"a bank that never got it", func(core.Cancellation) (*core.Update, error) { return nil, core.ErrPaymentUnknown }, nil, payment.Cancelled},
		{"a bank that refuses, because the PSU was faster", func(core.Cancellation) (*core.Update, error) { return nil, core.ErrRefused }, payment.ErrCancellation, payment.Received},
		{"a bank that cannot be reached", func(core.Cancellation) (*core.Update, error) { return nil, core.ErrUnavailable }, core.ErrUnavailable, payment.Received},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, tt.cancelling
				p, a := b.create(t, "r1")
				got, auth, err := b.cancel(t, p.ID, "d1")
				if !errors.Is(err, tt.err) || err == nil && (auth != nil || got.Status != payment.Cancelled) {
					t.Fatalf("got %s, %+v, %v; want %v", got.Status, auth, err, tt.err)
				}
				b.want(t, p.ID, tt.want)
				if tt.want != payment.Cancelled {
					b.cancelling = cancelled // the same request is heard anew
					if _, _, err := b.cancel(t, p.ID, "d1"); err != nil {
						t.Errorf("again: %v", err)
					}
					b.want(t, p.ID, payment.Cancelled)
				}
				if got, auth, err := b.cancel(t, p.ID, "d1"); got.Status != payment.Cancelled || auth != nil || err != nil {
					t.Errorf("repeated: %s, %+v, %v", got.Status, auth, err)
				}
				if _, _, err := b.cancel(t, p.ID, "d2"); !errors.Is(err, payment.ErrCancellation) {
					t.Errorf("another request: %v", err)
				}
				if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); !errors.Is(err, core.ErrSessionClosed) {
					t.Errorf("the PSU approves after that: %v", err)
				}
				b.want(t, p.ID, payment.Cancelled)
			})
		})
	}
}

func TestABankMayReportACancellationBeforeItAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		reports func(t *testing.T, b *bench, c core.Cancellation) error
	}{
		{"that the cancellation is done", func(t *testing.T, b *bench, c core.Cancellation) error {
			return errors.Join(b.auths.Update(t.Context(), "lon", core.Update{Session: c.Session, Status: "CANC", SCAStatus: "exempted"}),
				b.auths.Success(t.Context(), "lon", core.Success{Session: c.Session}))
		}},
		{"that the payment is cancelled", func(t *testing.T, b *bench, c core.Cancellation) error {
			return b.auths.Fail(t.Context(), "lon", core.Fail{Session: c.PaymentSession, Status: "CANC"})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.Payments.Cancellation = profile.CancelAuthorised
				b.cancelling = func(c core.Cancellation) (*core.Update, error) { return nil, tt.reports(t, b, c) }
				p, _ := b.create(t, "r1")
				got, auth, err := b.cancel(t, p.ID, "d1")
				if got.Status != payment.Cancelled || auth != nil || err != nil {
					t.Errorf("%s, %+v, %v", got.Status, auth, err)
				}
			})
		})
	}
}

func TestABankThatTakesNoteOfACancellation(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(b *bench, payment string, c core.Cancellation) error // what it reports before it answers
		want payment.Status
		page string
	}{
		{"and cancels it, which it says twice", func(b *bench, _ string, c core.Cancellation) error {
			return errors.Join(
				b.auths.Update(context.Background(), "lon", core.Update{Session: c.Session, Status: "CANC", SCAStatus: "exempted"}),
				b.auths.Success(context.Background(), "lon", core.Success{Session: c.Session}))
		}, payment.Cancelled, ""},
		{"and asks the PSU, who has approved the payment before we heard of it", func(b *bench, _ string, c core.Cancellation) error {
			return b.auths.Update(context.Background(), "lon", core.Update{Session: c.Session, RedirectURL: "https://bank.example/cancel/1"})
		}, payment.Received, "https://bank.example/cancel/1"},
		{"and tells of her approval only then", func(b *bench, session string, c core.Cancellation) error {
			return errors.Join(
				b.auths.Update(context.Background(), "lon", core.Update{Session: c.Session, RedirectURL: "https://bank.example/cancel/1"}),
				b.auths.Success(context.Background(), "lon", core.Success{Session: session}))
		}, payment.Settled, "https://bank.example/cancel/1"},
		{"and says nothing more for now", func(*bench, string, core.Cancellation) error { return nil }, payment.Received, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.Payments.Cancellation = profile.CancelAuthorised
				p, a := b.create(t, "r1")
				b.bank.FirstUpdateWait = 10 * time.Millisecond
				b.cancelling = func(c core.Cancellation) (*core.Update, error) { return nil, tt.then(b, a.Session, c) }
				got, auth, err := b.cancel(t, p.ID, "d1")
				if err != nil || got.Status != tt.want || (auth == nil) != (tt.want == payment.Cancelled) || auth != nil && auth.BankURL != tt.page {
					t.Fatalf("got %s, %+v, %v", got.Status, auth, err)
				}
				b.want(t, p.ID, tt.want)
				ends := strings.Count(b.actions(t, p.ID), "payment.cancel ")
				if want := map[bool]int{true: 1}[tt.want == payment.Cancelled]; ends != want {
					t.Errorf("the record has %d ends: %s", ends, b.actions(t, p.ID))
				}
			})
		})
	}
}

func TestTheOrderInWhichABankReportsACancellationDoesNotMatter(t *testing.T) {
	done := func(b *bench, a authorisation.Authorisation) error {
		return b.auths.Update(context.Background(), "lon", core.Update{Session: a.Session, Status: "CANC", SCAStatus: "finalised"})
	}
	success := func(b *bench, a authorisation.Authorisation) error {
		return b.auths.Success(context.Background(), "lon", core.Success{Session: a.Session, UserID: "psu-7"})
	}
	for _, tt := range []struct {
		name string
		told func(b *bench, paid, cancel authorisation.Authorisation) error
	}{
		{"its success alone", func(b *bench, _, cancel authorisation.Authorisation) error { return success(b, cancel) }},
		{"the status, then its success", func(b *bench, _, cancel authorisation.Authorisation) error {
			return errors.Join(done(b, cancel), success(b, cancel))
		}},
		{"the payment's status, then its success", func(b *bench, paid, cancel authorisation.Authorisation) error {
			return errors.Join(done(b, paid), done(b, cancel), success(b, cancel))
		}},
		{"its success, then the payment's status", func(b *bench, paid, cancel authorisation.Authorisation) error {
			return errors.Join(done(b, cancel), success(b, cancel), done(b, paid))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, asksPSU
				p, paid := b.future(t)
				_, auth, err := b.cancel(t, p.ID, "d1")
				if err != nil || auth == nil {
					t.Fatalf("%+v, %v", auth, err)
				}
				if err := tt.told(b, paid, *auth); err != nil && !errors.Is(err, core.ErrSessionFinalised) {
					t.Error(err)
				}
				b.want(t, p.ID, payment.Cancelled)
				if got, err := b.auths.Get(t.Context(), "lon", b.tpp.ID, authorisation.OfCancellation, p.ID, auth.ID); got.Status != authorisation.Finalised || err != nil {
					t.Errorf("the PSU has approved it, and it is %s, %v", got.Status, err)
				}
			})
		})
	}
}

func TestMoneyThatMovedCountsMoreThanACancellationThatTheBankWasNotTold(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation = profile.CancelDirect
		p, a := b.create(t, "r1")
		if _, _, err := b.cancel(t, p.ID, "d1"); err != nil {
			t.Fatal(err)
		}
		for status, want := range map[string]payment.Status{"ACTC": payment.Cancelled, "ACSC": payment.Settled} {
			if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: status}); (err == nil) != (want == payment.Settled) {
				t.Errorf("%s: %v", status, err)
			}
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestCancellingWhatWaitsForItsDay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, asksPSU
		p, a := b.future(t)
		got, auth, err := b.cancel(t, p.ID, "d1")
		if err != nil || auth == nil || got.Status != payment.TechnicallyAccepted || auth.BankURL != "https://bank.example/cancel/1" || auth.Kind != authorisation.OfCancellation {
			t.Fatalf("got %s, %+v, %v", got.Status, auth, err)
		}
		if c := b.cancels[0]; c.PaymentSession != a.Session || c.Session != auth.Session || c.PaymentID != p.ID || c.UserID != "psu-7" {
			t.Errorf("the bank was told %+v", c)
		}
		if _, again, err := b.cancel(t, p.ID, "d2"); err != nil || again == nil || again.ID != auth.ID || len(b.cancels) != 1 {
			t.Errorf("while it is under way: %+v, %v, told %d times", again, err, len(b.cancels))
		}
		// The PSU does not want to, after all.
		if err := b.auths.Fail(t.Context(), "lon", core.Fail{Session: auth.Session, Class: "AccessDenied"}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.TechnicallyAccepted)
		_, auth, err = b.cancel(t, p.ID, "d3")
		if err != nil || auth == nil {
			t.Fatal(auth, err)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: auth.Session}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Cancelled)
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Cancelled) // the bank has said that it is
	})
}

func TestACancellationThatThePSUForgetsLeavesThePayment(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, asksPSU
		p, a := b.future(t)
		if _, _, err := b.cancel(t, p.ID, "d1"); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Hour)
		b.sweep(t)
		b.want(t, p.ID, payment.TechnicallyAccepted)
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
		if _, _, err := b.cancel(t, p.ID, "d2"); !errors.Is(err, payment.ErrCancellation) {
			t.Errorf("what is settled: %v", err)
		}
	})
}

func TestAnExplicitCancellation(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, asksPSU
		p, _ := b.future(t)
		b.bank.StartAuthorisation = profile.Explicit
		got, auth, err := b.cancel(t, p.ID, "d1")
		if got.Status != payment.TechnicallyAccepted || auth != nil || err != nil || len(b.cancels) != 0 {
			t.Fatalf("got %s, %+v, %v", got.Status, auth, err)
		}
		start := func(id string) (authorisation.Authorisation, error) {
			return b.StartCancellation(t.Context(), b.bank, b.tpp, "payments", "sepa-credit-transfers", p.ID, payment.Start{RequestID: id})
		}
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { _, errs[i] = start(fmt.Sprint("s", i)) })
		}
		all.Wait()
		won := ""
		for i, err := range errs {
			if err == nil {
				won = fmt.Sprint("s", i)
			} else if !errors.Is(err, payment.ErrStatus) {
				t.Error(err)
			}
		}
		if len(b.cancels) != 1 {
			t.Fatalf("told %d times", len(b.cancels))
		}
		a, err := start(won)
		if err != nil || a.Session != b.cancels[0].Session {
			t.Errorf("repeated: %+v, %v", a, err)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Cancelled)
	})
}

func TestCancellingDirectly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation, b.cancelling = profile.CancelDirect, cancelled
		p, _ := b.future(t)
		if got, auth, err := b.cancel(t, p.ID, "d1"); got.Status != payment.Cancelled || auth != nil || err != nil {
			t.Fatalf("got %s, %+v, %v", got.Status, auth, err)
		}
		if got := b.actions(t, p.ID); got != "payment.create payment.authorise payment.cancel.start payment.cancel " {
			t.Errorf("recorded: %s", got)
		}
	})
}

func TestABankThatCancelsNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Cancellation = profile.CancelDirect
		p, _ := b.future(t)
		if _, _, err := b.cancel(t, p.ID, "d1"); !errors.Is(err, payment.ErrCancellation) {
			t.Errorf("by its connector: %v", err)
		}
		b.bank.Payments.Cancellation = profile.CancelNone
		if _, _, err := b.cancel(t, p.ID, "d1"); !errors.Is(err, payment.ErrService) {
			t.Errorf("by its profile: %v", err)
		}
		stranger := b.tpp
		stranger.ID = "PSDSI-BS-7654321"
		if _, _, err := b.Cancel(t.Context(), b.bank, stranger, "payments", "sepa-credit-transfers", p.ID, payment.Start{}); !errors.Is(err, payment.ErrUnknown) {
			t.Errorf("by a stranger: %v", err)
		}
		b.want(t, p.ID, payment.TechnicallyAccepted)
	})
}

// explicit creates a payment whose TPP starts SCA itself.
func (b *bench) explicit(t *testing.T) payment.Payment {
	t.Helper()
	b.bank.Baskets = profile.Baskets{Enabled: true, SizeMax: 10}
	r := creation("r1")
	r.Explicit = true
	p, a, err := b.Create(t.Context(), b.bank, b.tpp, r)
	if err != nil || a.ID != "" || b.starts.Load() != 0 || p.Hand != payment.Kept {
		t.Fatalf("got %+v, %+v, %v", p, a, err)
	}
	if again, a, err := b.Create(t.Context(), b.bank, b.tpp, r); again.ID != p.ID || a.ID != "" || err != nil {
		t.Fatalf("repeated: got %+v, %+v, %v", again, a, err)
	}
	return p
}

func (b *bench) start(t *testing.T, id, requestID string) (authorisation.Authorisation, error) {
	t.Helper()
	return b.StartAuthorisation(t.Context(), b.bank, b.tpp, "payments", "sepa-credit-transfers", id, payment.Start{RequestID: requestID, RedirectURI: "https://tpp.example/back"})
}

func TestAnExplicitStart(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		ids, errs := make([]string, 16), make([]error, 16)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				a, err := b.start(t, p.ID, "s1")
				ids[i], errs[i] = a.ID, err
			})
		}
		all.Wait()
		for i := range ids {
			if ids[i] != ids[0] || errs[i] != nil {
				t.Errorf("%d: got %s, %v; the first got %s", i, ids[i], errs[i], ids[0])
			}
		}
		if b.starts.Load() != 1 || b.order.PaymentID != p.ID {
			t.Fatalf("sent %d times, %+v", b.starts.Load(), b.order)
		}
		if _, err := b.start(t, p.ID, "s2"); !errors.Is(err, payment.ErrStatus) {
			t.Errorf("another start: %v", err)
		}
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: b.order.Session}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestAnExplicitStartThatDoesNotReachTheBank(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrUnavailable }
		if _, err := b.start(t, p.ID, "s1"); !errors.Is(err, core.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
		b.want(t, p.ID, payment.Received)
		b.answer = b.page
		a, err := b.start(t, p.ID, "s1")
		if err != nil || a.BankURL == "" {
			t.Fatalf("again: %+v, %v", a, err)
		}
	})
}

func TestAnExplicitStartThatTheBankRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrRefused }
		if _, err := b.start(t, p.ID, "s1"); !errors.Is(err, payment.ErrFailed) {
			t.Fatalf("got %v", err)
		}
		b.want(t, p.ID, payment.Rejected)
		if _, err := b.start(t, p.ID, "s2"); !errors.Is(err, payment.ErrStatus) {
			t.Errorf("again: %v", err)
		}
	})
}

func TestAPaymentWhoseTPPStartsSCAAtTheLastMinute(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		b.pass(24*time.Hour - time.Minute)
		a, err := b.start(t, p.ID, "s1")
		if err != nil || a.ExpiresAt.After(p.AuthoriseBy) {
			t.Errorf("at the last minute: %s, %v", a.ExpiresAt, err)
		}
	})
}

func TestAPaymentWhoseTPPStartsSCATooLate(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		b.pass(24 * time.Hour)
		b.want(t, p.ID, payment.Rejected)
		if _, err := b.start(t, p.ID, "s1"); !errors.Is(err, payment.ErrStatus) {
			t.Errorf("too late: %v", err)
		}
		if b.starts.Load() != 0 {
			t.Error("it was handed over")
		}
	})
}

func TestWhatTheBankDoesNotKnowIsCancelledAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.explicit(t)
		b.bank.Payments.Cancellation, b.cancelling = profile.CancelAuthorised, cancelled
		if got, auth, err := b.cancel(t, p.ID, "d1"); got.Status != payment.Cancelled || auth != nil || err != nil || len(b.cancels) != 0 {
			t.Fatalf("got %s, %+v, %v", got.Status, auth, err)
		}
		if _, err := b.start(t, p.ID, "s1"); !errors.Is(err, payment.ErrStatus) {
			t.Errorf("to start it: %v", err)
		}
	})
}

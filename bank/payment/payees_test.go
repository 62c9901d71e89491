package payment_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/kit/audit/auditsql"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// VerifyPayees is how most banks are: they verify none.
func (b *bench) VerifyPayees(ctx context.Context, q core.PayeeQuery) ([]core.PayeeResult, error) {
	if b.verify == nil {
		return nil, core.ErrNotOffered
	}
	return b.verify(ctx, q)
}

// verifies switches the verification of payees on, and lets the bank say match of each.
func (b *bench) verifies(match core.PayeeMatch, name string) *atomic.Int32 {
	var asked atomic.Int32
	b.bank.Payments.PayeeVerification = true
	b.Banks["lon"] = b.bank
	b.verify = func(_ context.Context, q core.PayeeQuery) ([]core.PayeeResult, error) {
		asked.Add(1)
		all := make([]core.PayeeResult, len(q.Payees))
		for i := range all {
			all[i] = core.PayeeResult{Match: match, Name: name}
		}
		return all, nil
	}
	return &asked
}

func TestPayeesAreVerifiedBeforeTheBankIsHandedThePayment(t *testing.T) {
	for _, tt := range []struct {
		match  core.PayeeMatch
		name   string
		want   payment.Status
		record string
	}{
		{core.PayeeMatches, "", payment.PayeeVerified, "match"},
		{core.PayeeClose, "Žiga Čebelica", payment.PayeeMismatched, "mismatch"},
		{core.PayeeDiffers, "", payment.PayeeMismatched, "mismatch"},
		{core.PayeeUnavailable, "", payment.PayeeNotVerified, "unavailable"},
	} {
		t.Run(string(tt.match), func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				var log bytes.Buffer
				b.Log = slog.New(slog.NewTextHandler(&log, nil))
				asked := b.verifies(tt.match, tt.name)
				b.answer = func(o core.PaymentOrder) (*core.Update, error) {
					if asked.Load() != 1 {
						t.Error("the bank was handed a payment whose payee was not verified")
					}
					return b.page(o)
				}
				p, a := b.create(t, "r1")
				if p.Status != tt.want {
					t.Errorf("got %s; want %s", p.Status, tt.want)
				}
				if got, want := b.order.Verified, (core.PayeeResult{Match: tt.match, Name: tt.name}); got != want {
					t.Errorf("the bank was told %+v; want %+v", got, want)
				}
				b.want(t, p.ID, tt.want)
				for _, step := range []struct{ status, want string }{{"RCVD", string(tt.want)}, {"ACTC", "ACTC"}, {"RVCM", "ACTC"}} {
					if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: step.status}); err != nil {
						t.Fatal(err)
					}
					b.want(t, p.ID, payment.Status(step.want))
				}
				if got, want := b.actions(t, p.ID), "payment.create payment.payees."+tt.record+" "; got != want {
					t.Errorf("recorded %s; want %s", got, want)
				}
				if strings.Contains(log.String(), "ebel") {
					t.Errorf("a name was logged: %s", log.String())
				}
			})
		})
	}
}

func TestABankThatDoesNotAnswerAboutPayeesStopsNoPayment(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for name, verify := range map[string]func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error){
			"it is away":            func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) { return nil, core.ErrUnavailable },
			"it verifies nobody":    func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) { return nil, core.ErrNotOffered },
			"it speaks of others":   func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) { return nil, core.ErrMalformed },
			"it answers too little": func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) { return nil, nil },
		} {
			b.verifies("", "")
			b.verify = verify
			p, _ := b.create(t, name)
			if p.Status != payment.PayeeNotVerified || b.order.Verified.Match != core.PayeeUnavailable {
				t.Errorf("%s: got %s, and the bank %+v", name, p.Status, b.order.Verified)
			}
		}
	})
}

func TestABankThatTakesItsTimeAboutPayeesIsWaitedForFiveSeconds(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		b := open(t, db)
		b.verifies("", "")
		b.verify = func(ctx context.Context, _ core.PayeeQuery) ([]core.PayeeResult, error) {
			end, ok := ctx.Deadline()
			if left := time.Until(end); !ok || left > 5*time.Second || left < 4*time.Second {
				t.Errorf("the bank has %s", left)
			}
			return nil, fmt.Errorf("%w: %w", core.ErrUnavailable, context.DeadlineExceeded)
		}
		if p, _ := b.create(t, "r1"); p.Status != payment.PayeeNotVerified {
			t.Errorf("got %s", p.Status)
		}
	})
}

func TestARepeatAsksNobodyAboutPayeesAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		asked := b.verifies(core.PayeeClose, "Žiga Čebelica")
		first, _ := b.create(t, "r1")
		again, _ := b.create(t, "r1")
		if again.ID != first.ID || again.Status != payment.PayeeMismatched || asked.Load() != 1 || b.starts.Load() != 1 {
			t.Errorf("got %s, %s after %d questions", again.ID, again.Status, asked.Load())
		}
		other := creation("r1")
		other.Body = []byte("something else")
		if _, _, err := b.Create(t.Context(), b.bank, b.tpp, other); !errors.Is(err, payment.ErrRequest) || asked.Load() != 1 {
			t.Errorf("another payment under the same ID: got %v after %d questions", err, asked.Load())
		}
		b.pass(25 * time.Hour)
		if late, _ := b.create(t, "r1"); late.ID == first.ID || asked.Load() != 2 {
			t.Errorf("a day later it is another payment: got %s after %d questions", late.ID, asked.Load())
		}
	})
}

func TestAPaymentWaitsForItsStartWithWhatWasFoundOut(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.StartAuthorisation = profile.Explicit
		asked := b.verifies(core.PayeeClose, "Žiga Čebelica")
		p := b.explicit(t)
		b.want(t, p.ID, payment.PayeeMismatched)
		if _, err := b.start(t, p.ID, "s1"); err != nil {
			t.Fatal(err)
		}
		if got := b.order.Verified; got.Name != "Žiga Čebelica" || asked.Load() != 1 {
			t.Errorf("the bank was told %+v after %d questions", got, asked.Load())
		}
		b.want(t, p.ID, payment.PayeeMismatched)
	})
}

func TestWhatIsHandedOverAnewSaysWhatWasFoundOut(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.verifies(core.PayeeClose, "Žiga Čebelica")
		b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrUnknownOutcome }
		p, _ := b.create(t, "r1")
		b.order = core.PaymentOrder{}
		b.answer, b.ask = b.page, func(string) (*core.Update, error) { return nil, core.ErrPaymentUnknown }
		b.pass(2 * time.Minute)
		b.sweep(t)
		if b.order.Verified.Name != "Žiga Čebelica" {
			t.Errorf("the bank was told %+v", b.order.Verified)
		}
		b.want(t, p.ID, payment.PayeeMismatched)
	})
}

func TestPayeesOfABulkAreVerifiedInOneQuestion(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.Payments.Products[payment.Bulk], b.bank.Payments.BulkMax = []string{"sepa-credit-transfers"}, 10
		b.verifies("", "")
		b.verify = func(_ context.Context, q core.PayeeQuery) ([]core.PayeeResult, error) {
			all := make([]core.PayeeResult, len(q.Payees))
			for i, p := range q.Payees {
				all[i].Match = core.PayeeMatches
				if p.Name == "Bor Kos" {
					all[i] = core.PayeeResult{Match: core.PayeeDiffers}
				}
			}
			return all, nil
		}
		c := creation("r1")
		one := c.Order
		one.DebtorAccount = core.AccountReference{}
		two := one
		two.CreditorName = "Bor Kos"
		c.Service, c.Order, c.Bulk = payment.Bulk, core.Payment{}, &core.Bulk{DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Payments: []core.Payment{one, two, one}}
		p, _, err := b.Create(t.Context(), b.bank, b.tpp, c)
		if err != nil || p.Status != payment.PayeeMismatched {
			t.Fatalf("got %s, %v", p.Status, err)
		}
		whole, err := b.Get(t.Context(), b.bank, b.tpp.ID, payment.Bulk, "sepa-credit-transfers", p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range [][]core.Payment{b.order.Bulk.Payments, whole.Bulk.Payments} {
			for i, want := range []payment.Status{payment.PayeeVerified, payment.PayeeMismatched, payment.PayeeVerified} {
				if got := payment.Verified(told[i].Verified); got != want {
					t.Errorf("%d: got %s; want %s", i, got, want)
				}
			}
		}
	})
}

func TestTheTPPIsNotifiedOfWhatIsFoundOutLater(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations, notifysql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		b := open(t, db)
		var told []string
		n := &notify.Service{
			Store: notifysql.Store{DB: db}, Now: b.clock, NewID: rand.Text, Log: slog.New(slog.DiscardHandler),
			Deliver: func(_ context.Context, _, _, _ string, body []byte) error {
				told = append(told, string(body))
				return nil
			},
		}
		b.Service.Notify, b.auths.Notify = n, n
		b.verifies(core.PayeeUnavailable, "")
		c := creation("r1")
		c.Notification = notify.Wish{URI: "https://tpp.example/hook", Content: []notify.Content{notify.Process}}
		p, a, err := b.Create(t.Context(), b.bank, b.tpp, c)
		if err != nil || p.Status != payment.PayeeNotVerified {
			t.Fatalf("got %s, %v", p.Status, err)
		}
		for _, status := range []string{"RCVD", "RCVC", "RVCM"} { // only one of them is a step forward
			if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: status}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := n.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.Wait()
		}
		if want := `{"paymentId":"` + p.ID + `","transactionStatus":"RCVC"}`; len(told) != 1 || told[0] != want {
			t.Errorf("told %s; want %s once: what the answer says needs no notice", told, want)
		}
	})
}

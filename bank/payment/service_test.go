package payment_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit/auditsql"
	"kontor/kit/money"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A bench is a Service on a real database, and a bank that does what the test says.
type bench struct {
	core.Bank // the rest of a bank is not asked
	*payment.Service
	auths *authorisation.Service
	audit auditsql.Log
	bank  profile.Bank
	tpp   tpp.TPP

	mu     sync.Mutex
	now    time.Time
	starts atomic.Int32
	order  core.PaymentOrder
	answer func(core.PaymentOrder) (*core.Update, error) // of StartPayment
	ask    func(session string) (*core.Update, error)    // of PaymentStatus

	cancelling func(core.Cancellation) (*core.Update, error) // of CancelPayment
	cancels    []core.Cancellation

	verify func(context.Context, core.PayeeQuery) ([]core.PayeeResult, error) // of VerifyPayees
}

func (b *bench) StartPayment(_ context.Context, o core.PaymentOrder) (*core.Update, error) {
	b.starts.Add(1)
	b.mu.Lock()
	b.order = o
	b.mu.Unlock()
	return b.answer(o)
}

// PaymentStatus is how most banks are: they do not tell.
func (b *bench) PaymentStatus(_ context.Context, session, _ string) (*core.Update, error) {
	if b.ask == nil {
		return nil, core.ErrNotOffered
	}
	return b.ask(session)
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// page is how a bank usually answers.
func (b *bench) page(o core.PaymentOrder) (*core.Update, error) {
	return &core.Update{RedirectURL: "https://bank.example/sca/1", Status: "RCVD"}, nil
}

func open(t *testing.T, db *sqldb.DB) *bench {
	zone, err := time.LoadLocation("Europe/Ljubljana")
	if err != nil {
		t.Fatal(err)
	}
	var ids atomic.Int32
	newID := func() string { return fmt.Sprintf("id%d", ids.Add(1)) }
	b := &bench{
		now: time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC), tpp: tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Plačilo d.o.o."},
		bank: profile.Bank{Code: "lon", Zone: zone, Profile: profile.Profile{
			SCATimeout: 15 * time.Minute, FirstUpdateWait: 10 * time.Second,
			Payments: profile.Payments{Enabled: true, FinalStatus: "ACSC", DaysAheadMax: 366, Products: map[string][]string{"payments": {"sepa-credit-transfers"}}},
		}},
		audit: auditsql.Log{DB: db},
	}
	b.answer = b.page
	b.auths = &authorisation.Service{Store: authorisationsql.Store{DB: db}, Atomically: db.Atomically, Now: b.clock, NewID: newID}
	b.Service = &payment.Service{
		Store: paymentsql.Store{DB: db}, Authorisations: b.auths, Cores: map[string]core.Bank{"lon": b}, Banks: map[string]profile.Bank{"lon": b.bank},
		Audit: b.audit, Atomically: db.Atomically, ReturnURL: func(bank, key string) string { return "https://hub.example/return/" + bank + "/" + key },
		Now: b.clock, NewID: newID, Log: slog.New(slog.DiscardHandler),
	}
	b.auths.Subjects = map[authorisation.Kind]authorisation.Subject{authorisation.OfPayment: b.Service, authorisation.OfCancellation: b.Service}
	return b
}

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Parallel()
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		test(t, open(t, db))
	})
}

func creation(requestID string) payment.Creation {
	return payment.Creation{
		Request: payment.Request{Service: "payments", Product: "sepa-credit-transfers", Order: core.Payment{
			DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Amount: money.Amount{Minor: 1250, Currency: "EUR"},
			CreditorName: "Žiga Čebela", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"},
		}},
		Start: payment.Start{
			RequestID: requestID, Body: []byte(`{"creditorName":"Žiga Čebela"}`), RedirectURI: "https://tpp.example/back",
			UserID: "psu-7", PSU: core.PSUContext{IPAddress: "192.0.2.7"},
		},
	}
}

func (b *bench) create(t *testing.T, requestID string) (payment.Payment, authorisation.Authorisation) {
	t.Helper()
	p, a, err := b.Create(t.Context(), b.bank, b.tpp, creation(requestID))
	if err != nil {
		t.Fatal(err)
	}
	return p, a
}

// sweep does what the hub does all the time.
func (b *bench) sweep(t *testing.T) {
	t.Helper()
	_, err := b.auths.Sweep(t.Context())
	if err := errors.Join(err, b.Sweep(t.Context(), "lon")); err != nil {
		t.Fatal(err)
	}
}

// status reads the payment as its TPP does.
func (b *bench) status(t *testing.T, id string) payment.Status {
	t.Helper()
	p, err := b.Get(t.Context(), b.bank, b.tpp.ID, "payments", "sepa-credit-transfers", id)
	if err != nil {
		t.Fatal(err)
	}
	return p.Status
}

func (b *bench) want(t *testing.T, id string, want payment.Status) {
	t.Helper()
	if got := b.status(t, id); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// actions lists what the audit record says of a resource.
func (b *bench) actions(t *testing.T, id string) (all string) {
	t.Helper()
	entries, err := b.audit.Of(t.Context(), "lon", id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all += e.Action + " "
	}
	return all
}

func TestAPaymentFromOrderToSettlement(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		if p.Status != payment.Received || a.BankURL != "https://bank.example/sca/1" || a.PSU != "psu-7" {
			t.Fatalf("got %+v, %+v", p, a)
		}
		if o := b.order; o.UserID != "psu-7" || o.PaymentID != p.ID || o.Session != a.Session || o.EndToEndID != payment.NotProvided || o.AppName != b.tpp.Name ||
			o.ReturnURL != "https://hub.example/return/lon/"+a.ReturnKey || o.PSU.IPAddress != "192.0.2.7" {
			t.Errorf("the bank got %+v", o)
		}
		for _, step := range []struct {
			report func() error
			want   payment.Status
		}{
			{func() error {
				return b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACTC", FundsAvailable: new(true), SCAStatus: "started"})
			}, payment.TechnicallyAccepted},
			{func() error {
				return b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"})
			}, payment.TechnicallyAccepted},
			{func() error {
				return b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"})
			}, payment.Settled},
		} {
			if err := step.report(); err != nil {
				t.Fatal(err)
			}
			b.want(t, p.ID, step.want)
		}
		b.want(t, p.ID, payment.Settled)
		if got := b.actions(t, p.ID); got != "payment.create payment.authorise " {
			t.Errorf("recorded: %s", got)
		}
		b.pass(time.Hour)
		if _, err := b.auths.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestASuccessAloneLeavesTheProfilesStatus(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}); err != nil {
			t.Fatal(err)
		}
		// The check of funds was under way at the same moment and comes late.
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "PDNG", FundsAvailable: new(true)}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestAPaymentThatThePSURefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for status, want := range map[string]payment.Status{"": payment.Rejected, "RJCT": payment.Rejected, "CANC": payment.Cancelled} {
			p, a := b.create(t, "r"+status)
			if err := b.auths.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "AccessDenied", Status: status}); err != nil {
				t.Fatal(err)
			}
			b.want(t, p.ID, want)
			err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"})
			if !errors.Is(err, core.ErrSessionClosed) {
				t.Errorf("a success after the end: got %v", err)
			}
			b.want(t, p.ID, want)
		}
	})
}

func TestAPaymentThatThePSUForgets(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		longer := b.clock().Add(20 * time.Minute)
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, ExpiresAt: longer}); err != nil {
			t.Fatal(err)
		}
		b.pass(20*time.Minute - time.Second)
		b.want(t, p.ID, payment.Received)
		b.pass(time.Second)
		b.want(t, p.ID, payment.Received) // the bank has not been asked yet
		for range 2 {
			if _, err := b.auths.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.want(t, p.ID, payment.Rejected)
		if got := b.actions(t, p.ID); got != "payment.create payment.reject " {
			t.Errorf("recorded: %s", got)
		}
	})
}

func TestAPaymentWithoutSCA(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.answer = func(o core.PaymentOrder) (*core.Update, error) {
			go b.auths.Update(context.Background(), "lon", core.Update{Session: o.Session, Status: "ACTC", SCAStatus: "exempted", FundsAvailable: new(true)})
			return nil, nil
		}
		p, a := b.create(t, "r1")
		if p.Status != payment.TechnicallyAccepted || a.Status != authorisation.Exempted || a.BankURL != "" || !p.FundsTold() {
			t.Fatalf("got %+v, %+v", p, a)
		}
		b.pass(time.Hour)
		b.want(t, p.ID, payment.TechnicallyAccepted)
		if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}); err != nil {
			t.Fatal(err)
		}
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "ACSC"}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Settled)
	})
}

func TestABankThatRejectsByAnUpdateEndsSCA(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, a := b.create(t, "r1")
		if err := b.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "RJCT"}); err != nil {
			t.Fatal(err)
		}
		b.want(t, p.ID, payment.Rejected)
		got, err := b.auths.Get(t.Context(), "lon", b.tpp.ID, authorisation.OfPayment, p.ID, a.ID)
		if got.Status != authorisation.Failed || err != nil {
			t.Errorf("got %s, %v", got.Status, err)
		}
	})
}

func TestABankThatRejectsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.answer = func(o core.PaymentOrder) (*core.Update, error) {
			return nil, b.auths.Fail(context.Background(), "lon", core.Fail{Session: o.Session, Class: "InsufficientFunds", Status: "RJCT"})
		}
		p, a := b.create(t, "r1")
		if p.Status != payment.Rejected || a.Status != authorisation.Failed {
			t.Errorf("got %s, %s", p.Status, a.Status)
		}
		again, _ := b.create(t, "r1")
		if again.ID != p.ID || b.starts.Load() != 1 {
			t.Errorf("a repeat started another: %s, %d", again.ID, b.starts.Load())
		}
	})
}

func TestABankThatDidNotTakeThePayment(t *testing.T) {
	for _, tt := range []struct {
		name        string
		cause, want error
	}{
		{"it could not be reached", fmt.Errorf("%w: connection refused", core.ErrUnavailable), core.ErrUnavailable},
		{"it refused", fmt.Errorf("%w: secret reason", core.ErrRefused), payment.ErrFailed},
		{"it takes no payments", core.ErrNotOffered, core.ErrNotOffered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, tt.cause }
				if _, _, err := b.Create(t.Context(), b.bank, b.tpp, creation("r1")); !errors.Is(err, tt.want) {
					t.Fatalf("got %v; want %v", err, tt.want)
				}
				refused := b.order.PaymentID
				b.want(t, refused, payment.Rejected)
				b.answer = b.page
				p, a := b.create(t, "r1") // the same request is heard anew
				if p.ID == refused || p.Status != payment.Received || a.BankURL == "" || b.starts.Load() != 2 {
					t.Errorf("got %+v", p)
				}
			})
		})
	}
}

func TestAPaymentOfUnknownOutcomeWaitsForTheBank(t *testing.T) {
	for _, cause := range []error{core.ErrUnknownOutcome, core.ErrMalformed, context.DeadlineExceeded, fmt.Errorf("%w: %w", core.ErrUnknownOutcome, core.ErrUnavailable)} {
		t.Run(cause.Error(), func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.bank.FirstUpdateWait = 10 * time.Millisecond
				b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, cause }
				p, a := b.create(t, "r1")
				if p.Status != payment.Received || a.BankURL != "" {
					t.Fatalf("got %+v, %+v", p, a)
				}
				b.pass(2 * time.Minute)
				if _, err := b.auths.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if again, _ := b.create(t, "r1"); again.ID != p.ID || again.Status != payment.Received || b.starts.Load() != 1 {
					t.Errorf("a repeat: got %s %s, %d times sent", again.ID, again.Status, b.starts.Load())
				}
				// It had arrived after all.
				if err := b.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}); err != nil {
					t.Fatal(err)
				}
				b.want(t, p.ID, payment.Settled)
			})
		})
	}
}

func TestTheTPPHangingUpDoesNotStopThePayment(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithCancel(t.Context())
		b.answer = func(o core.PaymentOrder) (*core.Update, error) {
			cancel()
			return b.page(o)
		}
		b.Create(ctx, b.bank, b.tpp, creation("r1"))
		p, a := b.create(t, "r1")
		if p.Status != payment.Received || a.BankURL == "" || b.starts.Load() != 1 {
			t.Errorf("got %+v, %+v", p, a)
		}
	})
}

func TestWhatAProcessLeftBehindIsNeverSentAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.bank.FirstUpdateWait = 10 * time.Millisecond
		b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrUnknownOutcome }
		p, a := b.create(t, "r1") // as a process leaves it that ends in the middle
		b.create(t, "r1")         // the TPP asks again
		if b.starts.Load() != 1 {
			t.Fatalf("%d times sent", b.starts.Load())
		}
		b.want(t, p.ID, payment.Received)
		b.pass(time.Hour)
		b.sweep(t)
		b.want(t, p.ID, payment.Rejected)
		auth, err := b.auths.Get(t.Context(), "lon", b.tpp.ID, authorisation.OfPayment, p.ID, a.ID)
		if auth.Status != authorisation.Failed || err != nil {
			t.Errorf("got %s, %v", auth.Status, err)
		}
	})
}

func TestATPPSeesOnlyItsOwnPayments(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p, _ := b.create(t, "r1")
		elsewhere := b.bank
		elsewhere.Code = "nlb"
		for _, tt := range []struct {
			name                 string
			bank                 profile.Bank
			tpp                  tpp.ID
			service, product, id string
			want                 error
		}{
			{"its own", b.bank, b.tpp.ID, "payments", "sepa-credit-transfers", p.ID, nil},
			{"another TPP's", b.bank, "PSDSI-BS-7654321", "payments", "sepa-credit-transfers", p.ID, payment.ErrUnknown},
			{"one that does not exist", b.bank, b.tpp.ID, "payments", "sepa-credit-transfers", "nothing", payment.ErrUnknown},
			{"no ID at all", b.bank, b.tpp.ID, "payments", "sepa-credit-transfers", "", payment.ErrUnknown},
			{"at another bank", elsewhere, b.tpp.ID, "payments", "sepa-credit-transfers", p.ID, payment.ErrUnknown},
			{"under a product that there is not", b.bank, b.tpp.ID, "payments", "cross-border-credit-transfers", p.ID, payment.ErrProduct},
			{"under a service that there is not", b.bank, b.tpp.ID, "bulk-payments", "sepa-credit-transfers", p.ID, payment.ErrService},
		} {
			got, err := b.Get(t.Context(), tt.bank, tt.tpp, tt.service, tt.product, tt.id)
			if !errors.Is(err, tt.want) || (err != nil && got.ID != "") {
				t.Errorf("%s: got %s, %v; want %v", tt.name, got.ID, err, tt.want)
			}
		}
	})
}

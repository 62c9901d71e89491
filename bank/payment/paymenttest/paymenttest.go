// Package paymenttest says in tests what every payment.Store must do.
package paymenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/kit/day"
	"kontor/kit/money"
)

// now is when everything happens.
var now = time.Date(2026, time.March, 2, 9, 30, 0, 123456000, time.UTC)

// New returns a payment with every field filled.
func New(id, requestID string) payment.Payment {
	return payment.Payment{
		Bank: "lon", ID: id, TPP: "PSDSI-BS-1234567", TPPName: "Plačilo d.o.o.", PSU: "psu-7", Service: "payments", Product: "sepa-credit-transfers",
		Order: core.Payment{
			EndToEndID: "E2E-1", DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438", Currency: "EUR"},
			Amount: money.Amount{Minor: 1250, Currency: "EUR"}, CreditorName: "Žiga Čebela", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"},
			CreditorAgent: "MUSTDEFF", CreditorAgentName: "Bank", CreditorAddress: &core.Address{StreetName: "Hauptstraße", Country: "DE"},
			Remittance: "Račun 42", RequestedExecutionDate: day.New(2026, time.March, 5), InstructionID: "I-1", DebtorName: "Ana Novak", UltimateDebtor: "Ana d.o.o.",
			CreditorID: "DE98ZZZ09999999999", UltimateCreditor: "Čebela", PurposeCode: "SALA", CategoryPurpose: "SALA", ChargeBearer: "SLEV",
			Structured:             &core.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR", ReferenceIssuer: "ISO"},
			RequestedExecutionTime: now,
			Verified:               core.PayeeResult{Match: core.PayeeClose, Name: "Žiga Čebelica"},
		},
		Brand: "Plačilko", RejectNoFunds: true, Hand: payment.Sending, HandedAt: now, Session: "s-" + id, Unconfirmed: true, CancelRequest: "d1", Basket: "b1",
		Status: payment.Received, Payees: payment.PayeeMismatched, RequestID: requestID, Digest: [32]byte{1, 2, 31: 9},
		CreatedAt: now, AuthoriseBy: now.Add(15 * time.Minute),
	}
}

// Exercise runs the suite on stores that open makes, each of them empty.
func Exercise(t *testing.T, open func(t *testing.T) payment.Store) {
	ctx := context.Background()
	long := now.Add(-24 * time.Hour)
	create := func(t *testing.T, s payment.Store, p payment.Payment) {
		t.Helper()
		if err := s.Create(ctx, p, long); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("what is created reads the same", func(t *testing.T) {
		s, p := open(t), New("p1", "r1")
		create(t, s, p)
		got, err := s.Get(ctx, "lon", "p1")
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(day.Day{})); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		got, err = s.ByRequest(ctx, "lon", p.TPP, "r1")
		if got.ID != "p1" || err != nil {
			t.Fatalf("got %s, %v", got.ID, err)
		}
	})

	t.Run("a bulk and its document read the same, byte for byte", func(t *testing.T) {
		s, p := open(t), New("p1", "r1")
		one := p.Order
		one.DebtorAccount, one.RequestedExecutionDate, one.RequestedExecutionTime = core.AccountReference{}, day.Day{}, time.Time{}
		p.Service, p.Order = payment.Bulk, core.Payment{}
		p.Bulk = &core.Bulk{
			DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, DebtorName: "Ana Novak", BatchBooking: new(false),
			RequestedExecutionDate: day.New(2026, time.March, 5), RequestedExecutionTime: now, PaymentInformationID: "PMT-1",
			Payments: slices.Repeat([]core.Payment{one}, 100),
		}
		p.Bulk.Payments[99].Amount.Minor = 1
		p.Count = 100
		p.Document = payment.Document{Media: "application/xml", Bytes: []byte("\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n\x00\xff")}
		create(t, s, p)
		got, err := s.Get(ctx, "lon", "p1")
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(day.Day{})); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		outline := p
		head := *p.Bulk
		head.Payments, outline.Bulk, outline.Document = nil, &head, payment.Document{}
		for name, get := range map[string]func() (payment.Payment, error){
			"Outline":   func() (payment.Payment, error) { return s.Outline(ctx, "lon", "p1") },
			"ByRequest": func() (payment.Payment, error) { return s.ByRequest(ctx, "lon", p.TPP, "r1") },
		} {
			got, err := get()
			if diff := cmp.Diff(outline, got, cmp.AllowUnexported(day.Day{})); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", name, err, diff)
			}
		}
		// The account that the PSU chose is the bulk's.
		chosen := core.AccountReference{IBAN: "SI56020170014356205"}
		err = s.Update(ctx, "lon", "p1", func(p payment.Payment) (payment.Payment, error) { p.Bulk.DebtorAccount = chosen; return p, nil })
		if got, gerr := s.Get(ctx, "lon", "p1"); err != nil || gerr != nil || got.Bulk.DebtorAccount != chosen || len(got.Bulk.Payments) != 100 {
			t.Errorf("%v, %v: got %+v, %d payments", err, gerr, got.Bulk.DebtorAccount, len(got.Bulk.Payments))
		}
	})

	t.Run("how the payments of a bulk stand is kept until more is told", func(t *testing.T) {
		s, p := open(t), New("p1", "r1")
		p.Service, p.Order, p.Bulk, p.Count = payment.Bulk, core.Payment{}, &core.Bulk{Payments: make([]core.Payment, 3)}, 3
		create(t, s, p)
		first := &core.ItemStatuses{Told: []core.ItemStatus{{Index: 0, Status: "ACSC"}, {Index: 2, Status: "RJCT", Reason: "AC04"}}}
		second := &core.ItemStatuses{Told: []core.ItemStatus{{Index: 2, Status: "RJCT", Reason: "AC04"}}, Others: "ACSC"}
		for i, step := range []struct {
			told  *core.ItemStatuses
			ended bool
			want  *core.ItemStatuses
		}{{nil, false, nil}, {first, false, first}, {nil, false, first}, {second, true, second}, {second, true, second}} {
			err := s.Update(ctx, "lon", "p1", func(p payment.Payment) (payment.Payment, error) {
				if p.Items != nil {
					t.Error("an update is given more than an outline")
				}
				p.Items, p.ItemsEnded = step.told, step.ended
				return p, nil
			})
			got, gerr := s.Get(ctx, "lon", "p1")
			if diff := cmp.Diff(step.want, got.Items); diff != "" || err != nil || gerr != nil || got.ItemsEnded != step.ended {
				t.Errorf("step %d: %v, %v, ended %t\n%s", i, err, gerr, got.ItemsEnded, diff)
			}
		}
		broken := errors.New("broken")
		err := s.Update(ctx, "lon", "p1", func(p payment.Payment) (payment.Payment, error) { p.Items = first; return p, broken })
		if got, gerr := s.Get(ctx, "lon", "p1"); !errors.Is(err, broken) || gerr != nil || got.Items.Others != "ACSC" {
			t.Errorf("%v, %v, %+v", err, gerr, got.Items)
		}
	})

	t.Run("a series reads the same", func(t *testing.T) {
		s, p := open(t), New("p1", "r1")
		p.Service = payment.Periodic
		p.Periodic = &core.Periodic{
			StartDate: day.New(2026, time.March, 5), EndDate: day.New(2027, time.March, 5), Frequency: "MonthlyVariable", ExecutionRule: "preceding",
			DayOfExecution: "31", MonthsOfExecution: []string{"3", "12"},
		}
		create(t, s, p)
		got, err := s.Get(ctx, "lon", "p1")
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(day.Day{})); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
	})

	t.Run("what is being handed over is found, the oldest first", func(t *testing.T) {
		s := open(t)
		for i, hand := range []payment.Hand{payment.Sending, payment.Taken, payment.Sending, payment.Kept, payment.Sending} {
			p := New(fmt.Sprint("p", i), fmt.Sprint("r", i))
			p.Hand, p.HandedAt = hand, now.Add(-time.Duration(i)*time.Minute)
			create(t, s, p)
		}
		twin := New("p5", "r5") // as old as p4
		twin.Hand, twin.HandedAt = payment.Sending, now.Add(-4*time.Minute)
		create(t, s, twin)
		for _, tt := range []struct {
			bank   string
			before time.Time
			after  payment.Place
			limit  int
			want   string
		}{
			{"lon", now, payment.Place{}, 10, "p4 p5 p2 p0"},
			{"lon", now.Add(-time.Minute), payment.Place{}, 10, "p4 p5 p2"},
			{"lon", now.Add(-4*time.Minute - time.Microsecond), payment.Place{}, 10, ""},
			{"lon", now, payment.Place{}, 1, "p4"},
			{"lon", now, payment.Place{HandedAt: now.Add(-4 * time.Minute), ID: "p4"}, 2, "p5 p2"},
			{"lon", now, payment.Place{HandedAt: now.Add(-4 * time.Minute), ID: "p5"}, 10, "p2 p0"},
			{"lon", now, payment.Place{HandedAt: now, ID: "p0"}, 10, ""},
			{"nlb", now, payment.Place{}, 10, ""},
		} {
			all, err := s.Unsettled(ctx, tt.bank, tt.before, tt.after, tt.limit)
			var ids []string
			for _, p := range all {
				ids = append(ids, p.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want || err != nil {
				t.Errorf("%s before %s: got %q, %v; want %q", tt.bank, tt.before, got, err, tt.want)
			}
		}
	})

	t.Run("another bank, another TPP and another ID know nothing of it", func(t *testing.T) {
		s := open(t)
		create(t, s, New("p1", "r1"))
		for _, get := range []func() (payment.Payment, error){
			func() (payment.Payment, error) { return s.Get(ctx, "nlb", "p1") },
			func() (payment.Payment, error) { return s.Get(ctx, "lon", "p2") },
			func() (payment.Payment, error) { return s.ByRequest(ctx, "nlb", "PSDSI-BS-1234567", "r1") },
			func() (payment.Payment, error) { return s.ByRequest(ctx, "lon", "PSDSI-BS-7654321", "r1") },
			func() (payment.Payment, error) { return s.ByRequest(ctx, "lon", "PSDSI-BS-1234567", "r2") },
		} {
			if p, err := get(); !errors.Is(err, payment.ErrUnknown) {
				t.Errorf("got %s, %v", p.ID, err)
			}
		}
	})

	t.Run("the same request creates once, for each TPP and bank", func(t *testing.T) {
		s := open(t)
		create(t, s, New("p1", "r1"))
		if err := s.Create(ctx, New("p2", "r1"), long); !errors.Is(err, payment.ErrRepeated) {
			t.Fatalf("got %v", err)
		}
		if _, err := s.Get(ctx, "lon", "p2"); !errors.Is(err, payment.ErrUnknown) {
			t.Errorf("the repeated one was stored: %v", err)
		}
		other := New("p3", "r1")
		other.TPP = "PSDSI-BS-7654321"
		create(t, s, other)
		other = New("p4", "r1")
		other.Bank = "nlb"
		create(t, s, other)
	})

	t.Run("a request that is old enough can be made anew", func(t *testing.T) {
		s := open(t)
		create(t, s, New("p1", "r1"))
		if err := s.Create(ctx, New("p2", "r1"), now.Add(-time.Microsecond)); !errors.Is(err, payment.ErrRepeated) {
			t.Fatalf("just young enough: got %v", err)
		}
		if err := s.Create(ctx, New("p2", "r1"), now); err != nil {
			t.Fatal(err)
		}
		p, err := s.ByRequest(ctx, "lon", "PSDSI-BS-1234567", "r1")
		if p.ID != "p2" || err != nil {
			t.Errorf("got %s, %v", p.ID, err)
		}
		if p, err := s.Get(ctx, "lon", "p1"); p.RequestID != "" || err != nil {
			t.Errorf("the old one still claims %q, %v", p.RequestID, err)
		}
	})

	t.Run("of many same requests at once exactly one creates", func(t *testing.T) {
		s := open(t)
		const n = 64
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = s.Create(ctx, New(fmt.Sprintf("p%d", i), "r1"), long) })
		}
		wg.Wait()
		created := 0
		for i, err := range errs {
			switch {
			case err == nil:
				created++
			case !errors.Is(err, payment.ErrRepeated):
				t.Errorf("%d: %v", i, err)
			}
		}
		if created != 1 {
			t.Errorf("%d were created", created)
		}
	})

	t.Run("an update changes what lives", func(t *testing.T) {
		s, p := open(t), New("p1", "r1")
		p.Order.DebtorAccount = core.AccountReference{}
		create(t, s, p)
		p.PSU, p.Status, p.FundsAvailable, p.RequestID = "psu-8", payment.Settled, new(false), ""
		p.AuthoriseBy, p.Hand, p.HandedAt, p.Session = time.Time{}, payment.Taken, now.Add(time.Hour), "another"
		p.Unconfirmed, p.CancelRequest = false, "d2"
		p.Order.DebtorAccount = core.AccountReference{IBAN: "SI56191000000123438"}
		if err := s.Update(ctx, "lon", "p1", func(payment.Payment) (payment.Payment, error) { return p, nil }); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, "lon", "p1")
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(day.Day{})); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		create(t, s, New("p2", "r1")) // its request is free
	})

	t.Run("an update that fails stores nothing", func(t *testing.T) {
		s := open(t)
		create(t, s, New("p1", "r1"))
		broken := errors.New("broken")
		err := s.Update(ctx, "lon", "p1", func(p payment.Payment) (payment.Payment, error) {
			p.Status = payment.Settled
			return p, broken
		})
		if p, gerr := s.Get(ctx, "lon", "p1"); !errors.Is(err, broken) || p.Status != payment.Received || gerr != nil {
			t.Errorf("got %v, then %s, %v", err, p.Status, gerr)
		}
		if err := s.Update(ctx, "lon", "p9", func(p payment.Payment) (payment.Payment, error) { return p, nil }); !errors.Is(err, payment.ErrUnknown) {
			t.Errorf("unknown: got %v", err)
		}
	})

	t.Run("updates at the same moment all count", func(t *testing.T) {
		s := open(t)
		create(t, s, New("p1", "r1"))
		const n = 8
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				err := s.Update(ctx, "lon", "p1", func(p payment.Payment) (payment.Payment, error) {
					p.AuthoriseBy = p.AuthoriseBy.Add(time.Minute)
					return p, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if p, err := s.Get(ctx, "lon", "p1"); !p.AuthoriseBy.Equal(now.Add((15+n)*time.Minute)) || err != nil {
			t.Errorf("got %s, %v", p.AuthoriseBy, err)
		}
	})
}

package payment_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/kit/day"
)

func TestOfManySameRequestsExactlyOneReachesTheBank(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.answer = func(o core.PaymentOrder) (*core.Update, error) {
			time.Sleep(20 * time.Millisecond)
			return b.page(o)
		}
		const n = 64
		ids, urls, errs := make([]string, n), make([]string, n), make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				p, a, err := b.Create(context.Background(), b.bank, b.tpp, creation("r1"))
				ids[i], urls[i], errs[i] = p.ID+" "+a.ID, a.BankURL, err
			})
		}
		wg.Wait()
		for i := range n {
			if errs[i] != nil || ids[i] != ids[0] || urls[i] != "https://bank.example/sca/1" {
				t.Errorf("%d: got %s %s, %v; the first got %s", i, ids[i], urls[i], errs[i], ids[0])
			}
		}
		if got := b.starts.Load(); got != 1 {
			t.Errorf("the bank was asked %d times", got)
		}
	})
}

func TestARepeatedRequest(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		first, a := b.create(t, "r1")
		if again, auth := b.create(t, "r1"); again.ID != first.ID || auth.ID != a.ID {
			t.Errorf("the same again: got %s; want %s", again.ID, first.ID)
		}
		other := creation("r1")
		other.Body = []byte(`{}`)
		if _, _, err := b.Create(t.Context(), b.bank, b.tpp, other); !errors.Is(err, payment.ErrRequest) {
			t.Errorf("another body: got %v", err)
		}
		stranger := b.tpp
		stranger.ID = "PSDSI-BS-7654321"
		if p, _, err := b.Create(t.Context(), b.bank, stranger, creation("r1")); p.ID == first.ID || err != nil {
			t.Errorf("another TPP: got %s, %v", p.ID, err)
		}
		b.pass(24*time.Hour - time.Second)
		if again, _ := b.create(t, "r1"); again.ID != first.ID {
			t.Errorf("before a day is over: got %s", again.ID)
		}
		b.pass(time.Second)
		if again, _ := b.create(t, "r1"); again.ID == first.ID {
			t.Error("after a day the request is a new one")
		}
		b.sweep(t)
		b.want(t, first.ID, payment.Rejected) // nobody authorised it
	})
}

func TestARepeatIsHeardThoughItsDateHasPassed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		r := creation("r1")
		r.Order.RequestedExecutionDate = day.Of(b.clock(), b.bank.Zone)
		first, _, err := b.Create(t.Context(), b.bank, b.tpp, r)
		if err != nil {
			t.Fatal(err)
		}
		b.pass(20 * time.Hour)
		again, _, err := b.Create(t.Context(), b.bank, b.tpp, r)
		if again.ID != first.ID || err != nil {
			t.Errorf("got %s, %v", again.ID, err)
		}
		r.RequestID = "r2"
		if _, _, err := b.Create(t.Context(), b.bank, b.tpp, r); !errors.Is(err, payment.ErrExecutionDate) {
			t.Errorf("a new one: got %v", err)
		}
	})
}

func TestARepeatedBulkIsRecognisedByItsBytes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		products := map[string][]string{payment.Single: {"sepa-credit-transfers"}, payment.Bulk: {"pain.001-sepa-credit-transfers"}}
		b.bank.Payments.Products, b.bank.Payments.BulkMax = products, 10_000
		one := creation("").Order
		one.DebtorAccount = core.AccountReference{}
		r := creation("r1")
		r.Service, r.Product, r.Order = payment.Bulk, "pain.001-sepa-credit-transfers", core.Payment{}
		r.Bulk = &core.Bulk{DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Payments: slices.Repeat([]core.Payment{one}, 10_000)}
		r.Document = payment.Document{Media: "application/xml", Bytes: bytes.Repeat([]byte("<CdtTrfTxInf/>"), 500_000)} // 7 MB
		r.Body = r.Document.Bytes
		first, _, err := b.Create(t.Context(), b.bank, b.tpp, r)
		if err != nil || len(b.order.Bulk.Payments) != 10_000 {
			t.Fatalf("%v; the bank got %+v", err, b.order.Bulk)
		}
		if b.order.Product != "sepa-credit-transfers" {
			t.Errorf("the bank is asked for %s: it does not know that it was ordered by XML", b.order.Product)
		}
		again, _, err := b.Create(t.Context(), b.bank, b.tpp, r)
		if again.ID != first.ID || err != nil || b.starts.Load() != 1 {
			t.Errorf("again: %s, %v", again.ID, err)
		}
		read, err := b.Get(t.Context(), b.bank, b.tpp.ID, r.Service, r.Product, first.ID)
		if err != nil || !bytes.Equal(read.Document.Bytes, r.Body) || len(read.Bulk.Payments) != 10_000 {
			t.Errorf("read: %v, %d bytes", err, len(read.Document.Bytes))
		}
		r.Body = slices.Clone(r.Body)
		r.Body[len(r.Body)-1] = ' '
		if _, _, err := b.Create(t.Context(), b.bank, b.tpp, r); !errors.Is(err, payment.ErrRequest) {
			t.Errorf("one byte of seven million: %v", err)
		}
	})
}

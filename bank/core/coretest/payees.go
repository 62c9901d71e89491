package coretest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"kontor/bank/core"
)

func payees(t *testing.T, w *world) {
	const many = 500 // too long for a header
	named := func(name string) core.Payee { return core.Payee{Name: name, Account: w.Account} }
	q := core.PayeeQuery{TPP: "PSDDE-BAFIN-12345", Payees: []core.Payee{
		named("Somebody Else Entirely"), named(w.Holder), named(w.Nearly),
		{Name: w.Holder, Account: core.AccountReference{IBAN: "NO9386011117947"}, Agent: "DNBANOKK"}, // kept nowhere near
	}}
	want := []core.PayeeResult{{Match: core.PayeeDiffers}, {Match: core.PayeeMatches}, {Match: core.PayeeClose, Name: w.Holder}, {Match: core.PayeeUnavailable}}
	got, err := w.Bank.VerifyPayees(w.ctx, core.PayeeQuery{TPP: q.TPP, Payees: []core.Payee{named(cmp.Or(w.Holder, "Ana Novak"))}})
	if !slices.Contains(w.Offers, Payees) {
		w.is(err, core.ErrNotOffered)
		return
	}
	w.must(err)
	if !slices.Equal(got, want[1:2]) {
		t.Errorf("alone: got %+v", got)
	}
	for i := range many {
		q.Payees, want = append(q.Payees, named(fmt.Sprintf("Payee Number %d", i))), append(want, core.PayeeResult{Match: core.PayeeDiffers})
	}
	got, err = w.Bank.VerifyPayees(w.ctx, q)
	w.must(err)
	for i, r := range want {
		if i >= len(got) || got[i] != r {
			t.Fatalf("%d: got %+v; want %+v in the order of the question", i, got, r)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d results; want %d", len(got), len(want))
	}
}

package coretest

import (
	"slices"
	"testing"

	"kontor/bank/core"
)

// signature asks for the signature of another PSU in session.
func (w *world) signature(session, signs string) (*core.Update, error) {
	return w.Bank.StartSignature(w.ctx, core.Signature{
		Session: session, Signs: signs, TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/return/3", PSU: core.PSUContext{IPAddress: "192.0.2.7"},
	})
}

func signatures(t *testing.T, w *world) {
	if !slices.Contains(w.Offers, Signatures) {
		_, err := w.signature("s1", "p1")
		w.is(err, core.ErrNotOffered)
		return
	}
	signed := func(session string) {
		t.Helper()
		p := w.order(session)
		p.DebtorAccount = w.Together
		u, err := w.Bank.StartPayment(w.ctx, p)
		w.must(err)
		w.decide(session, u, true)
		if s := w.Successes(session); len(s) != 1 || !s[0].Partly || s[0].UserID == "" {
			t.Fatalf("got %+v; want one success that names the PSU, and says that another has to sign", s)
		}
	}
	signed("p1")
	u, err := w.signature("s1", "p1")
	w.must(err)
	_, err = w.signature("s1", "p1") // a repetition is still one session
	w.must(err)
	w.decide("s1", u, true)
	if s := w.Successes("s1"); len(s) != 1 || s[0].Partly || s[0].UserID == "" || s[0].UserID == w.Successes("p1")[0].UserID {
		t.Errorf("got %+v; want the last success, of another PSU", s)
	}
	_, err = w.signature("s2", "p1")
	w.is(err, core.ErrRefused)

	signed("p2")
	u, err = w.signature("s3", "p2")
	w.must(err)
	w.decide("s3", u, false)
	if f := w.Fails("s3"); len(f) != 1 || f[0].Class != "AccessDenied" && f[0].Status == "" {
		t.Errorf("got %+v; want a fail that is the end of all", f)
	}
	_, err = w.signature("s4", "p2")
	w.is(err, core.ErrRefused)
	_, err = w.signature("s5", "never")
	w.is(err, core.ErrRefused)
}

package coretest

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"kontor/bank/core"
)

// startElsewhere hands a payment over whose PSU does not come to the bank's pages.
func (w *world) startElsewhere(o Offer, sca core.SCA) (*core.Update, bool) {
	w.t.Helper()
	p := w.order("p1")
	p.SCA = sca
	u, err := w.Bank.StartPayment(w.ctx, p)
	return u, w.offered(o, err)
}

// invited waits for the update that says where the SCA stands, and that there is no page.
func (w *world) invited(u *core.Update, approach, status string) {
	w.t.Helper()
	fits := func(u core.Update) bool {
		return u.SCAApproach == approach && u.SCAStatus == status && u.RedirectURL == ""
	}
	if u != nil && fits(*u) {
		return
	}
	w.wait("an update of the SCA", func() bool {
		for _, u := range w.Updates("p1") {
			if fits(u) {
				return true
			}
		}
		return false
	})
}

func (w *world) step(s core.SCAStep) (*core.Update, error) {
	s.Session, s.TPP = "p1", "PSDDE-BAFIN-12345"
	return w.Bank.Authorise(w.ctx, s)
}

func (w *world) stepped(s core.SCAStep) core.Update {
	w.t.Helper()
	u, err := w.step(s)
	w.must(err)
	if u == nil || u.Session != "p1" || u.SCAStatus == "" {
		w.t.Fatalf("got %+v; want where the SCA stands", u)
	}
	return *u
}

func embedded(t *testing.T, w *world) {
	u, ok := w.startElsewhere(Embedded, core.SCA{Approach: core.Embedded})
	if !ok {
		_, err := w.step(core.SCAStep{MethodID: "x"})
		w.is(err, core.ErrNotOffered)
		return
	}
	w.invited(u, core.Embedded, "received")
	_, err := w.step(core.SCAStep{Data: "123456"}) // nobody has asked for it
	w.is(err, core.ErrRefused)
	if u := w.stepped(core.SCAStep{SCA: core.SCA{PSUID: w.PSUID}}); u.SCAStatus != "psuIdentified" {
		t.Errorf("got %+v", u)
	}
	_, err = w.step(core.SCAStep{Password: w.Password + "x"})
	w.is(err, core.ErrCredentials)
	now := w.stepped(core.SCAStep{Password: w.Password})
	_, err = w.step(core.SCAStep{MethodID: "none of hers"})
	w.is(err, core.ErrMethodUnknown)
	if len(now.Methods) > 0 {
		now = w.stepped(core.SCAStep{MethodID: now.Methods[0].ID})
	}
	if now.Chosen == nil || now.Chosen.ID == "" || now.Chosen.Type == "" || now.Challenge == nil {
		t.Fatalf("got %+v; want a method and its challenge", now)
	}
	right := w.Code(t, "p1")
	_, err = w.step(core.SCAStep{Data: right + "1"})
	w.is(err, core.ErrCredentials)
	if w.Ended("p1") {
		t.Fatal("one wrong code ends the session")
	}
	if u := w.stepped(core.SCAStep{Data: right}); u.SCAStatus != "finalised" {
		t.Errorf("got %+v", u)
	}
	w.wait("success", func() bool { return w.Ended("p1") })
	if s := w.Successes("p1"); len(s) != 1 || s[0].UserID == "" {
		t.Errorf("got %+v; want one success that names the PSU", s)
	}
	_, err = w.step(core.SCAStep{Data: right})
	w.is(err, core.ErrRefused)
}

func decoupled(t *testing.T, w *world) {
	u, ok := w.startElsewhere(Decoupled, core.SCA{Approach: core.Decoupled, PSUID: w.PSUID})
	if !ok {
		return
	}
	w.invited(u, core.Decoupled, "started")
	w.Decide(t, "p1", true)
	w.wait("success", func() bool { return w.Ended("p1") })
	if s := w.Successes("p1"); len(s) != 1 || s[0].UserID == "" {
		t.Errorf("got %+v; want one success that names the PSU", s)
	}
}

func nobodyOnPhone(t *testing.T, w *world) {
	u, ok := w.startElsewhere(Decoupled, core.SCA{Approach: core.Decoupled, PSUID: "nobody-" + w.PSUID})
	if !ok {
		return
	}
	w.invited(u, core.Decoupled, "started") // as for somebody
}

func held(t *testing.T, w *world) {
	confirm := func(session string, yes bool) (*core.Update, error) {
		return w.Bank.Confirm(w.ctx, core.Confirmation{Session: session, TPP: "PSDDE-BAFIN-12345", Confirmed: yes})
	}
	start := func(session string) bool {
		t.Helper()
		p := w.order(session)
		p.SCA.Confirmation = true
		u, err := w.Bank.StartPayment(w.ctx, p)
		if !w.offered(Confirmations, err) {
			return false
		}
		w.page(session, u)
		return true
	}
	approved := func(session string) {
		t.Helper()
		w.Decide(t, session, true)
		w.wait("that it holds "+session, func() bool {
			return slices.ContainsFunc(w.Updates(session), func(u core.Update) bool { return u.SCAStatus == "unconfirmed" && len(u.CodeHash) == sha256.Size })
		})
		if w.Ended(session) {
			t.Fatalf("%s ended before it was confirmed", session)
		}
	}
	if !start("p1") {
		_, err := confirm("p1", true)
		w.is(err, core.ErrNotOffered)
		return
	}
	_, err := confirm("p1", true) // she has not approved it
	w.is(err, core.ErrRefused)
	approved("p1")
	for range 2 { // the answer to the first may have been lost
		if u, err := confirm("p1", true); err != nil || u != nil && u.SCAStatus != "finalised" {
			t.Errorf("got %+v, %v; want that it is finalised", u, err)
		}
	}
	w.wait("success", func() bool { return w.Ended("p1") })
	if n := len(w.Successes("p1")); n != 1 {
		t.Errorf("%d successes", n)
	}
	start("p2")
	approved("p2")
	if u, err := confirm("p2", false); err != nil || u != nil && u.SCAStatus != "failed" {
		t.Errorf("got %+v, %v; want that it has failed", u, err)
	}
	if u, err := confirm("p2", true); err == nil && (u == nil || u.SCAStatus != "failed") || err != nil && !errors.Is(err, core.ErrRefused) {
		t.Errorf("what was dropped is confirmed: %+v, %v", u, err)
	}
	if n := len(w.Successes("p2")); n != 0 {
		t.Errorf("%d successes of what was dropped", n)
	}
	start("p3") // who refuses leaves nothing to confirm
	w.Decide(t, "p3", false)
	w.wait("the end of p3", func() bool { return w.Ended("p3") })
	if u, err := confirm("p3", true); err == nil && (u == nil || u.SCAStatus != "failed") || len(w.Successes("p3")) != 0 {
		t.Errorf("what was refused is confirmed: %+v, %v", u, err)
	}
}

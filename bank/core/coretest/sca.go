package coretest

import (
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

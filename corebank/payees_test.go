package corebank

import (
	"fmt"
	"strings"
	"testing"

	"kontor/connector/wire"
	"kontor/corebank/persona"
)

func verifies(match, name wire.String) func(*wire.PaymentCreate) {
	return func(p *wire.PaymentCreate) {
		p.Payment.PayeeVerification = &wire.PayeeVerification{Match: match, Name: name}
	}
}

func TestPayeesAreThoseWhoHoldTheAccount(t *testing.T) {
	eachPair(t, func(t *testing.T, w *world, isar *Bank) {
		shop := persona.Shop("isar", "Bank isar", "DE70990000")
		for i, tt := range []struct {
			why, name, iban string
			match, told     wire.String
		}{
			{"a customer of the bank", "NOVAK ANA", ibanOf["ana"], wire.PayeeMatch, ""},
			{"an IBAN with blanks", "Ana Novak", spaced(ibanOf["ana"]), wire.PayeeMatch, ""},
			{"nearly her name", "A. Novak", ibanOf["ana"], wire.PayeeClose, "Ana Novak"},
			{"somebody else", "Bor Kos", ibanOf["ana"], wire.PayeeNone, ""},
			{"a customer of a bank that this one is joined with", "shop of bank isar", shop.Accounts[0].IBAN, wire.PayeeMatch, ""},
			{"somebody else there", "Ana Novak", shop.Accounts[0].IBAN, wire.PayeeNone, ""},
			{"an account there that is closed", "Shop of Bank isar", persona.ClosedIBAN("DE70990000"), wire.PayeeUnavailable, ""},
			{"an account of a stranger", "Ana Novak", elsewhere, wire.PayeeUnavailable, ""},
			{"an account that there is not", "Ana Novak", unknownIBAN(t), wire.PayeeUnavailable, ""},
			{"no account that is an IBAN", "Ana Novak", "", wire.PayeeUnavailable, ""},
		} {
			q := wire.PayeesVerify{Payees: []wire.Payee{{ID: wire.String(fmt.Sprint(i)), Name: wire.String(tt.name), Account: wire.Account{IBAN: wire.String(tt.iban)}}}}
			got, err := w.c.VerifyPayees(t.Context(), q)
			w.do(err)
			if len(got) != 1 || got[0].ID != q.Payees[0].ID || got[0].Match != tt.match || got[0].Name != tt.told {
				t.Errorf("%s: got %+v", tt.why, got)
			}
		}
		const many = 2000
		var q wire.PayeesVerify
		for i := range many {
			q.Payees = append(q.Payees, wire.Payee{ID: wire.String(fmt.Sprint(i)), Name: "Luka Zupan", Account: wire.Account{IBAN: wire.String([]string{ibanOf["luka"], ibanOf["ana"]}[i%2])}})
		}
		got, err := w.c.VerifyPayees(t.Context(), q)
		w.do(err)
		for i, a := range got {
			if want := []wire.String{wire.PayeeMatch, wire.PayeeNone}[i%2]; string(a.ID) != fmt.Sprint(i) || a.Match != want {
				t.Fatalf("%d: %+v", i, a)
			}
		}
		if len(got) != many {
			t.Errorf("%d answers", len(got))
		}
	})
}

func TestAJointAccountIsThatOfEachHolder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		joint := ""
		for _, p := range w.bank.Personas() {
			for _, a := range p.Accounts {
				if a.ID == "kos-joint" {
					joint = a.IBAN
				}
			}
		}
		for name, want := range map[string]wire.String{"Maja Kos": wire.PayeeMatch, "Peter Kos": wire.PayeeMatch, "Maja in Peter Kos": wire.PayeeMatch, "Kos": wire.PayeeNone} {
			got, err := w.c.VerifyPayees(t.Context(), wire.PayeesVerify{Payees: []wire.Payee{{ID: "1", Name: wire.String(name), Account: wire.Account{IBAN: wire.String(joint)}}}})
			w.do(err)
			if got[0].Match != want {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}

func TestTheCustomerSeesWhatWasFoundOutBeforeSheApproves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			match, name wire.String
			sees        string
		}{
			{wire.PayeeMatch, "", "It is the one on the account."},
			{wire.PayeeClose, "Luka Župan", "which is “Luka Župan”"},
			{wire.PayeeClose, "", "It is not quite the one on the account. Approve"},
			{wire.PayeeNone, "Luka Župan", "The money may reach somebody else"},
			{wire.PayeeUnavailable, "", "It could not be compared"},
		} {
			w.do(w.c.StartPayment(t.Context(), w.order("31.00", verifies(tt.match, tt.name))))
			b := w.browser().open(w.page())
			if strings.Contains(b.body, "Župan") || strings.Contains(b.body, "on the account") {
				t.Errorf("%s is told before anybody logged in", tt.match)
			}
			b.logIn("ana").sees("Name of the payee", tt.sees)
			if tt.match != wire.PayeeClose && strings.Contains(b.body, "Župan") {
				t.Errorf("%s: the holder's name is told", tt.match)
			}
			b.submit("approve").sees(tt.sees).submit("confirm", "code", w.code("ana")).sees("Done")
		}
		w.do(w.c.StartPayment(t.Context(), w.order("31.00")))
		if b := w.browser().open(w.page()).logIn("ana"); strings.Contains(b.body, "Name of the payee") {
			t.Error("something is said of a payee whom nobody verified")
		}
		w.do(w.c.StartPayment(t.Context(), w.order("31.00", verifies("perhaps", "Luka Župan"))))
		if b := w.browser().open(w.page()).logIn("ana"); strings.Contains(b.body, "Name of the payee") || strings.Contains(b.body, "Župan") {
			t.Error("a word that nobody knows says something")
		}
	})
}

func TestABulkShowsThePayeesWhoAreCalledOtherwise(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var payments []wire.Payment
		for n := range 70 {
			p := one(n, "1.00", elsewhere)
			p.PayeeVerification = &wire.PayeeVerification{Match: wire.PayeeMatch}
			if n >= 10 {
				p.PayeeVerification.Match = wire.PayeeNone
			}
			payments = append(payments, p)
		}
		payments[9].PayeeVerification = &wire.PayeeVerification{Match: wire.PayeeClose, Name: "Luka Župan"}
		w.do(w.c.StartPayment(t.Context(), w.bulk(false, payments...)))
		b := w.browser().open(w.page()).logIn("ana").sees("which is “Luka Župan”", "Payee 10 ", "and 11 more")
		if got := strings.Count(b.body, `class="alert"`); got != 50 {
			t.Errorf("%d payees are named", got)
		}
		w.approve("ana")
	})
}

func TestAPayeeWhoIsCalledOtherwiseIsNotPaidWithoutTheCustomer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for match, want := range map[wire.String]string{
			wire.PayeeMatch: "update ACTC exempted funds, success, update ACSC", wire.PayeeClose: "update RCVD received",
			wire.PayeeNone: "update RCVD received", wire.PayeeUnavailable: "update RCVD received",
		} {
			w.hub.events = nil
			w.do(w.c.StartPayment(t.Context(), w.order("5.00", verifies(match, ""), func(p *wire.PaymentCreate) { p.UserID = "1001" })))
			if w.hub.heard() != want {
				t.Errorf("%s: %s", match, w.hub.heard())
			}
		}
	})
}

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/e2e/chromium"
	"kontor/ready"
	"kontor/xs2aclient"
)

// linked is what the page tells of the payment: all that the code is tied to, a line for each.
func linked(b *tab) []string {
	b.t.Helper()
	all := evaluate[string](b, `[...document.querySelectorAll('dl.payment dt')].map(e => (e.textContent + ': ' + e.nextElementSibling.textContent).replace(/\s+/g, ' ').trim()).join('\n')`)
	return strings.Split(all, "\n")
}

// tells fails the test unless the page tells exactly want.
func (b *tab) tells(want ...string) {
	b.t.Helper()
	if got := linked(b); !slices.Equal(got, want) {
		b.t.Errorf("%s: the page tells\n%s\nand not\n%s", b.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// orders creates a payment at the standard bank and leads its PSU to the page that shows it.
func (w *world) orders(t *testing.T, b *tab, psu ready.Persona, id xs2aclient.PaymentID, order any, shown ...string) (xs2aclient.PaymentID, xs2aclient.Flow) {
	t.Helper()
	bank := w.bank(t, "standard")
	created := must[xs2aclient.PaymentCreated](t)(w.client(t, bank).CreatePayment(t.Context(), id.Service, id.Product, order, w.redirects()))
	id.ID = created.PaymentID
	flow := must[xs2aclient.Flow](t)(w.oauth(t, bank).Begin(xs2aclient.ScopeOfPayment(id.ID), nil))
	b.logsInAt(flow.URL, psu, shown...)
	return id, flow
}

// logsInAt opens an address that leads to a log-in or, for a PSU whom her bank knows already,
// past it.
func (b *tab) logsInAt(address string, psu ready.Persona, shown ...string) {
	b.t.Helper()
	if v := b.goes(chromium.Navigate(address)); strings.Contains(evaluate[string](b, "document.title"), "Log in") {
		b.check(v, ok, "Log in")
		b.logsIn(psu, shown...)
	} else {
		b.check(v, ok, shown...)
	}
}

// confirms enters the code, for which text must stand in the message, and comes back to the TPP.
func (w *world) confirms(t *testing.T, b *tab, flow xs2aclient.Flow, words ...string) {
	t.Helper()
	code, message := w.code(b)
	for _, s := range words {
		if !strings.Contains(message, s) {
			t.Errorf("the text message does not say %q: %s", s, message)
		}
	}
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.redeem(t, w.bank(t, "standard"), flow, w.returned(b, b.goesOn()))
}

func (w *world) stands(t *testing.T, id xs2aclient.PaymentID, want string) {
	t.Helper()
	becomes(t, "transactionStatus", want, func() (string, error) {
		s, err := w.client(t, w.bank(t, "standard")).PaymentStatus(t.Context(), id)
		return s.TransactionStatus, err
	})
}

func (w *world) transfer(from ready.Persona, amount, text string) xs2aclient.PaymentRequest {
	payee := w.ready.Personas[2]
	return xs2aclient.PaymentRequest{
		DebtorAccount: &xs2aclient.AccountReference{IBAN: from.Accounts[0].IBAN}, InstructedAmount: xs2aclient.Amount{Currency: "EUR", Amount: amount},
		CreditorAccount: xs2aclient.AccountReference{IBAN: payee.Accounts[0].IBAN}, CreditorName: payee.Name, RemittanceInformationUnstructured: text,
	}
}

// monday is one that is no holiday: the second of February, or of September.
func monday(now time.Time) string {
	for _, d := range []time.Time{
		time.Date(now.Year(), time.February, 8, 0, 0, 0, 0, time.UTC), time.Date(now.Year(), time.September, 8, 0, 0, 0, 0, time.UTC),
		time.Date(now.Year()+1, time.February, 8, 0, 0, 0, 0, time.UTC),
	} {
		for d.Weekday() != time.Monday {
			d = d.AddDate(0, 0, 1)
		}
		if d.After(now.AddDate(0, 0, 2)) {
			return d.Format(time.DateOnly)
		}
	}
	return ""
}

func (w *world) ordersEachMonth(t *testing.T, b *tab) {
	psu := w.ready.Personas[3]
	r := w.transfer(psu, "75.00", "Rehearsal room")
	begins := monday(time.Now())
	first, err := time.Parse(time.DateOnly, begins)
	if err != nil {
		t.Fatal(err)
	}
	ends := first.AddDate(0, 0, 20).Format(time.DateOnly) // before the next month's
	essential := []string{
		"Amount: 75.00 EUR", "Payee: " + r.CreditorName, "Payee’s IBAN: " + spaced(r.CreditorAccount.IBAN), "From account: " + spaced(psu.Accounts[0].IBAN),
		"Reference: Rehearsal room", "How often: every month", "First dates: " + begins + " …", "Until: " + ends, "On days without business: the business day before", "Fee: none",
	}
	id, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.SEPACreditTransfers},
		xs2aclient.PeriodicRequest{PaymentRequest: r, Standing: xs2aclient.Standing{StartDate: begins, EndDate: ends, Frequency: "Monthly", ExecutionRule: "preceding"}},
		"Approve a standing order", w.tpp.Name)
	b.tells(essential...)
	b.comes(ok, texts(enterCode), button("approve"))
	b.tells(essential...)
	w.confirms(t, b, flow, "75,00 EUR", r.CreditorName, "trajni nalog")
	w.stands(t, id, xs2aclient.PaymentInProcess)
}

func (w *world) paysMany(t *testing.T, b *tab) {
	psu := w.ready.Personas[1]
	bulk := xs2aclient.BulkRequest{DebtorAccount: &xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN}, BatchBookingPreferred: new(true)}
	var lines string
	for _, amount := range []string{"3.10", "3.20", "3.30"} {
		p := w.transfer(psu, amount, "Share")
		p.DebtorAccount = nil
		bulk.Payments = append(bulk.Payments, p)
		lines += amount + " EUR – " + p.CreditorName + " " + spaced(p.CreditorAccount.IBAN)
	}
	id, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.BulkPayments, Product: xs2aclient.SEPACreditTransfers}, bulk, "Approve payments", "One code approves all of them")
	told := linked(b)
	i := slices.IndexFunc(told, func(s string) bool { return strings.HasPrefix(s, "Fingerprint: ") })
	if i < 0 {
		t.Fatalf("no fingerprint: %q", told)
	}
	essential := []string{
		"Payments: 3", "Sum: 9.60 EUR", "The first of them: " + lines, "Entry: one for all", told[i], "From account: " + spaced(psu.Accounts[0].IBAN), "On: today", "Fee: none",
	}
	b.tells(essential...)
	b.comes(ok, texts(enterCode, "exactly these payments"), button("approve"))
	b.tells(essential...)
	w.confirms(t, b, flow, "3 plăți", "9,60 EUR")
	w.stands(t, id, xs2aclient.PaymentSettled)

	// Another payee, and the same sum: another fingerprint.
	bulk.Payments[2].CreditorAccount.IBAN = w.ready.Personas[0].Accounts[0].IBAN
	id, _ = w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.BulkPayments, Product: xs2aclient.SEPACreditTransfers}, bulk, "Approve payments")
	if slices.Contains(linked(b), told[i]) {
		t.Error("another bulk has the same fingerprint")
	}
	b.comes(ok, texts("You refused"), button("refuse"))
	w.stands(t, id, xs2aclient.PaymentRejected)
}

func (w *world) takesBack(t *testing.T, b *tab) {
	psu, client := w.ready.Personas[1], w.client(t, w.bank(t, "standard"))
	r := w.transfer(psu, "11.00", "Concert")
	r.RequestedExecutionDate = monday(time.Now())
	essential := []string{
		"Amount: 11.00 EUR", "Payee: " + r.CreditorName, "Payee’s IBAN: " + spaced(r.CreditorAccount.IBAN), "From account: " + spaced(psu.Accounts[0].IBAN),
		"Reference: Concert", "On: " + r.RequestedExecutionDate, "Fee: none",
	}
	id, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, r, "Approve a payment")
	b.tells(essential...)
	b.comes(ok, texts(enterCode), button("approve"))
	w.confirms(t, b, flow, "11,00 EUR")
	w.stands(t, id, xs2aclient.PaymentAccepted)

	asks := func() xs2aclient.Flow {
		c := must[xs2aclient.Cancellation](t)(client.CancelPayment(t.Context(), id, w.redirects()))
		if c.Done || c.Links["scaStatus"] == "" {
			t.Fatalf("the PSU is not asked: %+v", c)
		}
		flow := must[xs2aclient.Flow](t)(w.oauth(t, w.bank(t, "standard")).Begin(xs2aclient.ScopeOfPayment(id.ID), nil))
		b.logsInAt(flow.URL, psu, "Cancel a payment", w.tpp.Name)
		b.tells(essential...)
		return flow
	}
	asks()
	b.comes(ok, texts("You refused"), button("refuse"))
	w.stands(t, id, xs2aclient.PaymentAccepted)
	flow = asks()
	b.comes(ok, texts(enterCode, "cancelling exactly this payment"), button("approve"))
	b.tells(essential...)
	w.confirms(t, b, flow, "anulați plata de 11,00 EUR")
	w.stands(t, id, xs2aclient.PaymentCancelled)
}

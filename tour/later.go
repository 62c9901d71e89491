package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// laterSteps show payments that are not for today.
func laterSteps() []step {
	return []step{
		{"The payer lets the TPP watch her account at the bank with the standard profile", watchPayer},
		{"Each bank tells until when, and on which days, it executes a product", readCalendar},
		{"A payment for a later day is approved now, and its amount is held until then", payLater},
		{"On a holiday the bank is closed: its page shows the day after, and the PSU does not want that", payOnHoliday},
		{"A day that is over, too far ahead, or later for an instant payment is refused", payNever},
	}
}

// paysAt creates a payment at the standard bank, and checks what every answer to one has.
func (g *guide) paysAt(ctx context.Context, id *xs2aclient.PaymentID, payment any) (created xs2aclient.PaymentCreated, err error) {
	return g.paysBy(ctx, g.isar.client, id, payment)
}

// paysBy does so through a client of the TPP's.
func (g *guide) paysBy(ctx context.Context, c *xs2aclient.Client, id *xs2aclient.PaymentID, payment any) (created xs2aclient.PaymentCreated, err error) {
	created, err = c.WithPSU(present).CreatePayment(ctx, id.Service, id.Product, payment, g.redirects())
	id.ID = created.PaymentID
	return created, all(err, is("transactionStatus", created.TransactionStatus, xs2aclient.PaymentReceived), has("paymentId", created.PaymentID),
		has("the scaOAuth link", created.Links["scaOAuth"]), has("the self link", created.Links["self"]), has("the status link", created.Links["status"]), has("Location", created.Location))
}

// approves has who approve a payment at the standard bank, inside OAuth.
func (g *guide) approves(ctx context.Context, who ready.Persona, id xs2aclient.PaymentID, do plan) error {
	_, err := g.leads(ctx, who, g.isar.client, g.isar.oauth, xs2aclient.ScopeOfPayment(id.ID), do)
	return err
}

// refuses has who look at a payment, and refuse it.
func (g *guide) refuses(ctx context.Context, who ready.Persona, id xs2aclient.PaymentID, look func(*page) error) error {
	err := g.approves(ctx, who, id, plan{refuse: true, look: look})
	if err == nil {
		return errors.New("the PSU refused, and the TPP got a token for it")
	}
	if !errors.Is(err, xs2aclient.ErrDenied) {
		return err
	}
	return g.stands(ctx, id, xs2aclient.PaymentRejected)
}

// stands waits until a payment at the standard bank has a status.
func (g *guide) stands(ctx context.Context, id xs2aclient.PaymentID, want ...string) error {
	var s xs2aclient.PaymentStatus
	err := eventually(ctx, func() (_ bool, err error) {
		s, err = g.isar.client.PaymentStatus(ctx, id)
		return slices.Contains(want, s.TransactionStatus), err
	})
	if err != nil {
		return fmt.Errorf("transactionStatus %s: %w; it is %s", strings.Join(want, " or "), err, s.TransactionStatus)
	}
	return nil
}

// funds reads both balances: what is booked, and what is available.
func (o *observed) funds(ctx context.Context) (booked, available money.Amount, err error) {
	b, err := o.reader.Balances(ctx, o.resourceID)
	if err != nil {
		return booked, available, err
	}
	for _, want := range []struct {
		to   *money.Amount
		kind string
	}{{&booked, "interimBooked"}, {&available, "interimAvailable"}} {
		found, ok := b.Of(want.kind)
		if !ok {
			return booked, available, fmt.Errorf("there is no balance %s", want.kind)
		}
		if *want.to, err = found.Amount.Money(); err != nil {
			return booked, available, err
		}
	}
	return booked, available, nil
}

// held checks that nothing is booked since the balance was last seen, and that so much more
// than before is held.
func (o *observed) held(ctx context.Context, change money.Amount) error {
	booked, available, err := o.funds(ctx)
	if err = all(err, is("balance that is booked", booked, o.balance)); err != nil {
		return err
	}
	if want := o.available.Plus(change.Neg()); available != want {
		return fmt.Errorf("available on %s is %s, not %s", o.IBAN, available, want)
	}
	o.available = available
	return nil
}

// settledAt waits until the balances have changed by exactly change since they were last seen:
// what executes it is the bank, not the customer's visit.
func (o *observed) settledAt(ctx context.Context, change money.Amount) (err error) {
	want, free := o.balance.Plus(change), o.available.Plus(change)
	var booked, available money.Amount
	err = eventually(ctx, func() (_ bool, err error) {
		booked, available, err = o.funds(ctx)
		return booked == want && available == free, err
	})
	if err != nil {
		return fmt.Errorf("balance of %s: %w; %s became %s, not %s, and %s is available, not %s", o.IBAN, err, o.balance, booked, want, available, free)
	}
	o.balance, o.available = booked, available
	return nil
}

func watchPayer(ctx context.Context, g *guide) (_ string, err error) {
	if g.isar.payer, err = g.gives(ctx, g.payer, everything(), plan{}); err != nil {
		return "", err
	}
	o := &observed{Account: g.payer.Accounts[0], consentID: g.isar.payer.created.ConsentID}
	var a xs2aclient.Account
	if o.reader, a, err = g.finds(ctx, g.isar.payer, o.Account); err != nil {
		return "", err
	}
	o.resourceID = a.ResourceID
	if o.balance, o.available, err = o.funds(ctx); err != nil {
		return "", err
	}
	before, err := o.entriesLike(ctx, func(xs2aclient.Transaction) bool { return true })
	o.earlier = map[string]bool{}
	for _, t := range before {
		o.earlier[t.TransactionID] = true
	}
	g.isar.watched = o
	return fmt.Sprintf("%s EUR booked, %s EUR available", o.balance, o.available), err
}

func readCalendar(ctx context.Context, g *guide) (string, error) {
	var told []string
	for _, b := range g.banks() {
		c, err := g.capable(ctx, b)
		if err != nil {
			return "", err
		}
		for _, p := range c.Payments.Products {
			always := p.Calendar == "always"
			if err := all(is(p.Name+" is instant", p.Instant, p.Name == xs2aclient.InstantSEPACreditTransfers), is(p.Name+" is executed on any day", always, p.Instant),
				is(p.Name+" has a cut-off time", p.CutOff != "", !always)); err != nil {
				return "", fmt.Errorf("%s: %w", b.Code, err)
			}
			if b.Code == g.standard.Code {
				g.isar.zone = c.Bank.TimeZone
				told = append(told, strings.TrimSpace(p.Name+" "+p.Calendar+" "+p.CutOff))
			}
		}
	}
	return strings.Join(told, ", "), is("products of the standard bank", len(told), 4)
}

// transfer is a payment from the payer to the payee, at the standard bank.
func (g *guide) transfer(cents int64, text string) xs2aclient.PaymentRequest {
	return xs2aclient.PaymentRequest{
		EndToEndIdentification: "TOUR-" + strings.ToUpper(text), DebtorAccount: &xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN},
		InstructedAmount: xs2aclient.NewAmount(euros(cents)), CreditorAccount: xs2aclient.AccountReference{IBAN: g.payee.Accounts[0].IBAN},
		CreditorName: g.payee.Name, RemittanceInformationUnstructured: text,
	}
}

// openDay is the first day that is no weekend, from d on. Whoever calls it knows that no
// holiday is near.
func openDay(d time.Time) time.Time {
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDate(0, 0, 1)
	}
	return d
}

// holiday is the next first of May or 25 December, on which TARGET is closed, and opens the day
// after on which it is open again: that after Christmas is closed, too.
func holiday(now time.Time) (closed, opens time.Time) {
	for _, d := range []struct {
		year  int
		month time.Month
		day   int
		days  int // that it is closed
	}{{0, time.May, 1, 1}, {0, time.December, 25, 2}, {1, time.May, 1, 1}} {
		if closed = time.Date(now.Year()+d.year, d.month, d.day, 0, 0, 0, 0, time.UTC); closed.After(now.AddDate(0, 0, 2)) {
			return closed, openDay(closed.AddDate(0, 0, d.days))
		}
	}
	panic("tour: no holiday in more than a year")
}

// paysLater orders a payment for a working day months ahead, and has the PSU approve it: it
// waits then.
func (g *guide) paysLater(ctx context.Context, cents int64, text string) (id xs2aclient.PaymentID, r xs2aclient.PaymentRequest, err error) {
	id, r = xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, g.transfer(cents, text)
	r.RequestedExecutionDate = workday(time.Now()).Format(time.DateOnly)
	if _, err = g.paysAt(ctx, &id, r); err != nil {
		return id, r, err
	}
	err = g.approves(ctx, g.payer, id, plan{look: func(p *page) error {
		if !p.shows(r.RequestedExecutionDate) {
			return fmt.Errorf("the bank's page %q does not show the day, %s", p.title, r.RequestedExecutionDate)
		}
		return shown(p, r)
	}})
	return id, r, all(err, g.stands(ctx, id, xs2aclient.PaymentAccepted))
}

// workday is the next second Monday of February or of September, which are never holidays.
func workday(now time.Time) time.Time {
	for _, months := range []struct{ year, month int }{{0, 2}, {0, 9}, {1, 2}} {
		d := time.Date(now.Year()+months.year, time.Month(months.month), 8, 0, 0, 0, 0, time.UTC)
		for d.Weekday() != time.Monday {
			d = d.AddDate(0, 0, 1)
		}
		if d.After(now.AddDate(0, 0, 2)) {
			return d
		}
	}
	panic("tour: no Monday in more than a year")
}

func payLater(ctx context.Context, g *guide) (string, error) {
	id, r, err := g.paysLater(ctx, 66_00, "later")
	if err != nil {
		return "", err
	}
	kept, err := g.isar.client.Payment(ctx, id)
	if err = all(err, is("requestedExecutionDate", kept.RequestedExecutionDate, r.RequestedExecutionDate), is("transactionStatus", kept.TransactionStatus, xs2aclient.PaymentAccepted),
		g.isar.watched.held(ctx, euros(66_00))); err != nil {
		return "", err
	}
	g.isar.later = id
	page, err := g.isar.watched.reader.Transactions(ctx, g.isar.watched.resourceID, lately(xs2aclient.Pending))
	pending := slices.ContainsFunc(page.Pending, func(t xs2aclient.Transaction) bool { return t.RemittanceInformationUnstructured == "later" })
	return fmt.Sprintf("ACTC for %s; %s EUR booked as before, %s EUR available", r.RequestedExecutionDate, g.isar.watched.balance, g.isar.watched.available),
		all(err, is("the payment among the pending entries", pending, true))
}

func payOnHoliday(ctx context.Context, g *guide) (string, error) {
	id, r := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, g.transfer(21_00, "present")
	closed, opens := holiday(time.Now())
	after := opens.Format(time.DateOnly)
	r.RequestedExecutionDate = closed.Format(time.DateOnly)
	if _, err := g.paysAt(ctx, &id, r); err != nil {
		return "", err
	}
	err := g.refuses(ctx, g.payer, id, func(p *page) error {
		return all(shown(p, r), is("the day after on the bank's page", p.shows(after), true))
	})
	kept, err2 := g.isar.client.Payment(ctx, id)
	return fmt.Sprintf("%s becomes %s; refused: RJCT, nothing is held", r.RequestedExecutionDate, after),
		all(err, err2, is("requestedExecutionDate", kept.RequestedExecutionDate, r.RequestedExecutionDate), g.isar.watched.held(ctx, euros(0)))
}

func payNever(ctx context.Context, g *guide) (string, error) {
	for _, never := range []struct{ what, product, date string }{
		{"a day that is over", xs2aclient.SEPACreditTransfers, daysAgo(2)},
		{"two years ahead", xs2aclient.SEPACreditTransfers, daysAgo(-730)},
		{"an instant payment next week", xs2aclient.InstantSEPACreditTransfers, daysAgo(-7)},
	} {
		r := g.transfer(1_00, "never")
		r.RequestedExecutionDate = never.date
		_, err := g.isar.client.WithPSU(present).CreatePayment(ctx, xs2aclient.Payments, never.product, r, g.redirects())
		if err := refusedWith(err, http.StatusBadRequest, "EXECUTION_DATE_INVALID"); err != nil {
			return "", fmt.Errorf("%s: %w", never.what, err)
		}
	}
	r := g.transfer(1_00, "never")
	r.RequestedExecutionDate = "2027-02-29"
	_, err := g.isar.client.WithPSU(present).CreatePayment(ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, r, g.redirects())
	return "EXECUTION_DATE_INVALID; 29 February of a year that has none: FORMAT_ERROR", refusedAt(err, "requestedExecutionDate", "FORMAT_ERROR")
}

package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"time"

	"kontor/kit/money"
	"kontor/xs2aclient"
)

// standingSteps show periodic payments.
func standingSteps() []step {
	return []step{
		{"A standing order: the page shows how often, until when and the first dates; one code approves all of it", orderStanding},
		{"Its first instalment is paid today, and the next ones are to come", payInstalment},
		{"Ordered as pain.001, in a message of two parts; both are read back byte for byte", orderStandingXML},
		{"A series that has no day, or no known rhythm, is refused", orderNever},
	}
}

// The standing order of the tour.
const (
	rent     = 75_00
	rentText = "Rehearsal room"
)

func orderStanding(ctx context.Context, g *guide) (string, error) {
	id := xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.InstantSEPACreditTransfers}
	r := xs2aclient.PeriodicRequest{PaymentRequest: g.transfer(rent, rentText), Standing: xs2aclient.Standing{
		StartDate: g.today(), EndDate: daysAgo(-300), Frequency: "Monthly", ExecutionRule: "following",
	}}
	if _, err := g.paysAt(ctx, &id, r); err != nil {
		return "", err
	}
	g.isar.standing = id
	err := g.approves(ctx, g.payer, id, plan{look: func(p *page) error {
		return all(shown(p, r.PaymentRequest), is("how often on the page", p.shows("every month"), true), is("until when on the page", p.shows(r.EndDate), true),
			is("the first date on the page", contains(p.text, r.StartDate), true))
	}})
	kept, err2 := g.isar.client.Payment(ctx, id)
	return fmt.Sprintf("%s EUR every month until %s: ACSP", euros(rent), r.EndDate), all(err, err2, g.stands(ctx, id, xs2aclient.PaymentInProcess),
		is("when it is made", fmt.Sprint(kept.Standing), fmt.Sprint(r.Standing)), is("amount", kept.InstructedAmount, r.InstructedAmount))
}

func payInstalment(ctx context.Context, g *guide) (string, error) {
	o := g.isar.watched
	if err := o.settledAt(ctx, euros(rent).Neg()); err != nil {
		return "", err
	}
	if _, err := o.entry(ctx, euros(rent).Neg(), rentText); err != nil {
		return "", err
	}
	page, err := o.reader.Transactions(ctx, o.resourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Information})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(page.Information, func(t xs2aclient.Transaction) bool { return t.RemittanceInformationUnstructured == rentText })
	if i < 0 {
		return "", fmt.Errorf("no standing order %q among %d", rentText, len(page.Information))
	}
	return fmt.Sprintf("booked at once; %d standing orders, this one among them", len(page.Information)), nil
}

func orderStandingXML(ctx context.Context, g *guide) (string, error) {
	id := xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.XML + xs2aclient.SEPACreditTransfers}
	order := pain("pain.001.001.03", "TOUR-STANDING", workday(time.Now()), g.payer, g.transfer(12_00, "Choir"))
	sent, err := xs2aclient.StandingDocument(order, xs2aclient.Standing{StartDate: workday(time.Now()).Format(time.DateOnly), Frequency: "Quarterly"})
	if err != nil {
		return "", err
	}
	if _, err := g.paysAt(ctx, &id, sent); err != nil {
		return "", err
	}
	kept, err := g.isar.client.PaymentDocument(ctx, id)
	if err != nil {
		return "", err
	}
	asSent, err := parts(sent)
	asKept, err2 := parts(kept)
	if err = all(err, err2, is("number of parts", len(asKept), 2), is("parts as they were sent", fmt.Sprint(asKept), fmt.Sprint(asSent)),
		is("the order among the parts", asKept["xml_sct"], string(order))); err != nil {
		return "", err
	}
	err = g.refuses(ctx, g.payer, id, func(p *page) error {
		return all(is("how often on the page", p.shows("every three months"), true), is("amount on the page", p.shows("12.00 EUR"), true))
	})
	return fmt.Sprintf("%d bytes; the PSU refuses: RJCT", len(sent.Body)), all(err, g.isar.watched.held(ctx, money.Amount{Currency: "EUR"}))
}

// parts reads a message of several parts, by their names.
func parts(d xs2aclient.Document) (map[string]string, error) {
	_, params, err := mime.ParseMediaType(d.ContentType)
	if err != nil {
		return nil, fmt.Errorf("Content-Type %q: %w", d.ContentType, err)
	}
	found := map[string]string{}
	for r := multipart.NewReader(bytes.NewReader(d.Body), params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		found[p.FormName()] = string(content)
	}
}

func orderNever(ctx context.Context, g *guide) (string, error) {
	good := xs2aclient.Standing{StartDate: workday(time.Now()).Format(time.DateOnly), Frequency: "Monthly"}
	order := func(change func(*xs2aclient.Standing)) error {
		r := xs2aclient.PeriodicRequest{PaymentRequest: g.transfer(1_00, "never"), Standing: good}
		change(&r.Standing)
		_, err := g.isar.client.WithPSU(present).CreatePayment(ctx, xs2aclient.PeriodicPayments, xs2aclient.SEPACreditTransfers, r, g.redirects())
		return err
	}
	for _, wrong := range []struct {
		path   string
		change func(*xs2aclient.Standing)
	}{
		{"frequency", func(s *xs2aclient.Standing) { s.Frequency = "Hourly" }},
		{"executionRule", func(s *xs2aclient.Standing) { s.ExecutionRule = "sometimes" }},
		{"dayOfExecution", func(s *xs2aclient.Standing) { s.DayOfExecution = "32" }},
		{"monthsOfExecution", func(s *xs2aclient.Standing) { s.MonthsOfExecution = []string{"13"} }},
	} {
		if err := refusedAt(order(wrong.change), wrong.path, "FORMAT_ERROR"); err != nil {
			return "", err
		}
	}
	over := order(func(s *xs2aclient.Standing) { s.EndDate = g.today() })
	return "FORMAT_ERROR at frequency, executionRule, dayOfExecution and monthsOfExecution; PERIOD_INVALID", refusedWith(over, http.StatusBadRequest, "PERIOD_INVALID")
}

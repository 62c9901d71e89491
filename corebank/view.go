package corebank

import (
	"context"
	"strings"

	"kontor/kit/i18n"
)

const (
	datesShown = 4 // of a series
	itemsShown = 5 // of a bulk

	differingShown = 50 // of a bulk: each may be a reason not to approve it
)

// viewPayment tells the customer what the code is tied to.
func (s *scaVisit) viewPayment(ctx context.Context) (*paymentView, error) {
	p, b, t := *s.payment, s.b, s.b.textsFor(s.r)
	view := &paymentView{Payee: p.CreditorName, IBAN: spaced(p.payee()), Amount: amountIn(t, p.Amount), Reference: p.Remittance, Date: dayIn(t, p.ExecuteOn), Verified: p.viewPayee()}
	if p.Words.Structured != "" {
		view.Reference = strings.TrimSpace(p.Words.Structured + " " + p.Remittance)
	}
	paying := ""
	for _, a := range s.accounts {
		if a.ID == p.Debtor {
			view.From, paying = spaced(a.IBAN), a.Currency
		}
	}
	if paying == "" && len(s.accounts) > 0 { // not chosen yet: as from the first on offer
		paying = s.accounts[0].Currency
	}
	if paying != "" {
		debit, fee := b.cost(p, paying)
		if paying != p.Amount.Currency {
			view.Debit, view.Rate = amountIn(t, debit), t.Decimal(exchangeRate(debit.Currency, p.Amount.Currency))
		}
		if fee.Minor > 0 {
			view.Fee = amountIn(t, fee)
		}
	}
	if view.Date == "" && p.State == payReceived && p.Plan == nil {
		inHouse := false
		if p.Service == servicePayments {
			reason, err := b.takes(b.reading(ctx), p.CreditorIBAN, p.Amount.Currency)
			if err != nil {
				return nil, err
			}
			inHouse = reason == ""
		}
		if on := b.executionDay(b.productOf(p), "", inHouse); on.After(b.today()) {
			view.Date = dayIn(t, on.String())
		}
	}
	if p.Plan != nil {
		view.Plan = p.viewPlan(t)
	}
	if p.Service != serviceBulk {
		return view, nil
	}
	first, err := items(b.reading(ctx), `state = 'received' ORDER BY n LIMIT $3 + 0`, b.code, p.ID, itemsShown)
	if err != nil {
		return nil, err
	}
	digest, err := b.batchDigest(b.reading(ctx), p.ID)
	if err != nil {
		return nil, err
	}
	view.Bulk = &bulkView{Count: p.Items, Refused: p.Refused, More: p.Items - len(first), Batch: p.Batch, Digest: spaced(digest[:16])}
	for _, i := range first {
		view.Bulk.First = append(view.Bulk.First, i.view(t))
	}
	differing, count, err := b.differing(b.reading(ctx), p.ID, differingShown)
	view.Bulk.MoreDiffering = count - len(differing)
	for _, i := range differing {
		view.Bulk.Differing = append(view.Bulk.Differing, i.view(t))
	}
	return view, err
}

func (p transfer) view(t i18n.Texts) paymentView {
	return paymentView{Payee: p.CreditorName, IBAN: spaced(p.payee()), Amount: amountIn(t, p.Amount), Reference: p.Remittance, Verified: p.viewPayee()}
}

func (p payment) viewPlan(t i18n.Texts) *planView {
	view := &planView{End: dayIn(t, p.Plan.End.String()), Rule: "plan." + p.Plan.Rule, Frequency: "plan." + p.Plan.Frequency}
	if p.Plan.Instant {
		view.Rule = "plan.anyDay"
	}
	from := p.Plan.Start.AddDays(-1)
	for due, ok := p.Plan.after(from); ok && len(view.Dates) < datesShown; due, ok = p.Plan.after(due) {
		if on := p.Plan.executed(due).String(); p.Due == "" || due.String() >= p.Due {
			view.Dates = append(view.Dates, dayIn(t, on))
		}
	}
	if p.Due != "" { // it runs already
		view.Next = dayIn(t, p.ExecuteOn)
	}
	return view
}

// masked shows the end of a phone number: enough to know one's own.
func masked(phone string) string {
	if len(phone) < 4 {
		return ""
	}
	return "•••• " + phone[len(phone)-3:]
}

// spaced writes an IBAN in groups of four, as on paper.
func spaced(iban string) string {
	var s strings.Builder
	for i, c := range iban {
		if i > 0 && i%4 == 0 {
			s.WriteByte(' ')
		}
		s.WriteRune(c)
	}
	return s.String()
}

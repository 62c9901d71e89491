package corebank

import (
	"context"
	"slices"

	"kontor/kit/i18n"
)

// alsoTold is what has room on a phone besides what every device tells: each member of a
// basket, and the accounts that money leaves or that are shown.
func (b *Bank) alsoTold(ctx context.Context, t i18n.Texts, j journey) (all []line, err error) {
	if j.Kind == kindBasket {
		members, err := b.members(b.reading(ctx), j.ID)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if m.Kind == kindPayment {
				p := m.payment
				all = append(all, line{"payment.amount", amountIn(t, p.Amount)}, line{"payment.payee", p.CreditorName}, line{"payment.iban", spaced(p.payee())})
			}
			more, err := b.alsoTold(ctx, t, m.journey)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	if j.Signs != "" {
		signed, _, err := b.signersOf(ctx, j.Signs, nil, t.Minute)
		if err != nil {
			return nil, err
		}
		for _, one := range signed {
			all = append(all, line{"sign.signed", one.Name})
		}
	}
	label := "access.legend"
	var p payment
	if id := j.payment(); id != "" {
		label = "payment.from"
		if p, err = b.payment(ctx, id); err != nil {
			return nil, err
		}
	}
	accounts, err := b.accountsOf(ctx, j.Customer)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if slices.ContainsFunc(j.Choice, func(c choice) bool { return c.account == a.ID }) {
			all = append(all, line{label, a.Product + " " + a.Shown()})
		}
	}
	if p.Plan != nil {
		all = append(all, line{"plan.dates", dayIn(t, p.Plan.Start.String()) + " …"})
	} else if p.ExecuteOn != "" {
		all = append(all, line{"payment.date", dayIn(t, p.ExecuteOn)})
	}
	if j.Request.ValidUntil != "" {
		all = append(all, line{"told.until", dayIn(t, j.Request.ValidUntil)})
	}
	return all, nil
}

package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/tpp"
)

// Join makes p, of which the bank knows nothing yet, part of a basket. It is ErrBlocked where
// p is part of another one, and ErrStatus where its authorisation has begun or its time is over.
func (p Payment) Join(now time.Time, basket string) (Payment, error) {
	if err := p.blocked(); err != nil {
		return p, err
	}
	if at := p.At(now); at.Hand != Kept || !at.Status.Initial() {
		return p, fmt.Errorf("%w: it is %s, or its authorisation was started", ErrStatus, at.Status)
	}
	p.Basket = basket
	return p, nil
}

// Leave frees p, which the bank does not have, from a basket that has ended.
func (p Payment) Leave(basket string) Payment {
	if p.Basket == basket && p.Hand == Kept {
		p.Basket = ""
	}
	return p
}

// SendIn notes that p is about to be handed over within its basket, under a session of its own.
func (p Payment) SendIn(now time.Time, basket, session string) (Payment, error) {
	if at := p.At(now); at.Basket != basket || at.Hand != Kept || !at.Status.Initial() {
		return p, fmt.Errorf("%w: it is %s", ErrStatus, at.Status)
	}
	p.Hand, p.HandedAt, p.Session = InBasket, now, session
	return p, nil
}

// blocked refuses what is done to one payment of a basket alone, until that is authorised.
func (p Payment) blocked() error {
	if p.Basket != "" && p.Status.before(TechnicallyAccepted) {
		return ErrBlocked
	}
	return nil
}

// Over says whether p has come to an end, as far as its payer is concerned, and whether that
// is a good one.
func (p Payment) Over() (over, well bool) {
	well = p.Status == PartiallyAccepted || p.Status == Settled || p.Status == SettledOnCreditorAccount
	return well || p.Status.Final() && !p.Unconfirmed, well
}

// Join makes a payment of t's part of a basket, in the transaction of ctx.
func (s *Service) Join(ctx context.Context, bank string, t tpp.ID, id, basket string) error {
	return s.update(ctx, bank, id, func(p Payment) (Payment, error) {
		if p.TPP != t {
			return p, ErrUnknown
		}
		return p.Join(s.Now(), basket)
	})
}

// Leave frees a payment from a basket, in the transaction of ctx.
func (s *Service) Leave(ctx context.Context, bank, id, basket string) error {
	return s.update(ctx, bank, id, func(p Payment) (Payment, error) { return p.Leave(basket), nil })
}

// SendIn notes that a payment is about to be handed over within its basket, whose
// authorisation is of; it gets one of its own, under which the bank reports of it. It joins
// the transaction of ctx.
func (s *Service) SendIn(ctx context.Context, id, basket string, of authorisation.Authorisation) error {
	a := s.Authorisations.Within(of, authorisation.OfPayment, id)
	if err := s.update(ctx, of.Bank, id, func(p Payment) (_ Payment, err error) {
		if p, err = p.SendIn(s.Now(), basket, a.Session); err == nil && of.PSU != "" {
			p.PSU = of.PSU
		}
		return p, err
	}); err != nil {
		return err
	}
	return s.Authorisations.Store.Create(ctx, a)
}

// Order is what the bank is told of a payment that is on its way within a basket.
func (s *Service) Order(ctx context.Context, bank, id string) (core.PaymentOrder, error) {
	p, err := s.Store.Get(ctx, bank, id)
	return p.order(), err
}

// TakenIn notes that the bank has the basket in which this payment was handed over.
func (s *Service) TakenIn(ctx context.Context, bank, id string) error {
	return s.update(ctx, bank, id, func(p Payment) (Payment, error) {
		if p.Hand == InBasket {
			p.Hand = Taken
		}
		return p, nil
	})
}

// TakeBack takes back that a payment was handed over within a basket: the bank does not have
// it. What the bank has reported of it all the same counts more.
func (s *Service) TakeBack(ctx context.Context, bank, id string) error {
	session := ""
	err := s.update(ctx, bank, id, func(p Payment) (Payment, error) {
		if session = ""; p.Hand == InBasket && p.Status.Initial() {
			session, p.Session, p.Hand = p.Session, "", Kept
		}
		return p, nil
	})
	if err != nil || session == "" {
		return err
	}
	return s.Authorisations.Handed(ctx, authorisation.Authorisation{Bank: bank, Session: session}, nil, core.ErrUnavailable)
}

// An Approval is what is known of the approval of a payment.
type Approval int

const (
	NotKnown    Approval = iota // the bank does not tell
	NotReceived                 // the bank never got the payment, and will not take it any more
	NotApproved
	Ended // by itself: that says nothing of the PSU
	Approved
)

// Approval finds out, from what the bank has reported or by asking it, whether the PSU has
// approved a payment that was handed over within a basket.
func (s *Service) Approval(ctx context.Context, bank, id string) (Approval, error) {
	p, err := s.Store.Outline(ctx, bank, id)
	switch {
	case err != nil:
		return NotKnown, err
	case p.Status.ended() && !p.Unconfirmed:
		return Ended, nil
	case authorised(&core.Update{Status: string(p.Status)}):
		return Approved, nil
	}
	u, err := s.ask(ctx, p, p.Session)
	switch {
	case errors.Is(err, core.ErrNotOffered):
		return NotKnown, nil
	case errors.Is(err, core.ErrPaymentUnknown):
		return NotReceived, nil
	case err != nil:
		return NotKnown, err
	case u != nil && Status(u.Status).ended():
		return Ended, nil
	case authorised(u):
		return Approved, nil
	}
	return NotApproved, nil
}

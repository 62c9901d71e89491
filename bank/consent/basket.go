package consent

import (
	"context"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// Join makes c, of which the bank knows nothing yet, part of a basket. It is ErrBlocked where
// c is part of another one, and ErrStatus where its authorisation has begun or its time is over.
func (c Consent) Join(now time.Time, basket string) (Consent, error) {
	switch status := c.statusAt(now); {
	case status == Received && c.blocked() != nil:
		return c, c.blocked()
	case status != Received || c.Session != "":
		return c, fmt.Errorf("%w: it is %s, or its authorisation was started", ErrStatus, status)
	}
	c.Basket = basket
	return c, nil
}

// Leave frees c from a basket that has ended without it.
func (c Consent) Leave(basket string) Consent {
	if c.Basket == basket && c.Status.Pending() {
		c.Basket = ""
	}
	return c
}

// SendIn notes that c is about to be handed over within its basket, under a session of its own.
func (c Consent) SendIn(now time.Time, basket, session string) (Consent, error) {
	if status := c.statusAt(now); status != Received || c.Basket != basket || c.Session != "" {
		return c, fmt.Errorf("%w: it is %s", ErrStatus, status)
	}
	c.Session = session
	return c, nil
}

// blocked refuses what is done to one consent of a basket alone, until that is authorised.
func (c Consent) blocked() error {
	if c.Basket != "" && c.Status.Pending() {
		return ErrBlocked
	}
	return nil
}

// Join makes a consent of t's part of a basket, in the transaction of ctx. One to confirm
// funds is none that a bank takes there.
func (s *Service) Join(ctx context.Context, bank string, t tpp.ID, id, basket string) error {
	return s.update(ctx, bank, id, func(c Consent) (Consent, error) {
		if c.TPP != t || c.OfItsOwn() {
			return c, ErrUnknown
		}
		return c.Join(s.Now(), basket)
	})
}

// Leave frees a consent from a basket, in the transaction of ctx.
func (s *Service) Leave(ctx context.Context, bank, id, basket string) error {
	return s.update(ctx, bank, id, func(c Consent) (Consent, error) { return c.Leave(basket), nil })
}

// SendIn notes that a consent is about to be handed over within its basket, whose
// authorisation is of; it gets one of its own, under which the bank reports of it. It joins
// the transaction of ctx.
func (s *Service) SendIn(ctx context.Context, id, basket string, of authorisation.Authorisation) error {
	a := s.Authorisations.Within(of, authorisation.OfConsent, id)
	if err := s.update(ctx, of.Bank, id, func(c Consent) (Consent, error) { return c.SendIn(s.Now(), basket, a.Session) }); err != nil {
		return err
	}
	return s.Authorisations.Store.Create(ctx, a)
}

// AccessRequest is what the bank is told of a consent that is on its way within a basket.
func (s *Service) AccessRequest(ctx context.Context, b profile.Bank, id string) (core.AccessRequest, error) {
	c, err := s.Store.Get(ctx, b.Code, id)
	return c.request(b), err
}

// TakeBack takes back that a consent was handed over within a basket: the bank does not have it.
func (s *Service) TakeBack(ctx context.Context, bank, id string) error {
	session := ""
	err := s.update(ctx, bank, id, func(c Consent) (Consent, error) {
		if session = ""; c.Status == Received {
			session, c.Session = c.Session, ""
		}
		return c, nil
	})
	if err != nil || session == "" {
		return err
	}
	return s.Authorisations.Handed(ctx, authorisation.Authorisation{Bank: bank, Session: session}, nil, core.ErrUnavailable)
}

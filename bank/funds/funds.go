// Package funds answers whether an amount is there on the account of a PSU who allowed a
// TPP to ask.
//
// The permission is a consent of its own model (consent.Funds): it names one account, the
// PSU authorises it once, and it lives until somebody ends it. A question is answered by
// the bank at that moment with yes or no; neither question nor answer is kept, only that
// the TPP was allowed to ask.
//
// How the consent comes about belongs to package consent.
package funds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/money"
)

// Callers tell these apart with errors.Is; the errors of package consent come as well.
var (
	ErrNoActivation = errors.New("the customer has not allowed confirmations of funds on this account")
	ErrRequest      = errors.New("question about funds cannot be accepted")
)

// A Service asks banks about funds.
type Service struct {
	Consents *consent.Service
	Cores    map[string]core.Bank // by bank code
	Audit    audit.Log
	Now      func() time.Time
}

// A Question is what a TPP wants to know.
type Question struct {
	Bank      string
	TPP       tpp.ID
	ConsentID string // "": the newest consent on Account
	Account   core.AccountReference
	Amount    money.Amount
	RequestID string
}

// Available says whether the amount is there now. It returns ErrRequest, ErrNoActivation,
// or the reason why the consent does not allow the question.
//
// spec: xs2a/checkAvailabilityOfFunds
func (s *Service) Available(ctx context.Context, q Question) (bool, error) {
	if q.Amount.Minor <= 0 {
		return false, fmt.Errorf("%w: the amount must be more than zero", ErrRequest)
	}
	c, err := s.consent(ctx, q)
	if err != nil {
		return false, err
	}
	entry := audit.Entry{At: s.Now(), Bank: q.Bank, Actor: string(q.TPP), Action: "funds.confirm", Resource: c.ID, RequestID: q.RequestID}
	if err := s.Audit.Append(ctx, entry); err != nil {
		return false, err
	}
	// The bank compares the account with the one of the consent field by field, so it is
	// the consent's that is sent, though the TPP may have left the currency out.
	access := core.Access{Session: c.Session, Token: c.Token, ConsentID: c.ID, TPP: string(c.TPP)}
	ok, err := s.Cores[q.Bank].FundsAvailable(ctx, access, (*c.Access.Accounts)[0], q.Amount)
	switch {
	case errors.Is(err, core.ErrTokenExpired):
		return false, errors.Join(consent.ErrExpired, s.Consents.Lapse(ctx, c, false))
	case errors.Is(err, core.ErrAccessDenied):
		return false, errors.Join(consent.ErrInvalid, s.Consents.Lapse(ctx, c, true))
	case errors.Is(err, core.ErrAccountUnknown): // closed since
		return false, ErrNoActivation
	}
	return ok, err
}

// consent finds the consent that allows q.
func (s *Service) consent(ctx context.Context, q Question) (consent.Consent, error) {
	var c consent.Consent
	var err error
	if q.ConsentID != "" {
		c, err = s.Consents.Get(ctx, q.Bank, q.TPP, q.ConsentID)
	} else if c, err = s.Consents.Store.ForFunds(ctx, q.Bank, q.TPP, q.Account); errors.Is(err, consent.ErrUnknown) {
		err = ErrNoActivation
	}
	if err != nil {
		return c, err
	}
	if c.Model != consent.Funds {
		return c, fmt.Errorf("%w: it does not confirm funds", consent.ErrInvalid)
	}
	if err := c.Usable(s.Now()); err != nil {
		return c, err
	}
	if !q.Account.Matches((*c.Access.Accounts)[0]) {
		if q.ConsentID == "" { // the same account, in another currency
			return c, ErrNoActivation
		}
		return c, fmt.Errorf("%w: it is for another account", consent.ErrInvalid)
	}
	return c, nil
}

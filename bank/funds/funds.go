// Package funds answers whether an amount is there on the account of a PSU who allowed a
// TPP to ask.
//
// The permission is a consent of its own model (consent.Funds): it names one account, the
// PSU authorises it once, and it lives until somebody ends it. A question is answered by
// the bank at that moment with yes or no. What is kept of it is that the TPP was allowed to
// ask; and, for a day, the answer with a digest of the question: a TPP that did not hear it
// repeats its request and must not be told something else. No account and no amount is kept.
//
// How the consent comes about belongs to package consent.
package funds

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/money"
)

// Callers tell these apart with errors.Is; the errors of package consent come as well.
var (
	ErrNoActivation = errors.New("the customer has not allowed confirmations of funds on this account")
	ErrCard         = errors.New("question about this card cannot be answered")
	ErrRequest      = errors.New("question about funds cannot be accepted")
)

// A Service asks banks about funds.
type Service struct {
	Consents *consent.Service
	Cores    map[string]core.Bank // by bank code
	Answers  Answers              // nil: every question is a new one
	Audit    audit.Log
	Now      func() time.Time
}

// Answers keep what was answered. Package fundstest says in tests what these words mean.
type Answers interface {
	// Keep stores a, unless its TPP has an answer for its RequestID at its bank already that
	// was given after since. It returns the one that counts.
	Keep(ctx context.Context, a Answer, since time.Time) (Answer, error)
	// Find returns ErrUnanswered where t has no answer that was given after since.
	Find(ctx context.Context, bank string, t tpp.ID, requestID string, since time.Time) (Answer, error)
	// Forget drops the answers that were given at before or earlier.
	Forget(ctx context.Context, before time.Time) error
}

// ErrUnanswered says that there is no such answer.
var ErrUnanswered = errors.New("question was not asked before")

// An Answer is what a TPP was told.
type Answer struct {
	Bank      string
	TPP       tpp.ID
	RequestID string
	ConsentID string
	Digest    [32]byte // of the question
	Available bool
	At        time.Time
}

// repeatWindow is how long a question that is asked again is the same question.
const repeatWindow = 24 * time.Hour

// A Question is what a TPP wants to know.
type Question struct {
	Bank       string
	TPP        tpp.ID
	ConsentID  string // "": the newest consent on Account that allows it
	Account    core.AccountReference
	CardNumber string // "": it is not about a card
	Amount     money.Amount
	RequestID  string
	Body       []byte // what was sent, in one spelling: a repeat has the same
}

// digest tells one question from another.
func (q Question) digest() [32]byte {
	return sha256.Sum256(slices.Concat([]byte(q.ConsentID), []byte{0}, q.Body))
}

// Available says whether the amount is there now; of a question that was asked before, what
// was answered then. It returns ErrRequest, ErrNoActivation, or the reason why the consent
// does not allow the question.
//
// spec: xs2a/checkAvailabilityOfFunds
func (s *Service) Available(ctx context.Context, q Question) (bool, error) {
	if q.Amount.Minor <= 0 {
		return false, &consent.FieldError{Field: "instructedAmount.amount", Problem: "must be more than zero", Err: ErrRequest}
	}
	since := s.Now().Add(-repeatWindow)
	if s.Answers != nil {
		switch first, err := s.Answers.Find(ctx, q.Bank, q.TPP, q.RequestID, since); {
		case err == nil:
			return s.repeat(ctx, q, first)
		case !errors.Is(err, ErrUnanswered):
			return false, err
		}
	}
	var c consent.Consent
	var ok bool
	var err error
	if s.Consents.Banks[q.Bank].Funds.ConsentVia == profile.FundsAtBank {
		ok, err = s.askAtBank(ctx, q)
	} else if c, err = s.consent(ctx, q); err == nil {
		ok, err = s.ask(ctx, q, c)
	}
	if err != nil || s.Answers == nil {
		return ok, err
	}
	told := Answer{Bank: q.Bank, TPP: q.TPP, RequestID: q.RequestID, ConsentID: c.ID, Digest: q.digest(), Available: ok, At: s.Now()}
	first, err := s.Answers.Keep(ctx, told, since)
	if err != nil {
		return false, err
	}
	if first.Digest != told.Digest { // of two at the same moment
		return false, errReused
	}
	return first.Available, nil
}

var errReused error = &consent.FieldError{Field: "X-Request-ID", Problem: "was used for another question", Err: ErrRequest}

// repeat answers q as it was answered first, though the consent may have ended since: it
// tells nothing that the TPP was not told.
func (s *Service) repeat(ctx context.Context, q Question, first Answer) (bool, error) {
	if first.Digest != q.digest() {
		return false, errReused
	}
	return first.Available, s.Audit.Append(ctx, s.entry(q, "funds.repeat", first.ConsentID))
}

// Sweep forgets what cannot be repeated any more.
func (s *Service) Sweep(ctx context.Context) error {
	return s.Answers.Forget(ctx, s.Now().Add(-repeatWindow))
}

func (s *Service) entry(q Question, action, consentID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: q.Bank, Actor: string(q.TPP), Action: action, Resource: consentID, RequestID: q.RequestID}
}

// ask asks the bank.
func (s *Service) ask(ctx context.Context, q Question, c consent.Consent) (bool, error) {
	if err := s.Audit.Append(ctx, s.entry(q, "funds.confirm", c.ID)); err != nil {
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

// askAtBank asks a bank whose customers allow TPPs to ask without the hub: whether this one
// may is then the bank's to say, and a card that is named the bank's to know.
func (s *Service) askAtBank(ctx context.Context, q Question) (bool, error) {
	if q.ConsentID != "" {
		return false, consent.ErrUnknown
	}
	if err := s.Audit.Append(ctx, s.entry(q, "funds.confirm", "")); err != nil {
		return false, err
	}
	ok, err := s.Cores[q.Bank].FundsAvailable(ctx, core.Access{TPP: string(q.TPP)}, q.Account, q.Amount)
	for _, not := range []error{core.ErrAccessDenied, core.ErrTokenExpired, core.ErrAccountUnknown, core.ErrNotOffered} {
		if errors.Is(err, not) {
			return false, ErrNoActivation
		}
	}
	return ok, err
}

// consent finds the consent that allows q: of several on the account the newest. Where there
// is none, the newest one says why.
func (s *Service) consent(ctx context.Context, q Question) (consent.Consent, error) {
	if q.ConsentID != "" {
		c, err := s.Consents.Get(ctx, q.Bank, q.TPP, q.ConsentID)
		if err == nil {
			err = s.allows(c, q)
		}
		return c, err
	}
	all, err := s.Consents.Store.ForFunds(ctx, q.Bank, q.TPP, q.Account)
	if err != nil {
		return consent.Consent{}, err
	}
	var why error
	for _, c := range all {
		switch err := s.allows(c, q); {
		case err == nil:
			return c, nil
		case why == nil && !errors.Is(err, errAccount): // it is the same account, in another currency
			why = err
		}
	}
	return consent.Consent{}, cmp.Or(why, ErrNoActivation)
}

var errAccount = fmt.Errorf("%w: it is for another account", consent.ErrInvalid)

// allows returns why c does not allow q, or nil. A card is compared where both name one: a
// consent that names none is for the account, with whichever card.
func (s *Service) allows(c consent.Consent, q Question) error {
	if c.Model != consent.Funds {
		return fmt.Errorf("%w: it does not confirm funds", consent.ErrInvalid)
	}
	if err := c.Usable(s.Now()); err != nil {
		return err
	}
	if !q.Account.Matches((*c.Access.Accounts)[0]) {
		return errAccount
	}
	if q.CardNumber != "" && c.Card.Number != "" && q.CardNumber != c.Card.Number {
		return &consent.FieldError{Field: "cardNumber", Problem: "is not that of the consent", Err: ErrCard}
	}
	return nil
}

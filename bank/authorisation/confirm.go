package authorisation

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"kontor/bank/core"
)

// ErrCode: the code that should confirm an authorisation is not the one of its PSU.
var ErrCode = errors.New("confirmation code is not the one of this authorisation")

// NotConfirmed is the class of the failure that follows a wrong code.
const NotConfirmed = "NotConfirmed"

// A code is good for confirmFor after SCA. Its authorisation lives a moment longer: what the
// bank reports of a code that came at the last second must not come too late.
const (
	confirmFor   = 5 * time.Minute
	confirmGrace = time.Minute
)

// ByCode says whether a is confirmed by a code, as things stand: the PSU comes back to her TPP
// from the bank's pages with it. A client of OAuth has a code already, that of its token.
func (a Authorisation) ByCode() bool { return a.Confirm && a.Approach == Redirect && !a.OAuth }

// hold takes from the bank that SCA succeeded and waits to be confirmed. digest is of the code
// that the PSU's browser is given; the first one counts.
func (a Authorisation) hold(now time.Time, digest []byte) Authorisation {
	if !a.ByCode() || len(digest) != sha256.Size || a.Status == Unconfirmed {
		return a // nobody could confirm it
	}
	a.Status, a.CodeHash, a.ExpiresAt = Unconfirmed, digest, now.Add(confirmFor+confirmGrace)
	return a.over()
}

// Brings says whether code is the one that confirms a.
func (a Authorisation) Brings(code string) bool {
	hash := sha256.Sum256([]byte(code))
	return a.Status == Unconfirmed && subtle.ConstantTimeCompare(hash[:], a.CodeHash) == 1
}

// Answer takes a code that should confirm a. The right one is taken again until the bank has
// answered; a wrong one ends a, because nobody types a code of this length: it is another
// PSU's, or a guess. It is ErrStatus while there is nothing to confirm, and when it is too late.
func (a Authorisation) Answer(now time.Time, code string) (_ Authorisation, right bool, err error) {
	if err := a.Takes(now, Confirm); err != nil {
		return a, false, err
	}
	right = a.Brings(code)
	switch {
	case right && a.ConfirmedAt.IsZero() && !now.Before(a.ExpiresAt.Add(-confirmGrace)):
		return a, false, fmt.Errorf("%w: the time to confirm it is over", ErrStatus)
	case right && a.ConfirmedAt.IsZero():
		a.ConfirmedAt = now
	case !right && a.ConfirmedAt.IsZero():
		a.Status, a.FinalisedAt = Failed, now
	}
	return a, right, nil
}

// unheld says whether a success is one of a bank that should have waited. What is only access
// is not taken. Where money is moved the bank is believed: it has done so, and a TPP that
// reads of a rejection would pay once more.
func (a Authorisation) unheld() bool {
	return a.ByCode() && a.Kind == OfConsent && a.ConfirmedAt.IsZero()
}

// Confirm takes the code that the PSU of a brought back to her TPP, and lets the bank go on
// with what it has held until then. It returns a as the bank has ended it, waiting for that for
// at most wait. With ErrCode a has failed; with any other error the TPP may send the code again.
func (s *Service) Confirm(ctx context.Context, a Authorisation, code, requestID string, wait time.Duration) (Authorisation, error) {
	right, ended := false, false
	err := s.Atomically(ctx, func(ctx context.Context) error {
		var before, next Authorisation
		err := s.Store.Update(ctx, a.Bank, a.ID, func(stored Authorisation) (_ Authorisation, err error) {
			before = stored
			next, right, err = stored.Answer(s.Now(), code)
			return next, err
		})
		if err != nil {
			return err
		}
		action := "authorisation.confirm"
		if !right {
			action = "authorisation.confirm.fail"
		}
		ended = next.Status != before.Status
		if err := s.record(ctx, next, string(next.TPP), action, requestID); err != nil || !ended {
			return err
		}
		if err := s.tell(ctx, before, next, "hub"); err != nil {
			return err
		}
		return s.refused(ctx, next, core.Fail{Session: a.Session, Class: NotConfirmed, Message: ErrCode.Error()})
	})
	if err != nil {
		return a, err
	}
	if !right && !ended { // the right one has come before
		return a, ErrCode
	}
	ctx = context.WithoutCancel(ctx) // a code that was taken is passed on though the TPP hangs up
	limited, cancel := context.WithTimeout(ctx, stepMax)
	defer cancel()
	u, err := s.Cores[a.Bank].Confirm(limited, core.Confirmation{Session: a.Session, TPP: string(a.TPP), Confirmed: right})
	switch {
	case !right: // a bank that does not hear of it lets go of what it holds when its time is up
		return a, ErrCode
	case err != nil:
		return a, err
	case u != nil:
		if err := s.Handed(ctx, a, u, nil); err != nil {
			return a, err
		}
	}
	return s.AwaitEnd(ctx, a.Bank, a.ID, wait)
}

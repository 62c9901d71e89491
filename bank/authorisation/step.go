package authorisation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/core"
)

// A Step is what a PSU does by way of her TPP, and not at the bank.
type Step string

const (
	Identify     Step = "identify"     // say who she is
	Authenticate Step = "authenticate" // give a password
	Select       Step = "select"       // choose one of her methods
	Send         Step = "send"         // answer the challenge
	Confirm      Step = "confirm"      // prove that she came back to the TPP, where a code is asked for
)

// ways lists the approaches by how little the TPP sees of SCA: a method that the PSU chooses
// can only lead on.
var ways = []Approach{Embedded, Decoupled, Redirect}

// offer takes what u says of how the PSU goes on.
func (a Authorisation) offer(u core.Update) Authorisation {
	if to := Approach(u.SCAApproach); !a.OAuth && slices.Index(ways, to) > slices.Index(ways, a.Approach) {
		a.Approach = to
	}
	if u.Methods != nil {
		a.Methods = u.Methods
	}
	if u.Chosen != nil {
		a.Chosen = u.Chosen
	}
	if u.Challenge != nil {
		a.Challenge = u.Challenge
	}
	return a
}

// over forgets what is of no use after the end.
func (a Authorisation) over() Authorisation {
	a.Methods, a.Chosen, a.Challenge = nil, nil, nil
	return a
}

// Next lists the steps that are of use now: those that a TPP is told of.
func (a Authorisation) Next() (steps []Step) {
	known := a.PSU != "" // she has logged in before
	switch {
	case a.Status.Final() || a.Approach == Redirect:
	case a.Status == Received && a.Approach == Decoupled && !known:
		return []Step{Identify}
	case a.Status == Received && a.Approach == Embedded && !known:
		return []Step{Identify, Authenticate}
	case a.Approach == Embedded && (a.Status == Received || a.Status == PSUIdentified):
		return []Step{Authenticate}
	case a.Choice():
		return []Step{Select}
	case a.Approach == Embedded && (a.Status == SCAMethodSelected || a.Status == Started):
		return []Step{Send}
	}
	return nil
}

// Choice says whether the PSU has to choose one of a's methods.
func (a Authorisation) Choice() bool {
	return len(a.Methods) > 0 && slices.Index(order, a.Status) < slices.Index(order, SCAMethodSelected)
}

// Takes says whether a can be moved on by step at now. It is ErrStatus when it is too late, or
// too early, and ErrNotOffered where the PSU's way is another one. Who she is can always be
// said as long as the bank has not asked her itself.
func (a Authorisation) Takes(now time.Time, step Step) error {
	switch at := a.At(now); {
	case at.Status.Final():
		return fmt.Errorf("%w: it is %s", ErrStatus, at.Status)
	case a.Approach == Redirect && step == Identify, slices.Contains(a.Next(), step):
		return nil
	case step == Confirm && a.ByCode():
		if at.Status == Unconfirmed {
			return nil
		}
	case a.Approach == Redirect, step == Confirm, a.Approach == Decoupled && step != Identify && step != Select:
		return ErrNotOffered
	}
	return fmt.Errorf("%w: it is %s", ErrStatus, a.Status)
}

// stepMax bounds how long the bank may take to answer to a step.
const stepMax = 30 * time.Second

// Step passes on to the bank one step of a's PSU, and returns a as it stands then. Where the
// bank says that this was the last one, or that she has to go on elsewhere, it waits for that
// for at most wait. A step is passed on once, and to its end though the TPP hangs up: a code
// can be used only once. What the bank refuses of it is core.ErrCredentials,
// core.ErrMethodUnknown or core.ErrRefused, and a stays open until the bank ends it.
func (s *Service) Step(ctx context.Context, a Authorisation, step Step, by core.SCAStep, requestID string, wait time.Duration) (Authorisation, error) {
	if err := s.permit(ctx, a, step, requestID); err != nil || a.Approach == Redirect {
		return a, err // on its own pages the bank asks the PSU who she is
	}
	by.Session, by.TPP, by.Approach = a.Session, string(a.TPP), string(a.Approach)
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, stepMax)
	defer cancel()
	u, err := s.Cores[a.Bank].Authorise(limited, by)
	if err != nil {
		return a, errors.Join(err, s.notAccepted(ctx, a, step, requestID, err))
	}
	if u == nil {
		return s.Await(ctx, a.Bank, a.ID, 0)
	}
	u.Session = a.Session
	if err := s.Handed(ctx, a, u, nil); err != nil {
		return a, err
	}
	if to := Status(u.SCAStatus); to.Final() {
		return s.AwaitEnd(ctx, a.Bank, a.ID, wait)
	}
	return s.Await(ctx, a.Bank, a.ID, wait)
}

// permit says whether a takes step now, and records that it did.
func (s *Service) permit(ctx context.Context, a Authorisation, step Step, requestID string) error {
	if err := a.Takes(s.Now(), step); err != nil || a.Approach == Redirect {
		return err
	}
	return s.record(ctx, a, string(a.TPP), "authorisation."+string(step), requestID)
}

// notAccepted records that the bank did not accept a step, and that this has closed the door. What
// of it was wrong is nobody's business but the PSU's.
func (s *Service) notAccepted(ctx context.Context, a Authorisation, step Step, requestID string, cause error) error {
	if !errors.Is(cause, core.ErrCredentials) && !errors.Is(cause, core.ErrMethodUnknown) {
		return nil
	}
	err := s.record(ctx, a, "bank", "authorisation."+string(step)+".fail", requestID)
	if now, gerr := s.Store.Get(ctx, a.Bank, a.ID); gerr == nil && now.Status == Failed {
		err = errors.Join(err, s.record(ctx, a, "bank", "authorisation.lock", requestID))
	}
	return err
}

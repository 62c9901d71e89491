package authorisation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/core"
)

const (
	// nextSignature is how long after one signature the next one is waited for.
	nextSignature = 24 * time.Hour
	// signaturesOpen bounds how many further signatures of one run can be under way at once.
	signaturesOpen = 10
)

// A Signable subject may need the signatures of several PSUs. Only its bank knows how many and
// whose; it says so with each success. What is not Signable accepts no such success. The
// methods run as those of a Subject.
type Signable interface {
	Subject
	// Signed is told that one signature was given, by a, and that another is waited for until
	// then. Authorised is told with the last.
	Signed(ctx context.Context, a Authorisation, s core.Success, until time.Time) error
	// Unsigned is told that a, which was to add a signature, came to nothing: another can be asked.
	Unsigned(ctx context.Context, a Authorisation, f core.Fail) error
}

// Awaits says whether a was the first of several signatures, and another is waited for at now.
func (a Authorisation) Awaits(now time.Time) bool {
	return a.Status == Finalised && now.Before(a.AwaitsUntil)
}

// Run is the session under which the bank was asked first: a's own, unless it adds a signature.
func (a Authorisation) Run() string { return cmp.Or(a.Signs, a.Session) }

// overdue says whether a waits in vain for another signature.
func (a Authorisation) overdue(now time.Time) bool {
	return a.Status == Finalised && !a.AwaitsUntil.IsZero() && !now.Before(a.AwaitsUntil)
}

// Awaited finds the first signature of a subject, where the bank waits for another one.
func (s *Service) Awaited(ctx context.Context, bank string, kind Kind, subject string) (first Authorisation, awaited bool, err error) {
	all, err := s.Store.List(ctx, bank, kind, subject)
	for _, a := range all {
		if a.Awaits(s.Now()) {
			first, awaited = a, true
		}
	}
	return first, awaited, err
}

// Sign asks the bank for another signature, of what the PSU of first has signed: a is the
// authorisation of whoever gives it, not yet stored. also runs in the transaction that stores
// it. It is ErrStatus where no signature is waited for any more, and where many are under way.
func (s *Service) Sign(
	ctx context.Context, first, a Authorisation, ask core.Signature, wait time.Duration, also func(ctx context.Context) error,
) (Authorisation, error) {
	a.Signs = first.Session
	if a.ExpiresAt.After(first.AwaitsUntil) {
		a.ExpiresAt = first.AwaitsUntil
	}
	err := s.Atomically(ctx, func(ctx context.Context) error {
		if err := also(ctx); err != nil {
			return err
		}
		// The first one is written though nothing of it changes: whoever ends the run at the
		// same moment waits here, or is seen.
		if err := s.Store.Update(ctx, a.Bank, first.ID, func(first Authorisation) (Authorisation, error) {
			if !first.Awaits(s.Now()) {
				return first, fmt.Errorf("%w: no other signature is waited for", ErrStatus)
			}
			return first, nil
		}); err != nil {
			return err
		}
		open := 0
		all, err := s.Store.List(ctx, a.Bank, a.Kind, a.Subject)
		for _, other := range all {
			if other.Signs == first.Session && !other.At(s.Now()).Status.Final() {
				open++
			}
		}
		if err == nil && open >= signaturesOpen {
			err = fmt.Errorf("%w: %d signatures are under way", ErrStatus, open)
		}
		if err != nil {
			return err
		}
		return s.Store.Create(ctx, a)
	})
	if err != nil {
		return Authorisation{}, err
	}
	ask.Session, ask.Signs, ask.TPP, ask.UserID = a.Session, first.Session, string(a.TPP), a.PSU
	u, cause := s.Cores[a.Bank].StartSignature(ctx, ask)
	err = s.Atomically(context.WithoutCancel(ctx), func(ctx context.Context) error {
		err := s.Handed(ctx, a, u, cause)
		if err != nil || cause == nil {
			return err
		}
		return s.Free(ctx, a) // what the bank did not take can be asked again
	})
	if err = cmp.Or(err, cause); err != nil {
		return Authorisation{}, err
	}
	return s.Await(ctx, a.Bank, a.ID, wait)
}

// succeeded tells the subject of a success: that it is authorised, or that one of several
// signatures was given. late: time had ended a, or all of the run, before.
func (s *Service) succeeded(ctx context.Context, a Authorisation, ok core.Success, late bool) error {
	subject := s.Subjects[a.Kind]
	if !ok.Partly && a.Signs == "" {
		return subject.Authorised(ctx, a, ok)
	}
	signable, is := subject.(Signable)
	if !is {
		return fmt.Errorf("%w: this cannot have several signatures", ErrNotAccepted)
	}
	var until time.Time
	if ok.Partly {
		until = s.Now().Add(nextSignature)
	}
	if err := s.awaitUntil(ctx, a, until, late); err != nil {
		return err
	}
	if ok.Partly {
		return signable.Signed(ctx, a, ok, until)
	}
	// The others who could have signed need not any more.
	return errors.Join(subject.Authorised(ctx, a, ok), s.CloseAll(ctx, a.Bank, a.Kind, a.Subject))
}

// awaitUntil notes until when another signature is waited for in the run of a; zero: no more.
// A run that has ended is not opened again, unless it is late that counts.
func (s *Service) awaitUntil(ctx context.Context, a Authorisation, until time.Time, late bool) error {
	return s.Store.UpdateBySession(ctx, a.Bank, a.Run(), func(first Authorisation) (Authorisation, error) {
		if a.Signs != "" && first.AwaitsUntil.IsZero() && !late {
			return first, core.ErrSessionClosed
		}
		first.AwaitsUntil = until
		return first, nil
	})
}

// refused tells the subject of a failure. What fails of a further signature leaves the rest as
// it is, unless the bank says that it is the end of all.
func (s *Service) refused(ctx context.Context, a Authorisation, f core.Fail) error {
	subject := s.Subjects[a.Kind]
	signable, is := subject.(Signable)
	if a.Signs == "" || !is {
		return subject.Refused(ctx, a, f)
	}
	if f.Class != AccessDenied && f.Status == "" {
		return signable.Unsigned(ctx, a, f)
	}
	return errors.Join(s.CloseAll(ctx, a.Bank, a.Kind, a.Subject), subject.Refused(ctx, a, f))
}

package authorisation

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/tpp"
)

// Digest tells one request that starts an authorisation of subject from another. body is what
// was sent, in one spelling.
func Digest(subject string, body []byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte(subject), []byte{0}, body))
}

// StartedBefore finds the authorisation that t started by the same request, and waits for the
// bank's page as the first request does. It is ErrOther when something else was asked then, of
// which digest tells, and core.ErrUnavailable when the bank did not take it in the meantime.
func (s *Service) StartedBefore(
	ctx context.Context, bank string, t tpp.ID, requestID string, digest [32]byte, wait time.Duration,
) (a Authorisation, found bool, err error) {
	if requestID == "" {
		return a, false, nil
	}
	a, err = s.Store.ByRequest(ctx, bank, t, requestID)
	switch {
	case errors.Is(err, ErrUnknown), err == nil && !s.Now().Before(a.CreatedAt.Add(RepeatWindow)):
		return Authorisation{}, false, nil
	case err != nil:
		return a, false, err
	case a.Digest != digest:
		return a, false, ErrOther
	}
	if a, err = s.Await(ctx, bank, a.ID, wait); err == nil && a.RequestID == "" {
		err = core.ErrUnavailable
	}
	return a, err == nil, err
}

// Within returns an authorisation of one of the subjects for which that of a basket counts,
// not yet stored: the bank reports of each of them under a session of its own. No PSU and no
// client of OAuth ever comes through it, though it tells how she authenticated.
func (s *Service) Within(of Authorisation, kind Kind, subject string) Authorisation {
	a := s.New(Start{Bank: of.Bank, Kind: kind, Subject: subject, TPP: of.TPP, PSU: of.PSU, Approach: of.Approach, OAuth: of.OAuth})
	a.ExpiresAt = of.ExpiresAt
	return a
}

// Free lets the request that started a be made again: the bank did not take it.
func (s *Service) Free(ctx context.Context, a Authorisation) error {
	return s.Store.Update(ctx, a.Bank, a.ID, func(a Authorisation) (Authorisation, error) {
		a.RequestID = ""
		return a, nil
	})
}

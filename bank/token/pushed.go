package token

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"
)

// ErrPushed says that no pushed request stands behind a reference in the hands of this client:
// it was used, it expired, it is another client's, or it never was.
var ErrPushed = errors.New("pushed request unknown or over")

// A Pushed is an authorization request that its client sent ahead of the PSU's browser, so that
// nobody on the way can read or change it. A browser brings only the reference, once.
//
// Source: RFC 9126
type Pushed struct {
	Bank      string
	Reference Hash              // of the secret part of request_uri
	Client    string            // client_id, proved
	Request   map[string]string // parameters as they were sent, without the proof of the client
	ExpiresAt time.Time
}

// open says whether p may be used by client now.
func (p Pushed) open(now time.Time, client string) error {
	switch {
	case subtle.ConstantTimeCompare([]byte(p.Client), []byte(client)) != 1:
		return fmt.Errorf("%w: another client's", ErrPushed)
	case !now.Before(p.ExpiresAt):
		return fmt.Errorf("%w: expired", ErrPushed)
	}
	return nil
}

// Push keeps request for client and returns the reference to it.
func (s *Service) Push(ctx context.Context, bank, client string, request map[string]string, ttl time.Duration) (reference string, err error) {
	reference = NewSecret()
	return reference, s.Store.Push(ctx, Pushed{
		Bank: bank, Reference: HashOf(reference), Client: client, Request: request, ExpiresAt: s.Now().Add(ttl),
	})
}

// Pull returns the request behind reference, once. It returns ErrPushed for a second time, for
// another client, and after its time. A stranger who guesses the client_id wrong does not use
// it up.
func (s *Service) Pull(ctx context.Context, bank, client, reference string) (map[string]string, error) {
	p, err := s.Store.Pushed(ctx, bank, HashOf(reference))
	if errors.Is(err, ErrUnknown) {
		return nil, fmt.Errorf("%w: none such", ErrPushed)
	}
	if err != nil {
		return nil, err
	}
	if err := p.open(s.Now(), client); err != nil {
		return nil, err
	}
	if err := s.Store.Pull(ctx, bank, p.Reference); err != nil {
		if errors.Is(err, ErrUsed) {
			err = fmt.Errorf("%w: %w", ErrPushed, err)
		}
		return nil, err
	}
	return p.Request, nil
}

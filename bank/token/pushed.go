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
// nobody on the way can read or change it. A browser brings only the reference.
//
// It is used up when its client is answered, not when a browser comes with it: programs look at
// addresses before people do, and people load pages again (FAPI 2.0, 5.3.2.2). Of all the
// journeys that begin with one reference, one ends with a code.
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

// Pushed returns the request behind reference. It returns ErrPushed for another client, after
// its time, and when its client has had an answer to it.
func (s *Service) Pushed(ctx context.Context, bank, client, reference string) (Pushed, error) {
	p, err := s.Store.Pushed(ctx, bank, HashOf(reference))
	if errors.Is(err, ErrUnknown) {
		return Pushed{}, fmt.Errorf("%w: none such", ErrPushed)
	}
	if err != nil {
		return Pushed{}, err
	}
	return p, p.open(s.Now(), client)
}

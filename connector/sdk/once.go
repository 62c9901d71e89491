package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// startsMax and startLife bound what is remembered: a hub's session is over long before.
	startsMax = 100_000
	startLife = time.Hour
)

// starts remembers which sessions were started. The protocol has no key of idempotency but
// the session secret, and a hub that did not hear the answer sends the same again.
type starts struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[string]*start
	queue []*start // oldest first
}

type start struct {
	key   string
	until time.Time
	done  chan struct{}
	err   error // once done is closed
}

var (
	errPanicked = errors.New("the bank failed while it started this session")
	errStarted  = fmt.Errorf("%w: a member of this session was started before, or is being asked about", ErrInvalid)
	errTooLate  = fmt.Errorf("%w: the hub was told that this session was never started", ErrInvalid)
)

// A member is a session that is started with others.
type member struct{ kind, secret string }

func (m member) key() string { return m.kind + "/" + m.secret }

// once calls do unless this session was started before; then it returns what do returned,
// waiting for it. A start that failed is forgotten: it may be tried again.
func (s *starts) once(ctx context.Context, kind, secret string, do func() error) error {
	return s.together(ctx, kind, secret, nil, do)
}

// together is once for a session that starts members with it. One that was started before, or
// that the hub was told never to have been, cannot be started with others.
func (s *starts) together(ctx context.Context, kind, secret string, members []member, do func() error) error {
	key := kind + "/" + secret
	s.mu.Lock()
	s.forget()
	if e, ok := s.known[key]; ok {
		s.mu.Unlock()
		select {
		case <-e.done:
			return e.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, m := range members {
		if _, ok := s.known[m.key()]; ok {
			s.mu.Unlock()
			return errStarted
		}
	}
	all := []*start{s.add(key)}
	for _, m := range members {
		all = append(all, s.add(m.key()))
	}
	s.mu.Unlock()
	defer func() { // also when do panics: others wait
		for _, e := range all {
			s.settle(e)
		}
	}()
	err := do()
	for _, e := range all {
		e.err = err
	}
	return err
}

// query calls ask, which finds out whether the session was started, while no start of it is
// under way. Where ask says ErrPaymentUnknown, none may follow.
func (s *starts) query(ctx context.Context, kind, secret string, ask func() error) error {
	key := kind + "/" + secret
	for {
		s.mu.Lock()
		s.forget()
		e, ok := s.known[key]
		if !ok {
			e = s.add(key)
			s.mu.Unlock()
			defer s.settle(e)
			err := ask()
			if e.err = err; errors.Is(err, ErrPaymentUnknown) {
				e.err = errTooLate
			}
			return err
		}
		s.mu.Unlock()
		select {
		case <-e.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if e.err == nil || e.err == errTooLate {
			return ask()
		}
	}
}

// add remembers a start that is under way.
func (s *starts) add(key string) *start {
	if s.known == nil {
		s.known = map[string]*start{}
	}
	e := &start{key: key, until: s.now().Add(startLife), done: make(chan struct{}), err: errPanicked}
	s.known[key] = e
	s.queue = append(s.queue, e)
	return e
}

// settle ends the wait for e.
func (s *starts) settle(e *start) {
	if e.err != nil && e.err != errTooLate {
		s.mu.Lock()
		if s.known[e.key] == e {
			delete(s.known, e.key)
		}
		s.mu.Unlock()
	}
	close(e.done)
}

// forget drops what is too old, or too much.
func (s *starts) forget() {
	now, n := s.now(), 0
	for n < len(s.queue) && (len(s.queue)-n >= startsMax || !now.Before(s.queue[n].until)) {
		if e := s.queue[n]; s.known[e.key] == e {
			delete(s.known, e.key)
		}
		s.queue[n] = nil
		n++
	}
	s.queue = s.queue[n:]
}

package coretest

import (
	"context"
	"sync"
	"time"

	"kontor/bank/core"
)

// A Recorder is Events that takes everything of a session until its end and remembers it.
type Recorder struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and made anew with every report
	updates   map[string][]core.Update
	successes map[string][]core.Success
	fails     map[string][]core.Fail
	revoked   map[string][]bool // by token: funds
	held      []core.TokenInfo
}

var _ core.Events = (*Recorder)(nil)

// NewRecorder returns an empty one.
func NewRecorder() *Recorder {
	return &Recorder{
		changed: make(chan struct{}), updates: map[string][]core.Update{}, successes: map[string][]core.Success{},
		fails: map[string][]core.Fail{}, revoked: map[string][]bool{},
	}
}

// Hold makes Tokens list held.
func (r *Recorder) Hold(held ...core.TokenInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = held
}

// note runs change unless session is over.
func (r *Recorder) note(session string, change func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.successes[session]) > 0:
		return core.ErrSessionFinalised
	case len(r.fails[session]) > 0:
		return core.ErrSessionClosed
	}
	change()
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// Update remembers u.
func (r *Recorder) Update(_ context.Context, _ string, u core.Update) error {
	return r.note(u.Session, func() { r.updates[u.Session] = append(r.updates[u.Session], u) })
}

// Success remembers s.
func (r *Recorder) Success(_ context.Context, _ string, s core.Success) error {
	return r.note(s.Session, func() { r.successes[s.Session] = append(r.successes[s.Session], s) })
}

// Fail remembers f.
func (r *Recorder) Fail(_ context.Context, _ string, f core.Fail) error {
	return r.note(f.Session, func() { r.fails[f.Session] = append(r.fails[f.Session], f) })
}

// Revoked remembers the token.
func (r *Recorder) Revoked(_ context.Context, _, token string, funds bool) error {
	return r.note("", func() { r.revoked[token] = append(r.revoked[token], funds) })
}

// Tokens lists what Hold was given.
func (r *Recorder) Tokens(_ context.Context, _ string, q core.TokenQuery) (found []core.TokenInfo, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := q.FromID == ""
	for _, t := range r.held {
		begun = begun || t.ID == q.FromID
		if begun && (q.UserID == "" || t.UserID == q.UserID) && len(found) < q.Limit {
			found = append(found, t)
		}
	}
	return found, nil
}

// Updates, Successes, Fails and Revocations return what was reported so far.
func (r *Recorder) Updates(session string) []core.Update {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.updates[session]
}

func (r *Recorder) Successes(session string) []core.Success {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.successes[session]
}

func (r *Recorder) Fails(session string) []core.Fail {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fails[session]
}

func (r *Recorder) Revocations(token string) []bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked[token]
}

// Ended says whether session has its success or fail.
func (r *Recorder) Ended(session string) bool {
	return len(r.Successes(session))+len(r.Fails(session)) > 0
}

// wait waits until done, which is asked after every report.
func (r *Recorder) wait(patience time.Duration, done func() bool) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if done() {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return done()
		}
	}
}

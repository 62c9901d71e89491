package dashboard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/kit/audit"
)

// Callers tell these apart with errors.Is.
var (
	ErrSession = errors.New("nobody is logged in")
	ErrIdle    = fmt.Errorf("%w any more", ErrSession) // somebody was, until a moment ago
	// ErrLogIn: the PSU did not log in at the bank, or in another browser than the one that asked.
	ErrLogIn = errors.New("the log-in did not succeed")
	// ErrNotOffered: the bank's own pages are where its customers see third parties.
	ErrNotOffered = errors.New("this bank offers no log-in to the dashboard")
)

// How long a PSU stays logged in: after her last request (RTS art. 4(3)(d)), and at all. A
// log-in that has begun must be done in loginMax.
const (
	idleMax  = 5 * time.Minute
	stayMax  = time.Hour
	loginMax = 30 * time.Minute
	// seenStep is how exactly her last request is noted: not every page shall cost a write.
	seenStep = 30 * time.Second
)

// A Session is one browser in which a PSU has logged in, or is about to.
type Session struct {
	Bank          string
	Key           [32]byte // SHA-256 of the browser's secret
	Entry         [32]byte // SHA-256 of the secret with which she comes back from the bank
	Authorisation string   // ID of the log-in at the bank
	PSU           string   // the bank's id of her; "" while she logs in
	Began         time.Time
	Seen          time.Time // her last request, to the step
}

// Open says whether somebody is logged in at now.
func (s Session) Open(now time.Time) bool {
	return s.PSU != "" && now.Before(s.Began.Add(stayMax)) && now.Before(s.Seen.Add(idleMax))
}

// Awaits says whether s is of a log-in under way to which entry belongs.
func (s Session) Awaits(entry string, now time.Time) bool {
	sum := sha256.Sum256([]byte(entry))
	return s.PSU == "" && now.Before(s.Began.Add(loginMax)) && subtle.ConstantTimeCompare(sum[:], s.Entry[:]) == 1
}

// Sessions keep who is logged in. Package dashboardtest says in tests what these words mean.
type Sessions interface {
	Create(ctx context.Context, s Session) error
	// Get returns ErrSession when the bank has no session with this key.
	Get(ctx context.Context, bank string, key [32]byte) (Session, error)
	// Replace puts next in the place of the one with key, atomically; ErrSession when that is
	// not there any more. Of two who try at a time, one does.
	Replace(ctx context.Context, key [32]byte, next Session) error
	// Touch notes when the session was last used.
	Touch(ctx context.Context, bank string, key [32]byte, seen time.Time) error
	Delete(ctx context.Context, bank string, key [32]byte) error
	// Forget drops the sessions that began before a moment.
	Forget(ctx context.Context, before time.Time) error
}

// A Beginning is a log-in that has begun.
type Beginning struct {
	PageURL string // the bank's page
	Secret  string // for the browser to keep, until loginMax
}

// Begin asks the bank to log a PSU in, who comes back to the address that back makes of a
// secret. ErrNotOffered where the bank's connector logs nobody in.
//
// The way back has a secret of its own, beside that of the browser, so that a stranger who
// talks a PSU into logging in on a page that the stranger began gains nothing: he has the one,
// she has the other.
func (s *Service) Begin(ctx context.Context, bank string, back func(entry string) string) (Beginning, error) {
	b, now := s.Banks[bank], s.Now()
	secret, entry := s.secret(), s.secret()
	a := s.Authorisations.New(authorisation.Start{
		Bank: bank, Kind: authorisation.OfLogin, RedirectURI: back(entry), Timeout: min(b.SCATimeout, loginMax),
	})
	err := s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Authorisations.Store.Create(ctx, a); err != nil {
			return err
		}
		return s.Sessions.Create(ctx, Session{
			Bank: bank, Key: sha256.Sum256([]byte(secret)), Entry: sha256.Sum256([]byte(entry)), Authorisation: a.ID, Began: now, Seen: now,
		})
	})
	if err != nil {
		return Beginning{}, err
	}
	u, cause := s.Cores[bank].StartLogin(ctx, core.LoginRequest{Session: a.Session, AppName: b.Name, ReturnURL: s.ReturnURL(bank, a.ReturnKey)})
	if err := s.Authorisations.Handed(context.WithoutCancel(ctx), a, u, cause); err != nil {
		return Beginning{}, err
	}
	if cause != nil {
		if errors.Is(cause, core.ErrNotOffered) {
			cause = ErrNotOffered
		}
		return Beginning{}, cause
	}
	a, err = s.Authorisations.Await(ctx, bank, a.ID, b.FirstUpdateWait)
	if err == nil && a.BankURL == "" {
		err = fmt.Errorf("%w: no page for the customer yet", core.ErrUnavailable)
	}
	return Beginning{PageURL: a.BankURL, Secret: secret}, err
}

// Enter logs in the PSU who comes back from the bank with entry, in the browser that keeps
// secret, and returns the secret that the browser keeps from now on: one that was known
// before she logged in is worth nothing after. ErrLogIn says that she is not logged in.
func (s *Service) Enter(ctx context.Context, bank, secret, entry string) (string, error) {
	key, now := sha256.Sum256([]byte(secret)), s.Now()
	old, err := s.Sessions.Get(ctx, bank, key)
	if errors.Is(err, ErrSession) || err == nil && !old.Awaits(entry, now) {
		return "", ErrLogIn
	}
	if err != nil {
		return "", err
	}
	a, err := s.Authorisations.Store.Get(ctx, bank, old.Authorisation)
	switch {
	case err != nil:
		return "", err
	case a.At(now).Status != authorisation.Finalised || a.PSU == "":
		return "", ErrLogIn
	}
	fresh := s.secret()
	next := Session{Bank: bank, Key: sha256.Sum256([]byte(fresh)), Authorisation: a.ID, PSU: a.PSU, Began: now, Seen: now}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, audit.Entry{At: now, Bank: bank, Actor: PSU, Action: "dashboard.enter", Resource: a.ID}); err != nil {
			return err
		}
		return s.Sessions.Replace(ctx, key, next)
	})
	if errors.Is(err, ErrSession) {
		err = ErrLogIn
	}
	return fresh, err
}

// Session finds who is logged in in the browser that keeps secret; ErrSession where nobody is.
func (s *Service) Session(ctx context.Context, bank, secret string) (Session, error) {
	if secret == "" {
		return Session{}, ErrSession
	}
	key, now := sha256.Sum256([]byte(secret)), s.Now()
	one, err := s.Sessions.Get(ctx, bank, key)
	switch {
	case err != nil:
		return Session{}, err
	case one.PSU == "":
		return Session{}, ErrSession
	case !one.Open(now):
		return Session{}, ErrIdle
	case now.Sub(one.Seen) < seenStep:
		return one, nil
	}
	one.Seen = now
	return one, s.Sessions.Touch(ctx, bank, key, now)
}

// Leave ends the session of secret. That there is none is no error.
func (s *Service) Leave(ctx context.Context, bank, secret string) error {
	return s.Sessions.Delete(ctx, bank, sha256.Sum256([]byte(secret)))
}

// Sweep forgets sessions that are over.
func (s *Service) Sweep(ctx context.Context) error {
	return s.Sessions.Forget(ctx, s.Now().Add(-stayMax))
}

// FormToken goes with every form of the session of secret: another site cannot know it.
func FormToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("form"))
	return hex.EncodeToString(mac.Sum(nil))
}

// IsFormToken compares in constant time.
func IsFormToken(secret, token string) bool {
	return subtle.ConstantTimeCompare([]byte(FormToken(secret)), []byte(token)) == 1
}

// secret returns 260 random bits.
func (s *Service) secret() string { return s.NewID() + s.NewID() }

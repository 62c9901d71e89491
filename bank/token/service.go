package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kontor/bank/tpp"
)

// A Store keeps grants and tokens. Package tokentest says in tests what these words mean.
type Store interface {
	// Create keeps a new grant.
	Create(ctx context.Context, g Grant) error
	// Get returns ErrUnknown when the bank has no such grant.
	Get(ctx context.Context, bank, id string) (Grant, error)
	// ByCode, ByAccess and ByRefresh return ErrUnknown when there is no such secret.
	ByCode(ctx context.Context, bank string, code Hash) (Grant, error)
	ByAccess(ctx context.Context, bank string, access Hash) (Grant, Pair, error)
	ByRefresh(ctx context.Context, bank string, refresh Hash) (Grant, Pair, error)
	// Approve keeps PSU and code of g, and takes away the pushed request that g came from. It
	// returns ErrUsed, and keeps nothing, when g does not wait any more, or when the request is
	// gone: of many grants that came from one request, one is approved.
	Approve(ctx context.Context, g Grant) error
	// Redeem keeps the first pair of g. It returns ErrUsed, and keeps nothing, when g has
	// no code to redeem any more: of many that redeem one code, one succeeds.
	Redeem(ctx context.Context, g Grant, p Pair) error
	// Rotate keeps a further pair. It returns ErrUsed when the parent has a child already.
	Rotate(ctx context.Context, p Pair) error
	// End ends one grant, EndResource all grants for one consent or payment.
	End(ctx context.Context, bank, id string) error
	EndResource(ctx context.Context, bank, resource string) error
	// Push keeps a pushed request, and Pushed returns it, or ErrUnknown. Pull takes it away, if
	// it is there.
	Push(ctx context.Context, p Pushed) error
	Pushed(ctx context.Context, bank string, reference Hash) (Pushed, error)
	Pull(ctx context.Context, bank string, reference Hash) error
	// Sweep forgets grants that were to be kept until before, and used pairs and pushed requests
	// that expired before then.
	Sweep(ctx context.Context, before time.Time) error
}

// A Service applies the rules to stored grants.
type Service struct {
	Store Store
	Now   func() time.Time
}

// A Request is an authorization request that was found good.
type Request struct {
	Bank        string
	Client      string
	TPP         tpp.ID
	Scope       Scope
	RedirectURI string
	State       string
	Challenge   string
	Pushed      Hash // of the reference that it came by; zero: it came in the address
	Refreshable bool
	EndsAt      time.Time
	Wait        time.Duration // how long the PSU may take
}

// Begin starts a grant, which waits for its PSU, and returns the secret for her browser.
func (s *Service) Begin(ctx context.Context, r Request) (g Grant, browser string, err error) {
	browser = NewSecret()
	now := s.Now()
	g = Grant{
		Bank: r.Bank, ID: NewSecret(), Client: r.Client, TPP: r.TPP, Scope: r.Scope, RedirectURI: r.RedirectURI, State: r.State,
		Challenge: r.Challenge, Pushed: r.Pushed, Browser: HashOf(browser), Refreshable: r.Refreshable, EndsAt: r.EndsAt,
		CreatedAt: now, WaitUntil: now.Add(r.Wait), Status: Waiting,
	}
	return g, browser, s.Store.Create(ctx, g)
}

// Get returns the grant that the PSU with this browser has asked for. It returns ErrUnknown
// for another browser: a code must not go to somebody who was talked into opening a link.
func (s *Service) Get(ctx context.Context, bank, id, browser string) (Grant, error) {
	g, err := s.Store.Get(ctx, bank, id)
	if err != nil {
		return Grant{}, err
	}
	if HashOf(browser) != g.Browser {
		return Grant{}, ErrUnknown
	}
	return g, nil
}

// Approve returns the code of g, once.
func (s *Service) Approve(ctx context.Context, g Grant, psu string, ttl time.Duration) (code string, err error) {
	code = NewSecret()
	if g, err = g.Approve(s.Now(), psu, HashOf(code), ttl); err != nil {
		return "", err
	}
	return code, s.Store.Approve(ctx, g)
}

// End ends a grant: its PSU refused, or its TPP gave it back.
func (s *Service) End(ctx context.Context, g Grant) error {
	if err := s.Store.End(ctx, g.Bank, g.ID); err != nil || g.Pushed == (Hash{}) {
		return err
	}
	return s.Store.Pull(ctx, g.Bank, g.Pushed) // a refusal is an answer as well
}

// Tokens are what the TPP gets.
type Tokens struct {
	Access    string
	Refresh   string          // empty: none
	Scope     string          // empty: it was asked for by Details alone
	Details   json.RawMessage // authorization_details; nil: it was asked for by Scope
	ExpiresIn time.Duration
}

// Redeem exchanges a code. A code that is used twice ends its grant, tokens included.
func (s *Service) Redeem(ctx context.Context, r Redemption) (Tokens, error) {
	g, err := s.Store.ByCode(ctx, r.Bank, HashOf(r.Code))
	if errors.Is(err, ErrUnknown) {
		return Tokens{}, fmt.Errorf("%w: it was not issued here, or long ago", ErrCode)
	}
	if err != nil {
		return Tokens{}, err
	}
	if g, err = g.Redeem(s.Now(), r); err != nil {
		return Tokens{}, s.usedTwice(ctx, g, err)
	}
	t, p := s.issue(g, r.Client, r.TTL)
	if err := s.Store.Redeem(ctx, g, p); err != nil {
		return Tokens{}, s.usedTwice(ctx, g, err)
	}
	return t, nil
}

// Refresh exchanges a refresh token. One that is used twice ends its grant.
func (s *Service) Refresh(ctx context.Context, r Refresh) (Tokens, error) {
	g, old, err := s.Store.ByRefresh(ctx, r.Bank, HashOf(r.Token))
	if errors.Is(err, ErrUnknown) {
		return Tokens{}, fmt.Errorf("%w: it was not issued here, or long ago", ErrCode)
	}
	if err != nil {
		return Tokens{}, err
	}
	if err := g.Refresh(s.Now(), old, r); err != nil {
		return Tokens{}, err
	}
	t, p := s.issue(g, r.Client, r.TTL)
	p.Parent = old.Refresh
	if err := s.Store.Rotate(ctx, p); err != nil {
		return Tokens{}, s.usedTwice(ctx, g, err)
	}
	return t, nil
}

// usedTwice ends g when err says that one of its secrets was used twice: one of the two who
// hold it is not the TPP, and nobody can tell which (RFC 6749, 4.1.2; RFC 9700, 4.14.2). What
// it returns is both ErrCode and ErrUsed.
func (s *Service) usedTwice(ctx context.Context, g Grant, err error) error {
	if !errors.Is(err, ErrUsed) {
		return err
	}
	if err := s.End(ctx, g); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w, and all that came of it has ended", ErrCode, ErrUsed)
}

func (s *Service) issue(g Grant, c Client, ttl time.Duration) (Tokens, Pair) {
	now := s.Now()
	p := Pair{Bank: g.Bank, Grant: g.ID, Thumbprint: c.Thumbprint, ExpiresAt: g.expiry(now, ttl)}
	t := Tokens{Access: NewSecret(), Scope: g.Scope.Asked, Details: g.Scope.Details(), ExpiresIn: p.ExpiresAt.Sub(now)}
	p.Access = HashOf(t.Access)
	if g.Refreshable {
		t.Refresh = NewSecret()
		p.Refresh = HashOf(t.Refresh)
	}
	return t, p
}

// Check says what a bearer token is good for in the hands of t. It is one read.
func (s *Service) Check(ctx context.Context, bank, bearer string, t tpp.TPP, now time.Time) (Token, error) {
	g, p, err := s.Store.ByAccess(ctx, bank, HashOf(bearer))
	if err != nil {
		return Token{}, err
	}
	return g.Check(now, p, t)
}

// Find returns the grant behind an access or refresh token of c, or ErrUnknown.
func (s *Service) Find(ctx context.Context, bank, secret string, c Client) (Grant, error) {
	h := HashOf(secret)
	g, _, err := s.Store.ByAccess(ctx, bank, h)
	if errors.Is(err, ErrUnknown) {
		g, _, err = s.Store.ByRefresh(ctx, bank, h)
	}
	if err == nil && !g.belongsTo(c) {
		err = ErrUnknown
	}
	if err != nil {
		return Grant{}, err
	}
	return g, nil
}

// RevokeResource ends every grant for a consent or payment, in the transaction of ctx.
func (s *Service) RevokeResource(ctx context.Context, bank, resource string) error {
	if resource == "" { // a log-in is for no resource
		return nil
	}
	return s.Store.EndResource(ctx, bank, resource)
}

// sweepAfter is how long what is over is kept: a secret that is used again within that time
// is still recognised.
const sweepAfter = 24 * time.Hour

// Sweep forgets what has been over for a day. Nothing that a TPP is answered depends on it,
// but whether an old secret is called unknown or expired.
func (s *Service) Sweep(ctx context.Context) error {
	return s.Store.Sweep(ctx, s.Now().Add(-sweepAfter))
}

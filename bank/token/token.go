// Package token decides for whom a PSU's agreement at the authorization server opens the
// interface: grants, the codes that are exchanged for them, and the tokens that prove them.
//
// A Grant begins with an authorization request and waits while the PSU is at the bank
// (waiting). When she agreed, the TPP gets a code (approved) and exchanges it once
// (redeemed) for an access token and, where the consent recurs, a refresh token. Each
// refresh token is good for one more pair. A grant ends when the PSU refuses, when its
// consent ends, or when a code or refresh token is used twice: then somebody else holds a
// copy, and all of its tokens die at once.
//
// Nothing secret is stored: codes and tokens are 256 random bits, kept as their SHA-256.
// Whether a token is alive is read from its grant, so what is issued in the very moment
// that a grant ends is dead as well.
//
// Who the client is, and how it proves that, is the caller's to say. A token never takes
// the place of the consent: what may be read is decided there.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"kontor/bank/tpp"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown = errors.New("token unknown")   // none such was issued here, or long ago
	ErrInvalid = errors.New("token not valid") // ended, another TPP's, or bound to another certificate
	ErrExpired = errors.New("token expired")
	ErrCode    = errors.New("code or refresh token not valid") // what OAuth calls invalid_grant
	ErrUsed    = errors.New("it was used before")
	ErrOver    = errors.New("the PSU came back too late")
	ErrScope   = errors.New("scope not supported")
)

// A Status says where a grant stands in its life.
type Status string

const (
	Waiting  Status = "waiting"  // the PSU is at the bank
	Approved Status = "approved" // she agreed; the code is out
	Redeemed Status = "redeemed" // the code was exchanged; tokens may be alive
	Ended    Status = "ended"    // refused, revoked, or used by two: nothing of it is alive
)

// A Hash is the SHA-256 of a code, a token or a browser's secret.
type Hash [sha256.Size]byte

// HashOf returns what is kept of secret.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// NewSecret returns 256 random bits as text that can stand in a URL.
func NewSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// A Grant is one PSU's agreement to one authorization request.
type Grant struct {
	Bank   string
	ID     string // secret of the journey's session; stands in the address that the browser returns to
	Client string // client_id
	TPP    tpp.ID // who the client is
	Scope  Scope

	RedirectURI string
	State       string // of the TPP; may be empty
	Challenge   string // of PKCE, S256; empty: none
	Browser     Hash   // of the secret in the browser's cookie
	Pushed      Hash   // of the reference to the request; zero: it was not pushed

	Refreshable bool      // refresh tokens are issued
	EndsAt      time.Time // no token outlives it; zero: no such limit
	CreatedAt   time.Time
	WaitUntil   time.Time // the PSU must be back by then

	Status        Status
	PSU           string // the bank's id of the PSU, once she agreed; may stay empty
	Code          Hash
	CodeExpiresAt time.Time
}

// Approve gives g its code.
func (g Grant) Approve(now time.Time, psu string, code Hash, ttl time.Duration) (Grant, error) {
	if g.Status != Waiting {
		return g, ErrUsed
	}
	if !now.Before(g.WaitUntil) {
		return g, ErrOver
	}
	g.Status, g.PSU, g.Code, g.CodeExpiresAt = Approved, psu, code, now.Add(ttl)
	return g, nil
}

// A Client is who asks at the token endpoint, after it proved that.
type Client struct {
	ID         string // client_id
	TPP        tpp.ID
	Thumbprint tpp.Thumbprint // of the certificate on this connection; zero: there was none
}

func (g Grant) belongsTo(c Client) bool { return g.Client == c.ID && g.TPP == c.TPP }

// A Redemption is the exchange of a code.
type Redemption struct {
	Bank string
	Client
	Code        string
	RedirectURI string
	Verifier    string // of PKCE
	// RedirectURIOptional lets a client leave redirect_uri out, as OAuth 2.1 does. One that
	// is sent must be the right one all the same.
	RedirectURIOptional bool
	TTL                 time.Duration // of the access token
}

// Redeem exchanges the code of g for the first pair of tokens.
func (g Grant) Redeem(now time.Time, r Redemption) (Grant, error) {
	switch {
	case !g.belongsTo(r.Client):
		return g, fmt.Errorf("%w: it belongs to another client", ErrCode)
	case g.Status == Redeemed:
		return g, ErrUsed
	case g.Status != Approved:
		return g, fmt.Errorf("%w: its grant has ended", ErrCode)
	case !now.Before(g.CodeExpiresAt):
		return g, fmt.Errorf("%w: it has expired", ErrCode)
	case r.RedirectURI != g.RedirectURI && !(r.RedirectURI == "" && r.RedirectURIOptional):
		return g, fmt.Errorf("%w: redirect_uri is not that of the authorization request", ErrCode)
	}
	if err := g.verify(r.Verifier); err != nil {
		return g, err
	}
	g.Status = Redeemed
	return g, nil
}

// verify compares the verifier with the challenge (RFC 7636, 4.6). A verifier without a
// challenge is refused: somebody may have taken the challenge out of the authorization
// request (RFC 9700, 4.8.2).
func (g Grant) verify(verifier string) error {
	const shortest, longest = 43, 128
	switch {
	case g.Challenge == "" && verifier == "":
		return nil
	case g.Challenge == "":
		return fmt.Errorf("%w: code_verifier without code_challenge", ErrCode)
	case len(verifier) < shortest || len(verifier) > longest:
		return fmt.Errorf("%w: code_verifier must have 43 to 128 characters", ErrCode)
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.Challenge)) != 1 {
		return fmt.Errorf("%w: code_verifier does not fit code_challenge", ErrCode)
	}
	return nil
}

// A Refresh is the exchange of a refresh token.
type Refresh struct {
	Bank string
	Client
	Token string
	Scope string        // as asked again; empty: as before
	TTL   time.Duration // of the access token
}

// Refresh says whether the refresh token of p is good for another pair. A new certificate of
// the same TPP is: the client has proved who it is, and would lose all its customers at
// every renewal otherwise (RFC 8705, 4). No certificate at all, after one, is not.
func (g Grant) Refresh(now time.Time, p Pair, r Refresh) error {
	switch {
	case !g.belongsTo(r.Client):
		return fmt.Errorf("%w: it belongs to another client", ErrCode)
	case g.Status != Redeemed:
		return fmt.Errorf("%w: its grant has ended", ErrCode)
	case g.over(now):
		return fmt.Errorf("%w: the consent is over", ErrCode)
	case p.Thumbprint != tpp.Thumbprint{} && r.Thumbprint == tpp.Thumbprint{}:
		return fmt.Errorf("%w: it is bound to a certificate, and none was presented", ErrCode)
	case r.Scope != "" && !g.Scope.Same(r.Scope):
		return fmt.Errorf("%w: a refresh cannot change the scope", ErrScope)
	}
	return nil
}

// over says whether nothing of g may be alive any more.
func (g Grant) over(now time.Time) bool { return !g.EndsAt.IsZero() && !now.Before(g.EndsAt) }

// expiry is when an access token of g that is issued now expires.
func (g Grant) expiry(now time.Time, ttl time.Duration) time.Time {
	at := now.Add(ttl)
	if !g.EndsAt.IsZero() && at.After(g.EndsAt) {
		at = g.EndsAt
	}
	return at
}

// KeptUntil is when g can be forgotten, given its newest access token's end.
func (g Grant) KeptUntil(newest time.Time) time.Time {
	if g.Refreshable && g.EndsAt.After(newest) {
		return g.EndsAt
	}
	return newest
}

// A Pair is an access token with the refresh token that came with it, as they are kept.
type Pair struct {
	Bank, Grant string
	Access      Hash
	Refresh     Hash           // zero: none came with it
	Parent      Hash           // the refresh token that it was got with; zero: it was got with the code
	Thumbprint  tpp.Thumbprint // the certificate it is bound to; zero: none
	ExpiresAt   time.Time      // of the access token
}

// A Token is what an access token is good for.
type Token struct {
	Bank      string
	Client    string
	TPP       tpp.ID
	Scope     Scope
	PSU       string // the bank's id of the PSU; may be empty
	ExpiresAt time.Time
	Bound     bool // to the TPP's certificate
}

// Check says what the access token of p is good for in the hands of t.
func (g Grant) Check(now time.Time, p Pair, t tpp.TPP) (Token, error) {
	switch {
	case g.TPP != t.ID:
		return Token{}, fmt.Errorf("%w: it was issued to another TPP", ErrInvalid)
	case p.Thumbprint != tpp.Thumbprint{} && subtle.ConstantTimeCompare(p.Thumbprint[:], t.Thumbprint[:]) != 1:
		return Token{}, fmt.Errorf("%w: it is bound to another certificate", ErrInvalid)
	case g.Status != Redeemed:
		return Token{}, fmt.Errorf("%w: it was revoked", ErrInvalid)
	case !now.Before(p.ExpiresAt) || g.over(now):
		return Token{}, ErrExpired
	}
	return Token{
		Bank: g.Bank, Client: g.Client, TPP: g.TPP, Scope: g.Scope, PSU: g.PSU, ExpiresAt: p.ExpiresAt,
		Bound: p.Thumbprint != tpp.Thumbprint{},
	}, nil
}

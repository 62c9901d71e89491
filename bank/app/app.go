// Package app decides which registered clients may ask the authorization server, and by
// which addresses their customers come back.
//
// An App belongs to one TPP, and is registered by whoever runs the developer portal. It has
// a client_id that anybody may know, and a secret that is shown once. At a bank where a TPP
// is known by its certificate alone nothing is registered, but the redirect URIs of the
// TPP's apps are good there as well.
//
// A secret must be random: it is kept as a plain SHA-256, which protects 256 random bits
// and would not protect a password.
package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"kontor/bank/tpp"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown     = errors.New("client unknown")
	ErrClientID    = errors.New("client_id must be 1 to 128 printable characters without spaces")
	ErrSecret      = errors.New("client secret must have 32 to 256 printable characters, made at random")
	ErrRedirectURI = errors.New("redirect URI must be absolute, without fragment and user information, of at most 2048 characters")
	ErrTPP         = errors.New("an app must belong to a TPP")
)

// An App is a registered client.
type App struct {
	Bank         string // code of the one bank that knows it; empty: all of the hub
	ClientID     string
	SecretHash   [sha256.Size]byte // zero: it has none
	TPP          tpp.ID            // whose app it is
	Name         string            // shown to PSUs
	RedirectURIs []string
	// CertificateThumbprint is the one certificate that it may use; zero: any of its TPP.
	CertificateThumbprint tpp.Thumbprint
}

// NewSecret returns a client secret of 256 random bits.
func NewSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// HasSecret says whether secret is a's.
func (a App) HasSecret(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return a.SecretHash != [sha256.Size]byte{} && subtle.ConstantTimeCompare(sum[:], a.SecretHash[:]) == 1
}

// Accepts says whether t is the TPP of a, with a certificate that a may use.
func (a App) Accepts(t tpp.TPP) bool {
	return a.TPP == t.ID && (a.CertificateThumbprint == tpp.Thumbprint{} || a.CertificateThumbprint == t.Thumbprint)
}

// check returns everything that is wrong with a, joined.
func (a App) check() error {
	var errs []error
	const longestID = 128
	if !printable(a.ClientID, 1, longestID) {
		errs = append(errs, ErrClientID)
	}
	if a.TPP == "" {
		errs = append(errs, ErrTPP)
	}
	for _, uri := range a.RedirectURIs {
		if !SoundRedirectURI(uri) {
			errs = append(errs, fmt.Errorf("%w: %.100q", ErrRedirectURI, uri))
		}
	}
	return errors.Join(errs...)
}

// SoundRedirectURI says whether a browser may be sent to uri with a code. Apps have schemes
// of their own, so the schemes that run or read something here are named, not those that
// are allowed.
func SoundRedirectURI(uri string) bool {
	const longest = 2048
	if !printable(uri, 1, longest) || strings.ContainsAny(uri, "#\\\"<>") {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.User != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "", "javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "ftp", "ws", "wss":
		return false
	case "https", "http":
		return u.Hostname() != "" && u.Opaque == ""
	}
	return true
}

func printable(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// A Store keeps apps. Package apptest says in tests what these words mean.
type Store interface {
	// Put keeps a, in the place of the app with its client_id if there is one.
	Put(ctx context.Context, a App) error
	// ByClient returns the app of bank, or else that of all banks, or ErrUnknown.
	ByClient(ctx context.Context, bank, clientID string) (App, error)
	// OfTPP lists the apps that t has at bank, by client_id.
	OfTPP(ctx context.Context, bank string, t tpp.ID) ([]App, error)
}

// A Service registers and finds apps.
type Service struct{ Store Store }

// Register keeps a, with the hash of secret. An app with the same client_id at the same bank
// is replaced: that is how secret and addresses change. Without a secret it can be used with
// its TPP's certificate only.
func (s *Service) Register(ctx context.Context, a App, secret string) error {
	err := a.check()
	const shortest, longest = 32, 256
	if secret != "" && !printable(secret, shortest, longest) {
		err = errors.Join(err, ErrSecret)
	}
	if err != nil {
		return err
	}
	a.SecretHash = [sha256.Size]byte{}
	if secret != "" {
		a.SecretHash = sha256.Sum256([]byte(secret))
	}
	return s.Store.Put(ctx, a)
}

// ByClient finds the app with clientID at bank. It returns ErrUnknown for what cannot be a
// client_id as well.
func (s *Service) ByClient(ctx context.Context, bank, clientID string) (App, error) {
	const longest = 128
	if !printable(clientID, 1, longest) {
		return App{}, ErrUnknown
	}
	return s.Store.ByClient(ctx, bank, clientID)
}

// OfTPP lists the apps that t has at bank.
func (s *Service) OfTPP(ctx context.Context, bank string, t tpp.ID) ([]App, error) {
	return s.Store.OfTPP(ctx, bank, t)
}

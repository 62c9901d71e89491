// Package webauthn checks what passkeys say: that one was made for us (Register), and that its
// owner has answered a challenge of ours with it (Verify).
//
// The rules of Web Authentication are go-webauthn's. This room narrows them to what a bank needs:
// the authenticator must have verified its user, the page must be the bank's own and not be
// inside another's, nothing is asked about the make of the authenticator, and a passkey that
// signs less often than before answers nothing.
//
// Whose a passkey is, which challenge was given to whom, and that each is good once, is the
// caller's matter.
package webauthn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Refusals. Neither is for the eyes of whoever sent the answer.
var (
	ErrRefused = errors.New("not a good answer of the passkey") // what it wraps says why
	ErrCounter = errors.New("the passkey has been copied, perhaps: it has signed less often than before")
)

// answerMax is the longest answer that is read, in bytes.
const answerMax = 16 << 10

// algorithms are what keys may sign with, the most wanted first.
var algorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256}

// Algorithms lists those that Register takes, by their numbers at IANA (COSE).
func Algorithms() []int {
	var all []int
	for _, a := range algorithms {
		all = append(all, int(a))
	}
	return all
}

// A Party is who asks for passkeys: those of one party are of no use at another.
type Party struct {
	ID     string // a domain
	Origin string // of the pages that ask
}

// PartyAt is the party whose pages are at an address. It is false where browsers have no
// passkeys: at an address without a name, and where the way is not encrypted, except on the
// browser's own machine.
func PartyAt(address string) (Party, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return Party{}, false
	}
	id := strings.ToLower(u.Hostname())
	local := id == "localhost" || strings.HasSuffix(id, ".localhost")
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return Party{}, false
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return Party{ID: id, Origin: u.Scheme + "://" + host}, true
}

// A Passkey is what is kept of one: nothing of it is secret.
type Passkey struct {
	ID      []byte `json:"id"`
	Key     []byte `json:"key"`              // COSE
	Synced  bool   `json:"synced,omitempty"` // it may be on several devices; this never changes
	User    []byte `json:"user"`             // whom the authenticator knows it by
	Counter uint32 `json:"-"`                // how often it has signed; kept apart, for it changes
}

// Register checks the answer to the making of a passkey, which is the standard's
// RegistrationResponseJSON, and returns the passkey.
func (p Party) Register(challenge, user, answer []byte) (Passkey, error) {
	rp, err := p.checker(answer)
	if err != nil {
		return Passkey{}, err
	}
	said, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, refused(err)
	}
	asked := p.session(challenge, user)
	for _, a := range algorithms {
		asked.CredParams = append(asked.CredParams, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a})
	}
	made, err := rp.CreateCredential(owner{id: user}, asked, said)
	if err != nil {
		return Passkey{}, refused(err)
	}
	if key, err := webauthncose.ParsePublicKey(made.PublicKey); err != nil || weak(key) {
		return Passkey{}, fmt.Errorf("%w: its key is weak: %v", ErrRefused, err)
	}
	return Passkey{ID: made.ID, Key: made.PublicKey, Synced: made.Flags.BackupEligible, User: user, Counter: made.Authenticator.SignCount}, nil
}

// weak says whether a key is shorter than what a bank may rely on; the library takes any.
func weak(key any) bool {
	k, ok := key.(webauthncose.RSAPublicKeyData)
	return ok && len(k.Modulus) < 2048/8
}

// Verify checks the answer of k to challenge, which is the standard's AuthenticationResponseJSON,
// and returns how often k has signed now. Where the authenticator counts, that is more than
// before: whoever keeps it has to see to it that of two answers at once only one counts.
func (p Party) Verify(challenge []byte, k Passkey, answer []byte) (counter uint32, err error) {
	rp, err := p.checker(answer)
	if err != nil {
		return 0, err
	}
	said, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return 0, refused(err)
	}
	asked := p.session(challenge, k.User)
	asked.AllowedCredentialIDs = [][]byte{k.ID}
	known := webauthn.Credential{
		ID: k.ID, PublicKey: k.Key,
		Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: k.Synced},
		Authenticator: webauthn.Authenticator{SignCount: k.Counter},
	}
	used, err := rp.ValidateLogin(owner{k.User, []webauthn.Credential{known}}, asked, said)
	if err != nil {
		return 0, refused(err)
	}
	if used.Authenticator.CloneWarning {
		return 0, ErrCounter
	}
	return used.Authenticator.SignCount, nil
}

// checker is the library as p wants it, once answer is short enough to be read.
func (p Party) checker(answer []byte) (*webauthn.WebAuthn, error) {
	if len(answer) > answerMax {
		return nil, fmt.Errorf("%w: it is too long", ErrRefused)
	}
	return webauthn.New(&webauthn.Config{RPID: p.ID, RPDisplayName: p.ID, RPOrigins: []string{p.Origin}})
}

// session is what was asked.
func (p Party) session(challenge, user []byte) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge: base64.RawURLEncoding.EncodeToString(challenge), RelyingPartyID: p.ID, Origin: p.Origin,
		UserID: user, UserVerification: protocol.VerificationRequired,
	}
}

func refused(err error) error { return fmt.Errorf("%w: %w", ErrRefused, err) }

// An owner has passkeys. Authenticators are told her names by the page, which is not asked here.
type owner struct {
	id       []byte
	passkeys []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.id }
func (o owner) WebAuthnName() string                       { return "" }
func (o owner) WebAuthnDisplayName() string                { return "" }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.passkeys }

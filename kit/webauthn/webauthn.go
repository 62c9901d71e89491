// Package webauthn checks what passkeys say: that one was made for us (Register), and that its
// owner has answered a challenge of ours with it (Verify).
//
// A browser makes a passkey with an authenticator, hands over its public half, and has it sign
// challenges from then on. What is signed names the challenge, the origin of the page that asked
// and the party it belongs to; it says whether the authenticator has verified who holds it, and
// how often it has signed. All of these are looked at before the signature counts for anything.
//
// Only what a bank needs is taken: the authenticator must have verified its user, the page must
// not be inside another's, and nothing is asked about the make of the authenticator. So nothing
// is read but JSON, a header of fixed width and a key as X.509 writes it, and all of it by the
// standard library. The browser translates the key; it is compared with what the authenticator
// wrote.
//
// Whose a passkey is, which challenge was given to whom, and that each is good once, is the
// caller's matter.
package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Algorithms of signatures by their numbers at IANA (COSE), the most wanted first.
const (
	ES256 = -7
	EdDSA = -8
	RS256 = -257
)

// Algorithms lists those that Register takes.
func Algorithms() []int { return []int{ES256, EdDSA, RS256} }

// Refusals. None of them is for the eyes of whoever sent the answer.
var (
	ErrFormat    = errors.New("not an answer of a passkey")
	ErrChallenge = errors.New("the answer is to another challenge")
	ErrOrigin    = errors.New("the answer comes from another page")
	ErrUser      = errors.New("the authenticator has not verified its user")
	ErrKey       = errors.New("no such passkey")
	ErrSignature = errors.New("the signature is wrong")
	ErrCounter   = errors.New("the passkey has been copied, perhaps") // it has signed less often than before
)

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
	ID        []byte `json:"id"`
	Key       []byte `json:"key"` // PKIX
	Algorithm int    `json:"alg"`
	Synced    bool   `json:"synced,omitempty"` // it may be on several devices; this never changes
	User      []byte `json:"user"`             // whom the authenticator knows it by
	Counter   uint32 `json:"-"`                // how often it has signed; kept apart, for it changes
}

// Limits of what is taken.
const (
	idMax     = 1023 // bytes, by the standard
	keyMax    = 2048
	answerMax = 16 << 10
	headerLen = 37
	rsaLeast  = 2048
	rsaMost   = 4096
)

// Flags of an authenticator.
const (
	userPresent  = 1 << 0
	userVerified = 1 << 2
	canSync      = 1 << 3
	isSynced     = 1 << 4
	hasKey       = 1 << 6
	hasMore      = 1 << 7
)

// binaryText is base64url without padding, as browsers write bytes into JSON.
type binaryText []byte

func (b *binaryText) UnmarshalJSON(text []byte) error {
	var s string
	err := json.Unmarshal(text, &s)
	if err == nil {
		*b, err = base64.RawURLEncoding.Strict().DecodeString(s)
	}
	return err
}

// An answer is what the page sends: the fields of the browser's own object that are needed.
type answer struct {
	ID                binaryText `json:"id"`
	ClientData        binaryText `json:"clientDataJSON"`
	AuthenticatorData binaryText `json:"authenticatorData"`
	Signature         binaryText `json:"signature"`          // of Verify only
	UserHandle        binaryText `json:"userHandle"`         // of Verify, and not from everyone
	PublicKey         binaryText `json:"publicKey"`          // of Register only
	Algorithm         int        `json:"publicKeyAlgorithm"` // of Register only
}

// Register checks the answer to the making of a passkey, and returns the passkey.
func (p Party) Register(challenge, user, text []byte) (Passkey, error) {
	a, data, err := p.read("webauthn.create", challenge, text)
	if err != nil {
		return Passkey{}, err
	}
	if data.flags&hasKey == 0 || len(data.rest) < 18 {
		return Passkey{}, fmt.Errorf("%w: there is no key", ErrFormat)
	}
	// Sixteen bytes name the make of the authenticator.
	n := int(binary.BigEndian.Uint16(data.rest[16:]))
	if n == 0 || n > idMax || len(data.rest) < 18+n {
		return Passkey{}, fmt.Errorf("%w: the length of the ID", ErrFormat)
	}
	id, written := data.rest[18:18+n], data.rest[18+n:]
	if subtle.ConstantTimeCompare(id, a.ID) != 1 {
		return Passkey{}, fmt.Errorf("%w: two IDs", ErrFormat)
	}
	key, err := readKey(a.PublicKey, a.Algorithm)
	if err != nil {
		return Passkey{}, err
	}
	parts := numbers(key)
	if len(parts) == 0 || slices.ContainsFunc(parts, func(n []byte) bool { return !bytes.Contains(written, n) }) {
		return Passkey{}, fmt.Errorf("%w: the authenticator wrote another key", ErrKey)
	}
	return Passkey{ID: id, Key: a.PublicKey, Algorithm: a.Algorithm, Synced: data.flags&canSync != 0, User: user, Counter: data.counter}, nil
}

// Verify checks the answer of k to challenge, and returns how often k has signed now. Where the
// authenticator counts, that is more than before: whoever keeps it has to see to it that of two
// answers at once only one counts.
func (p Party) Verify(challenge []byte, k Passkey, text []byte) (counter uint32, err error) {
	a, data, err := p.read("webauthn.get", challenge, text)
	switch {
	case err != nil:
		return 0, err
	case subtle.ConstantTimeCompare(a.ID, k.ID) != 1:
		return 0, ErrKey
	case len(a.UserHandle) > 0 && subtle.ConstantTimeCompare(a.UserHandle, k.User) != 1:
		return 0, fmt.Errorf("%w: of this user", ErrKey)
	case data.flags&hasKey != 0:
		return 0, fmt.Errorf("%w: a key where none was made", ErrFormat)
	case data.flags&hasMore == 0 && len(data.rest) > 0:
		return 0, fmt.Errorf("%w: more than was announced", ErrFormat)
	case k.Synced != (data.flags&canSync != 0):
		return 0, fmt.Errorf("%w: that can be synchronised like this one", ErrKey)
	}
	key, err := readKey(k.Key, k.Algorithm)
	if err != nil {
		return 0, err
	}
	if !signed(key, a.AuthenticatorData, a.ClientData, a.Signature) {
		return 0, ErrSignature
	}
	if (data.counter != 0 || k.Counter != 0) && data.counter <= k.Counter {
		return 0, ErrCounter
	}
	return data.counter, nil
}

// clientData is what the browser says about the page that asked.
type clientData struct {
	Type        string     `json:"type"`
	Challenge   binaryText `json:"challenge"`
	Origin      string     `json:"origin"`
	CrossOrigin bool       `json:"crossOrigin"`
	TopOrigin   string     `json:"topOrigin"`
}

// authenticatorData is what the authenticator says about itself.
type authenticatorData struct {
	flags   byte
	counter uint32
	rest    []byte
}

// read takes an answer apart and looks at all that is the same of every answer.
func (p Party) read(kind string, challenge, text []byte) (a answer, data authenticatorData, err error) {
	if len(text) > answerMax {
		return a, data, fmt.Errorf("%w: it is too long", ErrFormat)
	}
	var said clientData
	if json.Unmarshal(text, &a) != nil || json.Unmarshal(a.ClientData, &said) != nil || len(a.ID) == 0 || len(a.ID) > idMax || len(a.AuthenticatorData) < headerLen {
		return a, data, ErrFormat
	}
	if said.Type != kind {
		return a, data, fmt.Errorf("%w: to another question", ErrFormat)
	}
	// An empty challenge is nobody's: who forgot to give one must not be answered.
	if len(challenge) == 0 || subtle.ConstantTimeCompare(said.Challenge, challenge) != 1 {
		return a, data, ErrChallenge
	}
	if subtle.ConstantTimeCompare([]byte(said.Origin), []byte(p.Origin)) != 1 || said.CrossOrigin || said.TopOrigin != "" {
		return a, data, ErrOrigin
	}
	party := sha256.Sum256([]byte(p.ID))
	if subtle.ConstantTimeCompare(a.AuthenticatorData[:32], party[:]) != 1 {
		return a, data, fmt.Errorf("%w: of another party", ErrOrigin)
	}
	data = authenticatorData{a.AuthenticatorData[32], binary.BigEndian.Uint32(a.AuthenticatorData[33:]), a.AuthenticatorData[headerLen:]}
	if data.flags&userPresent == 0 || data.flags&userVerified == 0 {
		return a, data, ErrUser
	}
	if data.flags&isSynced != 0 && data.flags&canSync == 0 {
		return a, data, fmt.Errorf("%w: synchronised what cannot be", ErrFormat)
	}
	return a, data, nil
}

// readKey reads a key of one of the algorithms.
func readKey(der []byte, algorithm int) (crypto.PublicKey, error) {
	if len(der) > keyMax {
		return nil, fmt.Errorf("%w: its key is too long", ErrKey)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: its key cannot be read", ErrKey)
	}
	fits := false
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		fits = algorithm == ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		fits = algorithm == EdDSA
	case *rsa.PublicKey:
		fits = algorithm == RS256 && k.N.BitLen() >= rsaLeast && k.N.BitLen() <= rsaMost
	}
	if !fits {
		return nil, fmt.Errorf("%w: its key is not one of algorithm %d", ErrKey, algorithm)
	}
	return key, nil
}

// numbers are those that make a key, in bytes as every encoding of it has them.
func numbers(key crypto.PublicKey) [][]byte {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil {
			return nil // readKey has seen that it is on its curve
		}
		return [][]byte{point[1:33], point[33:]}
	case ed25519.PublicKey:
		return [][]byte{k}
	case *rsa.PublicKey:
		return [][]byte{k.N.Bytes()}
	}
	return nil
}

func signed(key crypto.PublicKey, authenticator, client, signature []byte) bool {
	said := sha256.Sum256(client)
	all := append(append([]byte(nil), authenticator...), said[:]...)
	sum := sha256.Sum256(all)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(k, all, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}

// Package webauthntest plays browsers and authenticators with passkeys, honest ones and others:
// whatever an answer says can be bent before it is signed.
//
// Tests of the rules need answers that no browser would give: of another page, without a look
// at who holds the device, signed a second time. A real browser is in package e2e.
package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"kontor/kit/webauthn"
)

// Flags that an honest authenticator sets: its user is there, and is who she should be.
const Honest = 1<<0 | 1<<2

// An Authenticator has one passkey. Its fields are what it says of itself.
type Authenticator struct {
	ID      []byte
	Key     crypto.Signer
	User    []byte // whom it was made for
	Party   string // domain
	Origin  string // of the page
	Flags   byte
	Counter uint32

	Type        string // what it was asked; empty: the right thing
	CrossOrigin bool   // the page is inside another's
}

// New is an authenticator at the pages of a party.
func New(p webauthn.Party) *Authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &Authenticator{ID: id, Key: key, Party: p.ID, Origin: p.Origin, Flags: Honest}
}

// Create is the answer to the making of its passkey.
func (a *Authenticator) Create(challenge, user []byte) []byte {
	a.User = user
	public, err := x509.MarshalPKIXPublicKey(a.Key.Public())
	if err != nil {
		panic(err)
	}
	data := a.data(a.Flags | 1<<6)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(append(data, a.ID...), a.cose()...)
	return a.answer(map[string]any{
		"clientDataJSON": text(a.client("webauthn.create", challenge)), "authenticatorData": text(data),
		"publicKey": text(public), "publicKeyAlgorithm": a.algorithm(),
	})
}

// Get is the answer to a challenge.
func (a *Authenticator) Get(challenge []byte) []byte {
	a.Counter++
	return a.Again(challenge)
}

// Again is an answer for which the authenticator does not count.
func (a *Authenticator) Again(challenge []byte) []byte {
	data, client := a.data(a.Flags), a.client("webauthn.get", challenge)
	said := sha256.Sum256(client)
	all := append(append([]byte(nil), data...), said[:]...)
	var hash crypto.Hash
	if _, pure := a.Key.(ed25519.PrivateKey); !pure {
		sum := sha256.Sum256(all)
		all, hash = sum[:], crypto.SHA256
	}
	signature, err := a.Key.Sign(rand.Reader, all, hash)
	if err != nil {
		panic(err)
	}
	return a.answer(map[string]any{
		"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(a.User),
	})
}

func (a *Authenticator) answer(fields map[string]any) []byte {
	fields["id"] = text(a.ID)
	out, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return out
}

func (a *Authenticator) client(kind string, challenge []byte) []byte {
	if a.Type != "" {
		kind = a.Type
	}
	out, err := json.Marshal(map[string]any{"type": kind, "challenge": text(challenge), "origin": a.Origin, "crossOrigin": a.CrossOrigin})
	if err != nil {
		panic(err)
	}
	return out
}

func (a *Authenticator) data(flags byte) []byte {
	party := sha256.Sum256([]byte(a.Party))
	return binary.BigEndian.AppendUint32(append(party[:], flags), a.Counter)
}

func (a *Authenticator) algorithm() int {
	switch a.Key.(type) {
	case *rsa.PrivateKey:
		return webauthn.RS256
	case ed25519.PrivateKey:
		return webauthn.EdDSA
	}
	return webauthn.ES256
}

// cose is the key as authenticators write it, near enough for who looks for its numbers only.
func (a *Authenticator) cose() []byte {
	switch k := a.Key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		head := []byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}
		return append(append(append(head, point[1:33]...), 0x22, 0x58, 32), point[33:]...)
	case ed25519.PublicKey:
		return append([]byte{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32}, k...)
	case *rsa.PublicKey:
		head := []byte{0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0}
		return append(append(head, k.N.Bytes()...), 0x21, 0x43, 1, 0, 1)
	}
	return nil
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

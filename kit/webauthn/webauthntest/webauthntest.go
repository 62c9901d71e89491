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
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"github.com/fxamacker/cbor/v2"

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
	data := a.data(a.Flags | 1<<6)
	data = append(data, make([]byte, 16)...) // the make of the authenticator is not told
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(append(data, a.ID...), written(a.cose())...)
	made := written(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.answer(map[string]any{"clientDataJSON": text(a.client("webauthn.create", challenge)), "attestationObject": text(made)})
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

func (a *Authenticator) answer(response map[string]any) []byte {
	out, err := json.Marshal(map[string]any{
		"id": text(a.ID), "rawId": text(a.ID), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
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

// cose is the key as authenticators write it, before that becomes bytes.
// spec: RFC 9053 section 7, RFC 8230 section 4
func (a *Authenticator) cose() map[int]any {
	switch k := a.Key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil {
			panic(err)
		}
		return map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}
	case ed25519.PublicKey:
		return map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(k)}
	case *rsa.PublicKey:
		return map[int]any{1: 3, 3: -257, -1: k.N.Bytes(), -2: []byte{1, 0, 1}}
	}
	return nil
}

// written is v as CBOR.
func written(v any) []byte {
	out, err := cbor.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

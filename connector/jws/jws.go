// Package jws signs and verifies the envelope of the connector protocol: a compact JWS in
// the Authorization header that carries the whole payload of a call.
//
// It signs with RS256 and the bare header {"alg":"RS256"}, which every known connector
// reads. It verifies RS256, RS384 and RS512, because a common Java library picks the hash
// by the size of the key, against any of several public keys, so that keys can be changed
// without a moment in which a call fails. An RSA signature costs about 750 µs, hence a call
// signs once and keeps what it signed for its retries.
//
// Neither method nor path are signed, and there is no nonce: a captured token is good for
// another call until it expires. What must not happen twice is guarded by its receiver.
//
// Source: connector protocol v2, sections 0.1 and 4.3.
package jws

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Callers tell these apart with errors.Is; the wire has a class for each.
var (
	ErrMissing   = errors.New("authorization is missing")
	ErrDecode    = errors.New("token cannot be decoded")
	ErrAlgorithm = errors.New("token is signed with an algorithm that is not taken")
	ErrSignature = errors.New("signature does not fit any known key")
	ErrExpired   = errors.New("token has expired")
)

const (
	// sizeMax bounds a token in a header: the largest payload is a list of a thousand accounts.
	sizeMax = 128 << 10
	// aheadMax is how far ahead exp may lie. A longer life would only help who steals it.
	aheadMax = time.Hour
)

// header is {"alg":"RS256"} in base64url, with its dot.
const header = "eyJhbGciOiJSUzI1NiJ9."

var encoding = base64.RawURLEncoding.Strict()

// Sign returns the token of data, good until exp. issuer "" leaves the claim out, as
// connectors do.
func Sign(key *rsa.PrivateKey, data any, exp time.Time, issuer string) (string, error) {
	payload, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	claims := make([]byte, 0, len(payload)+80)
	claims = append(append(claims, `{"data":`...), payload...)
	claims = strconv.AppendInt(append(claims, `,"exp":`...), exp.Unix(), 10)
	if issuer != "" {
		claims = strconv.AppendQuote(append(claims, `,"iss":`...), issuer)
	}
	claims = append(claims, '}')

	token := make([]byte, 0, len(header)+encoding.EncodedLen(len(claims))+1+encoding.EncodedLen(key.Size()))
	token = encoding.AppendEncode(append(token, header...), claims)
	digest := sha256.Sum256(token)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return string(encoding.AppendEncode(append(token, '.'), signature)), nil
}

// A PublicKey is a key of the other end and when it counts.
type PublicKey struct {
	Key                 *rsa.PublicKey
	NotBefore, NotAfter time.Time // zero: no such bound
}

// Active says whether k counts at now.
func (k PublicKey) Active(now time.Time) bool {
	return (k.NotBefore.IsZero() || !now.Before(k.NotBefore)) && (k.NotAfter.IsZero() || !now.After(k.NotAfter))
}

// A Verifier believes what one of Keys signed.
type Verifier struct {
	Keys   []PublicKey
	Leeway time.Duration // how long after its exp a token still counts: clocks differ
	Now    func() time.Time
	// SizeMax bounds a token, in bytes; 0 is what a header can have.
	SizeMax int
}

// Bearer returns the data of the token in an Authorization header's value.
func (v *Verifier) Bearer(authorization string) (json.RawMessage, error) {
	const scheme = "bearer "
	if authorization == "" {
		return nil, ErrMissing
	}
	if len(authorization) <= len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return nil, fmt.Errorf("%w: Authorization is not Bearer", ErrDecode)
	}
	return v.Verify(strings.TrimSpace(authorization[len(scheme):]))
}

// Verify returns the data of token, which is a JSON object. The signature is checked before
// anything else of the payload is looked at.
func (v *Verifier) Verify(token string) (json.RawMessage, error) {
	if longest := cmp.Or(v.SizeMax, sizeMax); len(token) > longest {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDecode, longest)
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	if first < 0 || first == last || strings.IndexByte(token[first+1:last], '.') >= 0 {
		return nil, fmt.Errorf("%w: not three parts", ErrDecode)
	}
	if strings.ContainsAny(token, "\r\n") { // base64 overlooks them, so there could be two texts of one token
		return nil, fmt.Errorf("%w: line breaks", ErrDecode)
	}
	hash, err := algorithm(token[:first])
	if err != nil {
		return nil, err
	}
	signature, err := encoding.DecodeString(token[last+1:])
	if err != nil {
		return nil, fmt.Errorf("%w: signature is not base64url", ErrDecode)
	}
	now := v.Now()
	if !v.signed(hash, token[:last], signature, now) {
		return nil, ErrSignature
	}
	payload, err := encoding.DecodeString(token[first+1 : last])
	if err != nil {
		return nil, fmt.Errorf("%w: payload is not base64url", ErrDecode)
	}
	claims, err := claimsOf(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: payload is not an object with data and exp: %w", ErrDecode, err)
	}
	if claims.exp == nil {
		return nil, fmt.Errorf("%w: exp is missing", ErrDecode)
	}
	switch exp := *claims.exp; {
	case exp <= now.Add(-v.Leeway).Unix():
		return nil, ErrExpired
	case exp > now.Add(aheadMax+v.Leeway).Unix():
		return nil, fmt.Errorf("%w: exp is more than an hour ahead", ErrDecode)
	case claims.notBefore > now.Add(v.Leeway).Unix():
		return nil, fmt.Errorf("%w: nbf is still to come", ErrDecode)
	}
	if data := bytes.TrimSpace(claims.data); len(data) == 0 || data[0] != '{' {
		return nil, fmt.Errorf("%w: data is not an object", ErrDecode)
	}
	return claims.data, nil
}

// algorithm reads the header: which hash, and nothing in it that must be understood.
func algorithm(encoded string) (crypto.Hash, error) {
	if encoded == header[:len(header)-1] {
		return crypto.SHA256, nil
	}
	raw, err := encoding.DecodeString(encoded)
	if err != nil {
		return 0, fmt.Errorf("%w: header is not base64url", ErrDecode)
	}
	alg, err := headerOf(raw)
	if err != nil {
		return 0, fmt.Errorf("%w: header: %w", ErrDecode, err)
	}
	switch alg {
	case "RS256":
		return crypto.SHA256, nil
	case "RS384":
		return crypto.SHA384, nil
	case "RS512":
		return crypto.SHA512, nil
	}
	return 0, ErrAlgorithm
}

func (v *Verifier) signed(hash crypto.Hash, text string, signature []byte, now time.Time) bool {
	var digest []byte
	switch hash {
	case crypto.SHA256:
		d := sha256.Sum256([]byte(text))
		digest = d[:]
	case crypto.SHA384:
		d := sha512.Sum384([]byte(text))
		digest = d[:]
	default:
		d := sha512.Sum512([]byte(text))
		digest = d[:]
	}
	for _, k := range v.Keys {
		if k.Active(now) && rsa.VerifyPKCS1v15(k.Key, hash, digest, signature) == nil {
			return true
		}
	}
	return false
}

// Package httpsig seals HTTP requests and verifies seals: draft-cavage-http-signatures as
// the Berlin Group uses it, in the headers Digest, Signature and TPP-Signature-Certificate.
//
// A request is sealed in two steps, and verified in the same two: Digest is a hash of the
// body, and Signature is made with the certificate's key over the values of some headers,
// Digest among them. VerifyDigest checks the first, Signature.Verify the second; Names
// checks that the keyId speaks of the certificate that was sent. A verifier has to do all
// three, and each says by itself which header or value differed.
//
// Those who seal do it in many ways: serial numbers in hex or decimal, names of issuers in
// any notation and order, algorithms by their X.509 or Java names. So values are compared
// and not strings. What carries the proof (the hash, the signature, the text that is
// signed) is read as strictly as the draft has it, and SHA-1 and short keys are refused.
//
// Whose certificate it is and whether it may be relied upon is not decided here, nor which
// headers a bank wants signed.
package httpsig

import (
	"errors"
	"fmt"
	"net/http"
)

// The headers of a sealed request.
const (
	HeaderDigest      = "Digest"
	HeaderSignature   = "Signature"
	HeaderCertificate = "TPP-Signature-Certificate"
)

// Callers tell these apart with errors.Is. Every error of this package wraps one of them.
var (
	ErrMissing     = errors.New("part of the signature is missing")
	ErrFormat      = errors.New("part of the signature is malformed")
	ErrDigest      = errors.New("digest does not fit the body")
	ErrSignature   = errors.New("signature does not fit the request")
	ErrCertificate = errors.New("certificate of the signature cannot be used")
	ErrTimestamp   = errors.New("timestamp is not acceptable")
)

// Parts that an Error may be about, besides the names of signed headers.
const (
	PartDigest      = HeaderDigest
	PartSignature   = HeaderSignature
	PartCertificate = HeaderCertificate
	PartKeyID       = "keyId"
	PartAlgorithm   = "algorithm"
	PartHeaders     = "headers"
	PartDate        = "Date"
)

// An Error says which part of a seal is wrong. Its text may be read by whoever has sealed:
// it has nothing but what the request has.
type Error struct {
	Part   string // a header, or a parameter of Signature
	Reason string
	Err    error // one of the sentinels
}

func (e *Error) Error() string { return e.Err.Error() + ": " + e.Part + ": " + e.Reason }

func (e *Error) Unwrap() error { return e.Err }

func failed(err error, part, format string, args ...any) error {
	return &Error{Part: part, Reason: fmt.Sprintf(format, args...), Err: err}
}

// A Request is what a signature may cover. Header is only read, except by Sign.
type Request struct {
	Method string
	Target string // path and query as in the request line, for (request-target)
	Host   string // for the host header, which net/http keeps apart; may be empty
	Header http.Header
	Body   []byte
}

// shown returns text from a request in quotes, and not too much of it.
func shown(s string) string {
	const charactersMax = 120
	if len(s) > charactersMax {
		return fmt.Sprintf("%q…", s[:charactersMax])
	}
	return fmt.Sprintf("%q", s)
}

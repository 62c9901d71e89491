package wire

import (
	"crypto/sha256"
	"encoding/base64"
)

// MediaJWT is the Content-Type of a request whose data is in its body (extension
// "bulk-payments").
const MediaJWT = "application/jwt"

// BodyOnly is the data in the header of a request that is too long for one: the token with
// the data itself is the body, and the header says which body it has to be.
type BodyOnly struct {
	SessionSecret String `json:"session_secret"`
	ProviderCode  String `json:"provider_code"`
	BodyDigest    String `json:"body_digest"`
}

// Digest is what BodyOnly says of body: its SHA-256 in base64url without padding.
func Digest(body []byte) String {
	sum := sha256.Sum256(body)
	return String(base64.RawURLEncoding.EncodeToString(sum[:]))
}

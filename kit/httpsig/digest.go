package httpsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const (
	digestMax      = 1024    // bytes of the header
	explainBodyMax = 1 << 20 // beyond this a wrong digest is not looked into
)

// Digest returns the header for body, with SHA-256.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// VerifyDigest checks body, exactly as it was received, against a Digest header (RFC 3230).
// Where the header has several digests, all of SHA-256 and SHA-512 must fit. One of them
// has to be there: others are passed over, because they prove nothing.
//
// The error is ErrMissing, ErrFormat or ErrDigest.
func VerifyDigest(header string, body []byte) error {
	if strings.TrimSpace(header) == "" {
		return failed(ErrMissing, PartDigest, "the header is not there")
	}
	if len(header) > digestMax {
		return failed(ErrFormat, PartDigest, "the header is longer than %d bytes", digestMax)
	}
	strong, weak := false, ""
	for item := range strings.SplitSeq(header, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok {
			return failed(ErrFormat, PartDigest, "it is not written as algorithm=base64")
		}
		hash := digester(name)
		if hash == nil {
			weak = strings.TrimSpace(name)
			continue
		}
		strong = true
		want, got := hash(body), strings.TrimSpace(value)
		sum, err := decodeBase64(got)
		if raw, errHex := hex.DecodeString(got); errHex == nil && len(raw) == len(want) {
			return failed(ErrFormat, PartDigest, "the value of %s is hexadecimal; it has to be base64", name)
		}
		if err != nil || len(sum) != len(want) {
			return failed(ErrFormat, PartDigest, "the value of %s is not the base64 of %d bytes", name, len(want))
		}
		if subtle.ConstantTimeCompare(sum, want) != 1 {
			return failed(ErrDigest, PartDigest, "the body as received (%d bytes) has another %s%s", len(body), name, explainDigest(hash, sum, body))
		}
	}
	if !strong {
		return failed(ErrFormat, PartDigest, "%s is not accepted; send SHA-256 or SHA-512", shown(weak))
	}
	return nil
}

func digester(name string) func([]byte) []byte {
	switch strings.ToUpper(strings.TrimSpace(name)) {
	case "SHA-256", "SHA256":
		return func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }
	case "SHA-512", "SHA512":
		return func(b []byte) []byte { sum := sha512.Sum512(b); return sum[:] }
	}
	return nil
}

// explainDigest looks for what was hashed instead of body.
func explainDigest(hash func([]byte) []byte, sum, body []byte) string {
	fits := func(b []byte) bool { return bytes.Equal(hash(b), sum) }
	switch {
	case fits(nil):
		return "; the one that was sent is that of an empty body"
	case len(body) > explainBodyMax:
		return ""
	case fits(bytes.TrimSpace(body)):
		return "; the one that was sent is that of the body without the white space at its ends"
	case fits(append(bytes.Clone(body), '\n')):
		return "; the one that was sent is that of the body with a line feed at its end"
	case fits(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))):
		return "; the one that was sent is that of the body with LF instead of CRLF"
	case fits([]byte(hex.EncodeToString(hash(body)))) || fits(hash(body)):
		return "; the one that was sent is the hash of the hash"
	}
	return ""
}

// decodeBase64 reads base64 in both alphabets, padded or not, whatever white space is in it.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, " \t\r\n-_") {
		s = plainBase64.Replace(s)
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

var plainBase64 = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", "-", "+", "_", "/")

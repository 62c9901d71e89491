// Package secretbox seals small secrets before they are stored, with a keyset that is kept
// outside the database. A sealed secret is bound to its place: it cannot be opened as that
// of another row.
package secretbox

import (
	"bytes"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// A Box seals and opens.
type Box struct{ aead tink.AEAD }

// Generate returns a new keyset as JSON. Whoever reads it can open every box, so it belongs
// into a secret file or a secret manager.
func Generate() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b))
	return b.Bytes(), err
}

// New opens the keyset that Generate, or Tink's own tool, wrote. A keyset may hold older
// keys: what they sealed can still be opened.
func New(keysetJSON []byte) (Box, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(keysetJSON)))
	if err != nil {
		return Box{}, fmt.Errorf("read keyset: %w", err)
	}
	a, err := aead.New(handle)
	if err != nil {
		return Box{}, fmt.Errorf("use keyset: %w", err)
	}
	return Box{a}, nil
}

// Seal seals secret for place, such as "consent/lon/1234/token". An empty secret stays empty.
func (b Box) Seal(place, secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	return b.aead.Encrypt([]byte(secret), []byte(place))
}

// Open opens what Seal sealed for the same place.
func (b Box) Open(place string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	secret, err := b.aead.Decrypt(sealed, []byte(place))
	if err != nil {
		return "", fmt.Errorf("open the secret of %s: %w", place, err)
	}
	return string(secret), nil
}

package client

import (
	"bytes"
	"io"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
)

// An envelope is a signed request: its data is in the token that goes into a header, or in
// the body that this token names.
type envelope struct {
	token string
	body  []byte // nil: none
}

// headerMax is how long the token of a bulk may be to go into a header. Servers take 8 KiB of
// headers at the least, and others need some room.
const headerMax = 6 << 10

// seal signs r.
func (c *Client) seal(r request, exp time.Time) (envelope, error) {
	token, err := jws.Sign(c.c.SigningKey, r.data, exp, wire.HubIssuer)
	if err != nil || !r.bulk || len(token) <= headerMax {
		return envelope{token: token}, err
	}
	body := []byte(token)
	token, err = jws.Sign(c.c.SigningKey, wire.BodyOnly{
		SessionSecret: wire.String(r.session), ProviderCode: wire.String(c.c.BankCode), BodyDigest: wire.Digest(body),
	}, exp, wire.HubIssuer)
	return envelope{token, body}, err
}

// reader is a reader that http knows the length of, or nil.
func (e envelope) reader() io.Reader {
	if e.body == nil {
		return nil
	}
	return bytes.NewReader(e.body)
}

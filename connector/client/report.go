package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"kontor/bank/core"
	"kontor/connector/jws"
	"kontor/connector/wire"
)

// malformed returns ErrMalformed and tells the connector what was wrong. why quotes nothing
// of the answer.
func (c *Client) malformed(r request, why string) error {
	c.unusable(r, why)
	return fmt.Errorf("%w: %s", core.ErrMalformed, why)
}

// unusable tells the connector, once and in the background, why its answer could not be used.
// When too many reports are under way this one is dropped: the log has it.
func (c *Client) unusable(r request, why string) {
	c.c.Log.Warn("bank gave an answer that cannot be used", "method", r.method, "operation", operation(r.path), "why", why)
	if !c.c.ReportErrors {
		return
	}
	select {
	case c.reports <- struct{}{}:
		c.pending.Go(func() {
			defer func() { <-c.reports }()
			c.report(r, why)
		})
	default:
	}
}

func (c *Client) report(r request, why string) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var data wire.ErrorReport
	data.Request.Method, data.Request.URL = r.method, c.base+r.path
	if r.secret {
		data.Request.URL = c.base + operation(r.path)
	}
	data.Request.Headers = map[string]string{} // all of them but what opens doors
	for name, values := range header(r, "") {
		if name != "Authorization" && name != wire.HeaderAccessToken {
			data.Request.Headers[name] = values[0]
		}
	}
	data.Error = wire.ErrorAnswer{ErrorClass: "RequestFormatInvalid", ErrorMessage: wire.String(why)}
	signed, err := jws.Sign(c.c.SigningKey, data, c.c.Now().Add(tokenLife), wire.HubIssuer)
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+wire.PathErrors, nil)
	if err != nil {
		return
	}
	req.Header = header(request{tpp: r.tpp, consent: r.consent, token: r.token}, signed)
	if res, err := c.http.Do(req); err == nil {
		res.Body.Close()
	}
}

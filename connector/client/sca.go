package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"kontor/bank/core"
	"kontor/connector/wire"
)

// sca is what a start says of s: nothing where the PSU authenticates on the bank's pages, for
// that is what every connector does. One that does not declare the approach must not be
// asked: it would send her to its pages, where nobody goes.
func (c *Client) sca(s core.SCA) (w wire.SCA, err error) {
	if s.Confirmation && !c.can("confirmation") { // it would go on at once
		return w, core.ErrNotOffered
	}
	switch s.Approach {
	case "", core.Redirect:
		w.ConfirmationRequired = s.Confirmation
		return w, nil
	case core.Embedded, core.Decoupled:
		if c.can(s.Approach) {
			return scaOf(s), nil
		}
	}
	return w, core.ErrNotOffered
}

func scaOf(s core.SCA) wire.SCA {
	return wire.SCA{
		SCAApproach: wire.String(s.Approach), PSUID: wire.String(s.PSUID), PSUIDType: wire.String(s.PSUIDType),
		PSUCorporateID: wire.String(s.CorporateID), PSUCorporateIDType: wire.String(s.CorporateIDType),
		ConfirmationRequired: s.Confirmation,
	}
}

// Authorise is POST /sessions/{session_secret}/authorise, for connectors that declare
// "embedded" or "decoupled".
func (c *Client) Authorise(ctx context.Context, s core.SCAStep) (*core.Update, error) {
	if !c.can("embedded") && !c.can("decoupled") {
		return nil, core.ErrNotOffered
	}
	data := wire.SessionAuthorise{
		SessionSecret: wire.String(s.Session), ProviderCode: wire.String(c.c.BankCode), SCA: scaOf(s.SCA),
		AuthenticationMethodID: wire.String(s.MethodID), SCAAuthenticationData: wire.String(s.Data), PSUIPAddress: wire.String(s.PSU.IPAddress),
	}
	data.Password, data.AdditionalPassword = wire.String(s.Password), wire.String(s.AdditionalPassword)
	if s.Encrypted {
		data.EncryptedPassword, data.AdditionalEncryptedPassword = data.Password, data.AdditionalPassword
		data.Password, data.AdditionalPassword = "", ""
	}
	r := request{
		method: http.MethodPost, path: wire.PathSessions + "/" + url.PathEscape(s.Session) + "/authorise",
		tpp: s.TPP, psu: s.PSU, session: s.Session, data: data, once: true, secret: true, retry: c.c.ReadBackoff,
	}
	u, err := c.start(ctx, r)
	switch {
	case errors.Is(err, core.ErrUnknownOutcome):
		return nil, fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	case err == nil && u == nil:
		// A step that nobody knows the outcome of is no step: the TPP must be told where it stands.
		return nil, c.malformed(r, errNoSCAStatus.Error())
	}
	return u, err
}

// StartSignature is POST /sessions/{session_secret}/signatures, for connectors that declare
// "multilevel". A signature that is asked for twice is one, so it may be repeated.
func (c *Client) StartSignature(ctx context.Context, s core.Signature) (*core.Update, error) {
	if !c.can("multilevel") {
		return nil, core.ErrNotOffered
	}
	sca, err := c.sca(s.SCA)
	if err != nil {
		return nil, err
	}
	data := wire.SignatureCreate{
		SessionSecret: wire.String(s.Session), ProviderCode: wire.String(c.c.BankCode), Signs: wire.String(s.Signs), AppName: wire.String(s.AppName),
		RedirectURL: wire.String(s.ReturnURL), PSUIPAddress: wire.String(s.PSU.IPAddress), SCA: sca,
	}
	if c.can("logins") {
		data.UserID = wire.String(s.UserID)
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathSessions + "/" + url.PathEscape(s.Signs) + "/signatures",
		tpp: s.TPP, psu: s.PSU, session: s.Session, data: data, retry: c.c.ReadBackoff,
	})
}

var errNoSCAStatus = errors.New("sca_status is missing")

// Confirm is POST /sessions/{session_secret}/confirm, for connectors that declare
// "confirmation". Whoever is asked again answers as the first time, so it may be.
func (c *Client) Confirm(ctx context.Context, q core.Confirmation) (*core.Update, error) {
	if !c.can("confirmation") {
		return nil, core.ErrNotOffered
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathSessions + "/" + url.PathEscape(q.Session) + "/confirm",
		tpp: q.TPP, session: q.Session, secret: true, retry: c.c.ReadBackoff,
		data: wire.SessionConfirm{SessionSecret: wire.String(q.Session), ProviderCode: wire.String(c.c.BankCode), Confirmed: q.Confirmed},
	})
}

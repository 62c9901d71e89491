package client

import (
	"context"
	"net/http"

	"kontor/bank/core"
	"kontor/connector/wire"
)

// StartBasket is POST /baskets, for connectors that declare it.
func (c *Client) StartBasket(ctx context.Context, b core.BasketOrder) (*core.Update, error) {
	if !c.can("baskets") {
		return nil, core.ErrNotOffered
	}
	sca, err := c.sca(b.SCA)
	if err != nil {
		return nil, err
	}
	data := wire.BasketCreate{
		SCA:           sca,
		SessionSecret: wire.String(b.Session), ProviderCode: wire.String(c.c.BankCode), AppName: wire.String(b.AppName), RedirectURL: wire.String(b.ReturnURL),
		PSUIPAddress: wire.String(b.PSU.IPAddress), BasketIdentification: wire.Number(b.BasketID),
	}
	if c.can("logins") {
		data.UserID = wire.String(b.UserID)
	}
	for _, p := range b.Payments {
		member, err := c.order(p)
		if err != nil {
			return nil, err
		}
		data.Payments = append(data.Payments, member)
	}
	for _, r := range b.Accesses {
		data.Accesses = append(data.Accesses, wire.AccessCreate{TokenCreate: access(r), ConsentIdentification: wire.Number(r.ConsentID)})
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathBaskets, tpp: b.TPP, psu: b.PSU, session: b.Session, data: data,
		once: true, bulk: true, retry: c.c.ReadBackoff,
	})
}

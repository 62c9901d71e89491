package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
	"kontor/kit/day"
)

// Transactions is GET /accounts/{id}/transactions. The answer is read whole before the first
// entry is given away, so an answer that breaks off is asked for again.
func (c *Client) Transactions(ctx context.Context, a core.Access, q core.TransactionQuery, yield func(*core.Transaction) error) (string, error) {
	return ledger(ctx, c, a, q, wire.PathAccounts, (*scanner).entry, yield)
}

// CardTransactions is GET /card_accounts/{id}/transactions.
func (c *Client) CardTransactions(ctx context.Context, a core.Access, q core.TransactionQuery, yield func(*core.CardTransaction) error) (string, error) {
	return ledger(ctx, c, a, q, wire.PathCardAccounts, (*scanner).cardEntry, yield)
}

// StandingOrders is GET /accounts/{id}/standing_orders, for connectors that declare it.
func (c *Client) StandingOrders(ctx context.Context, a core.Access, accountID string, yield func(*core.Transaction) error) error {
	switch {
	case !c.can("standing_orders"):
		return core.ErrNotOffered
	case !named(accountID):
		return core.ErrAccountUnknown
	}
	r := c.reading(a, http.MethodGet, wire.PathAccounts+"/"+url.PathEscape(accountID)+wire.PathStandingOrders, wire.AccountOnly{
		SessionSecret: wire.String(a.Session), AccountID: wire.String(accountID),
	})
	_, err := read(ctx, c, r, (*scanner).standingOrder, yield)
	return err
}

// ledger asks for one page of what was booked.
func ledger[T any](ctx context.Context, c *Client, a core.Access, q core.TransactionQuery, path string, element func(*scanner, *T), yield func(*T) error) (string, error) {
	if !named(q.AccountID) {
		return "", core.ErrAccountUnknown
	}
	r := c.reading(a, http.MethodGet, path+"/"+url.PathEscape(q.AccountID)+"/transactions", wire.TransactionsQuery{
		SessionSecret: wire.String(a.Session), AccountID: wire.String(q.AccountID), FromDate: wire.String(c.from(q).String()),
		ToDate: wire.String(c.to(q).String()), FromID: wire.String(q.Cursor),
	})
	return read(ctx, c, r, element, yield)
}

// read asks r and gives away the elements of the list in the answer.
func read[T any](ctx context.Context, c *Client, r request, element func(*scanner, *T), yield func(*T) error) (string, error) {
	asking, cancel := context.WithTimeout(ctx, c.c.ReadTimeout)
	defer cancel()
	answer, err := c.send(asking, r)
	defer answer.release()
	if err != nil {
		return "", err
	}
	next, wrong, err := page(answer.body(), element, yield)
	if wrong != nil {
		return "", c.malformed(r, wrong.Error())
	}
	return next, err
}

// named says whether id can stand in a path, which cannot say "." or "..".
func named(id string) bool { return strings.Trim(id, ".") != "" }

// from and to fill in what the protocol requires.
func (c *Client) from(q core.TransactionQuery) day.Day {
	const history = 90
	if q.From.IsZero() {
		return c.to(q).AddDays(-history)
	}
	return q.From
}

func (c *Client) to(q core.TransactionQuery) day.Day {
	if q.To.IsZero() {
		return day.Of(c.c.Now(), time.UTC)
	}
	return q.To
}

package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
	"kontor/kit/day"
)

// Transactions is GET /accounts/{id}/transactions.
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

// read asks r and gives away the elements of the list in the answer. An answer of up to a
// megabyte is read whole before, and asked for again when it breaks off. A longer one passes
// through a window: what breaks off then is over, because entries were given away. Such a
// list may take as long as it needs while it does not stand still.
func read[T any](ctx context.Context, c *Client, r request, element func(*scanner, *T), yield func(*T) error) (string, error) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.AfterFunc(c.c.ReadTimeout, cancel)
	defer watch.Stop()
	r.long, r.until = true, time.Now().Add(c.c.ReadTimeout)
	answer, err := c.send(asking, r)
	defer answer.release()
	if err != nil {
		return "", err
	}
	watch.Stop()
	w := whole(answer.body())
	if answer.rest != nil {
		idle := &impatient{body: answer.rest, patience: c.c.IdleTimeout, timer: time.AfterFunc(c.c.IdleTimeout, cancel)}
		defer idle.timer.Stop()
		idle.timer.Stop() // until somebody waits
		w = window{scanner: scanner{b: answer.body()}, rest: idle, room: answer.room()}
	}
	next, wrong, err := page(w, element, yield)
	switch {
	case errors.Is(wrong, errBroken) && ctx.Err() != nil: // nobody waits for it any more
		return "", core.ErrUnavailable
	case errors.Is(wrong, errBroken):
		c.unusable(r, errBroken.Error())
		return "", core.ErrUnavailable
	case wrong != nil:
		return "", c.malformed(r, wrong.Error())
	}
	return next, err
}

// An impatient reader ends what it reads when nothing comes for too long. Between two reads
// it has all the time in the world: then the reader of the list is the slow one.
type impatient struct {
	body     io.Reader
	patience time.Duration
	timer    *time.Timer
}

func (i *impatient) Read(p []byte) (int, error) {
	i.timer.Reset(i.patience)
	defer i.timer.Stop()
	return i.body.Read(p)
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

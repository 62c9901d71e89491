package corebank

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// A way is one of a customer's methods, as it is told to the hub.
type way struct{ id, kind, name string }

// told is w in the protocol's words.
func (w way) told() wire.SCAMethod {
	return wire.SCAMethod{AuthenticationType: wire.String(w.kind), AuthenticationMethodID: wire.String(w.id), Name: wire.String(w.name)}
}

// waysOf lists the methods by which c can go on with j.
func (b *Bank) waysOf(ctx context.Context, j journey, c customer) ([]way, error) {
	all, err := b.meansOf(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var ways []way
	for _, m := range all {
		// What is not answered by something typed cannot come through the hub.
		if m.Kind != kindPush && m.Kind != kindPasskey {
			ways = append(ways, b.wayOf(m, c))
		}
	}
	return ways, nil
}

// wayOf is what the hub is told of m.
func (b *Bank) wayOf(m means, c customer) way {
	if m.Kind == kindSMS {
		return way{m.ID, m.Kind, masked(c.Phone)}
	}
	return way{m.ID, m.Kind, cmp.Or(m.Name, textOf(c.Language, m.Called()))}
}

// demand asks the customer to approve j by w.
func (b *Bank) demand(ctx context.Context, j journey, c customer, w way) error {
	err := b.sendCode(ctx, j, c, w.id)
	if errors.Is(err, errLocked) {
		return b.end(ctx, j, stateFailed, "AccessDenied", textUnproven, nil)
	}
	if errors.Is(err, errCodesSent) { // the last one still counts, as long as it does
		return nil
	}
	return err
}

// tellMethods says what the customer can choose from, or what she has to answer.
func (b *Bank) tellMethods(ctx context.Context, j journey, e *wire.Event) error {
	c, err := b.customer(ctx, j.Customer)
	if err != nil {
		return err
	}
	if j.State == stateCode {
		m, asked, _, err := b.asked(ctx, j, c.Language)
		if errors.Is(err, errCodeOver) { // another one has to be asked for
			err = nil
		}
		chosen := b.wayOf(m, c).told()
		e.ChosenSCAMethod = &chosen
		e.ChallengeData = &wire.Challenge{Image: asked.Image, OTPMaxLength: asked.OTPLength, OTPFormat: wire.String(asked.OTPFormat)}
		if asked.Data != "" {
			e.ChallengeData.Data = []wire.String{wire.String(asked.Data)}
		}
		return err
	}
	all, err := b.waysOf(ctx, j, c)
	if err != nil {
		return err
	}
	for _, w := range all {
		e.SCAMethods = append(e.SCAMethods, w.told())
	}
	return nil
}

// askOnPhone asks the customer of a decoupled journey, once she is known. Where there is no
// such customer, where she has no phone, and where it is asked enough of her already, nothing
// happens, and nobody is told the difference: the journey ends when its time is up.
func (b *Bank) askOnPhone(ctx context.Context, session string) error {
	return nil
}

func (b *Bank) customerByLogin(ctx context.Context, login string) (c customer, ok bool, err error) {
	err = b.db.QueryRow(ctx, `SELECT id, login, name, phone, language FROM corebank_customer WHERE bank = $1 AND login = $2`, b.code, login).
		Scan(&c.ID, &c.Login, &c.Name, &c.Phone, &c.Language)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

// rewrite stores what has been found out about j's request.
func (b *Bank) rewrite(tx *sqldb.Tx, j journey) error {
	asked, err := json.Marshal(j.Request)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE corebank_journey SET request = $1 WHERE bank = $2 AND id = $3`, string(asked), b.code, j.ID)
	return err
}

// pageOf is the address of j's page.
func (b *Bank) pageOf(j journey) string { return b.baseURL + "/sca/" + j.ID }

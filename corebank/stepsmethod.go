package corebank

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// A way is one of a customer's methods, as it is told to the hub.
type way struct{ id, kind, name string }

const waySMS = "SMS_OTP"

// told is w in the protocol's words.
func (w way) told() wire.SCAMethod {
	return wire.SCAMethod{AuthenticationType: wire.String(w.kind), AuthenticationMethodID: wire.String(w.id), Name: wire.String(w.name)}
}

// waysOf lists the methods by which c can go on with j.
func (b *Bank) waysOf(ctx context.Context, j journey, c customer) ([]way, error) {
	if c.Phone == "" {
		return nil, nil
	}
	return []way{{"sms", waySMS, masked(c.Phone)}}, nil
}

// demand asks the customer to approve j by w.
func (b *Bank) demand(ctx context.Context, j journey, c customer, w way) error {
	err := b.sendCode(ctx, j, c)
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
	all, err := b.waysOf(ctx, j, c)
	if err != nil {
		return err
	}
	if j.State == stateCode {
		chosen := all[0].told()
		e.ChosenSCAMethod = &chosen
		e.ChallengeData = &wire.Challenge{OTPMaxLength: codeWidth, OTPFormat: "integer"}
		return nil
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

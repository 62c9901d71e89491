package corebank

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

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
		ways = append(ways, b.wayOf(m, c))
	}
	return ways, nil
}

// wayOf is what the hub is told of m.
func (b *Bank) wayOf(m means, c customer) way {
	if m.Kind == kindSMS {
		return way{m.ID, m.Kind, masked(c.Phone)}
	}
	return way{m.ID, m.Kind, cmp.Or(m.Name, b.textsTo(c.Language).Text(m.Called()))}
}

// demand asks the customer to approve j by w. What is not answered by something typed turns
// the approach: her phone asks her, or she goes on with a passkey on the bank's page.
func (b *Bank) demand(ctx context.Context, j journey, c customer, w way) error {
	approach := approachEmbedded
	switch w.kind {
	case kindPush:
		approach = approachDecoupled
	case kindPasskey:
		approach = approachRedirect
	}
	if approach != j.Approach {
		if _, err := b.db.Exec(ctx, `UPDATE corebank_journey SET approach = $1 WHERE bank = $2 AND (id = $3 OR basket = $3) AND state IN ('open', 'code')`,
			approach, b.code, j.ID); err != nil || approach == approachRedirect {
			return err
		}
	}
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
		m, asked, o, err := b.asked(ctx, j, c.Language)
		if errors.Is(err, errCodeOver) { // another one has to be asked for
			err = nil
		}
		chosen := b.wayOf(m, c).told()
		e.ChosenSCAMethod = &chosen
		if m.Kind == kindPush {
			return err
		}
		e.ChallengeData = &wire.Challenge{Image: asked.Image, OTPMaxLength: asked.OTPLength, OTPFormat: wire.String(asked.OTPFormat)}
		if asked.Data != "" {
			e.ChallengeData.Data = []wire.String{wire.String(asked.Data)}
		}
		// What is approved, for the third party to show beside the field: not every device tells it.
		var lines []string
		for _, l := range o.told {
			lines = append(lines, b.textsTo(c.Language).Text(l.Label)+": "+l.Value)
		}
		e.ChallengeData.AdditionalInformation = wire.String(strings.Join(lines, "; "))
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

// phoneMax is how many things a phone asks its owner at once for people who only named her.
const phoneMax = 5

// askPhones asks the customers of decoupled journeys. It is work of the background: whoever
// started the journey cannot tell by the time it takes whether there is such a customer.
func (b *Bank) askPhones(ctx context.Context) error {
	ids, err := b.column(ctx, `SELECT id FROM corebank_journey WHERE bank = $1 AND approach = 'decoupled' AND state = 'open' AND basket = ''
		AND login <> '' AND wrong = 0 AND expires_at > $2 LIMIT 100`, b.code, b.now().UnixMicro())
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		failed = append(failed, b.askPhone(ctx, id))
	}
	return errors.Join(failed...)
}

// askPhone asks the customer of a decoupled journey. Where there is no such customer, where
// she has no phone, and where enough is asked of her already, nothing happens, and nobody is
// told the difference: the journey ends when its time is up.
func (b *Bank) askPhone(ctx context.Context, id string) error {
	j, err := b.journey(ctx, id)
	if err != nil {
		return err
	}
	asked, err := b.tryPhone(ctx, j)
	if errors.Is(err, errJourney) {
		return nil // it ended, or another process was faster
	}
	if err == nil && !asked {
		_, err = b.db.Exec(ctx, `UPDATE corebank_journey SET wrong = 1 WHERE bank = $1 AND id = $2`, b.code, j.ID)
	}
	return err
}

func (b *Bank) tryPhone(ctx context.Context, j journey) (asked bool, err error) {
	c, ok, err := b.customerByLogin(ctx, j.Login)
	if err != nil || !ok || j.Bound && j.Customer != c.ID {
		return false, err
	}
	all, err := b.meansOf(ctx, c.ID)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(m means) bool { return m.Kind == kindPush })
	if i < 0 {
		return false, nil
	}
	var n int
	if err := b.db.QueryRow(ctx, `SELECT COUNT(*) FROM corebank_journey WHERE bank = $1 AND customer = $2 AND approach = 'decoupled' AND state = 'code'
		AND proven = 0 AND basket = '' AND expires_at > $3`, b.code, c.ID, b.now().UnixMicro()).Scan(&n); err != nil || n >= phoneMax {
		return false, err
	}
	j.Customer = c.ID
	if wrong, err := b.prepare(ctx, &j); wrong != nil || err != nil {
		return false, err
	}
	err = b.sendCode(ctx, j, c, all[i].ID)
	if errors.Is(err, errLocked) || errors.Is(err, errCodesSent) {
		return false, nil
	}
	return err == nil, err
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

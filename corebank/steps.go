package corebank

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/i18n"
	"kontor/kit/sqldb"
)

// How a customer authenticates, as the third party and the hub have agreed.
const (
	approachEmbedded  = "embedded"  // what she types comes through the hub, step by step
	approachDecoupled = "decoupled" // she is asked on her phone
	approachRedirect  = "redirect"  // on the bank's pages: a method may lead there
)

const (
	textChoice   = "The customer has to choose an account, which she can on the bank's pages only."
	textNotHers  = "The accounts are not this customer's."
	textNoMethod = "The customer has no method to authenticate with."
	textUnproven = "The PSU could not be authenticated."
)

// bySteps says whether j has no page, but goes on by steps or on the customer's phone.
func (j journey) bySteps() bool {
	return j.Approach == approachEmbedded || j.Approach == approachDecoupled
}

// elsewhere notes that the customer of j does not come to the bank's pages.
func (j *journey) elsewhere(s wire.SCA) error {
	const longest = 200
	j.Login = strings.TrimSpace(string(s.PSUID))
	if !isPlain(j.Login) || len(j.Login) > longest {
		return sdk.ErrInvalid
	}
	j.Request.Confirm, j.Request.Language = s.ConfirmationRequired, readLanguage(string(s.PSUAcceptLanguage))
	switch s.SCAApproach {
	case "", approachRedirect:
		j.Login = ""
		return nil
	case approachEmbedded, approachDecoupled:
		j.Approach = string(s.SCAApproach)
		return nil
	}
	return sdk.ErrInvalid
}

// told says where the SCA of j stands. It says the same of a name whether or not there is a
// customer called so, and whether or not she has a phone; so t is in no customer's language, but
// in the one that the third party names.
func (j journey) told(t i18n.Texts, e *wire.Event) {
	e.SCAApproach = wire.String(j.Approach)
	switch {
	case j.State == stateDone || j.State == stateApproved || j.State == stateSigned:
		e.SCAStatus = "finalised"
	case j.State == stateHeld:
		e.SCAStatus = "unconfirmed"
	case j.over():
		e.SCAStatus = "failed"
	case j.Approach == approachDecoupled && j.Login != "":
		e.SCAStatus = "started"
		e.Extra = with(e.Extra, "psu_message", t.Text("steps.phone"))
	case j.State == stateCode:
		e.SCAStatus = "scaMethodSelected"
	case j.Proven:
		e.SCAStatus = "psuAuthenticated"
	case j.Login != "":
		e.SCAStatus = "psuIdentified"
	default:
		e.SCAStatus = "received"
	}
}

func with(e wire.Extra, name, text string) wire.Extra {
	if e == nil {
		e = wire.Extra{}
	}
	e[name] = text
	return e
}

// leavesChoice says whether j asks the customer to choose accounts among all that she has:
// she would have to see them. An account to pay from is found by itself where there is only
// one; to whoever has named a customer without a proof, that would tell how many she has.
func (b *Bank) leavesChoice(tx *sqldb.Tx, j journey) (bool, error) {
	if j.Signs != "" {
		return false, nil // who signed first has chosen
	}
	switch j.Kind {
	case kindAccess:
		return j.Request.Access != nil && j.Request.Access.AllPSD2 == "" && len(j.Request.named()) == 0, nil
	case kindPayment:
		if j.Approach == approachEmbedded {
			return false, nil
		}
		p, err := scanPayment(tx.QueryRow(selectPayment, b.code, j.ID))
		return !p.NamedDebtor, err
	case kindBasket:
		all, err := b.members(within(tx), j.ID)
		if err != nil {
			return false, err
		}
		for _, m := range all {
			if leaves, err := b.leavesChoice(tx, m.journey); leaves || err != nil {
				return leaves, err
			}
		}
	}
	return false, nil
}

// Authorise takes the next step of a journey that has no page. A session that is unknown, over
// or somewhere else is refused with the same word.
func (c connector) Authorise(ctx context.Context, r wire.SessionAuthorise) (wire.Event, error) {
	b := c.Bank
	secret := string(r.SessionSecret)
	if !isPlain(secret) || !isPlain(string(r.AuthenticationMethodID)) {
		return wire.Event{}, sdk.ErrStep
	}
	j, err := scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, secret))
	if errors.Is(err, errJourney) {
		return wire.Event{}, sdk.ErrStep
	}
	if err != nil {
		return wire.Event{}, err
	}
	if !j.bySteps() || j.Basket != "" || j.over() || !b.now().Before(j.ExpiresAt) {
		return wire.Event{}, sdk.ErrStep
	}
	given := journey{}
	if err := given.elsewhere(wire.SCA{SCAApproach: approachEmbedded, PSUID: r.PSUID}); err != nil {
		return wire.Event{}, err
	}
	if given.Login != "" && j.Login != "" && given.Login != j.Login {
		return wire.Event{}, sdk.ErrStep // one session is of one customer
	}
	login := cmp.Or(j.Login, given.Login)
	switch {
	case r.EncryptedPassword != "" || r.AdditionalPassword != "" || r.AdditionalEncryptedPassword != "":
		err = sdk.ErrInvalid // this bank has one password for each, and no key for it
	case r.Password != "" && login != "":
		err = b.stepPassword(ctx, j, login, string(r.Password))
	case r.AuthenticationMethodID != "":
		err = b.stepMethod(ctx, j, string(r.AuthenticationMethodID))
	case r.SCAAuthenticationData != "":
		err = b.stepCode(ctx, j, string(r.SCAAuthenticationData))
	case login != "":
		err = b.stepIdentify(ctx, j, login)
	default:
		err = sdk.ErrInvalid
	}
	if errors.Is(err, errJourney) { // it ended meanwhile, or another step was faster
		err = sdk.ErrStep
	}
	if err != nil {
		return wire.Event{}, err
	}
	return b.standing(ctx, j.ID, r.PSUAcceptLanguage)
}

// standing says where j stands now, and what the customer needs for the step after this one, in
// the language that she reads.
func (b *Bank) standing(ctx context.Context, id string, language wire.String) (wire.Event, error) {
	j, err := b.journey(ctx, id)
	if err != nil {
		return wire.Event{}, err
	}
	e := wire.Event{SessionSecret: wire.String(j.Session)}
	j.told(b.textsTo(cmp.Or(readLanguage(string(language)), j.Request.Language)), &e)
	switch {
	case j.Approach == approachRedirect && !j.over():
		e.RedirectURL = wire.String(b.pageOf(j))
	case j.over():
		if j.State == stateDone && j.Request.Exempted {
			e.SCAStatus = "exempted"
		}
	case j.Proven:
		err = b.tellMethods(ctx, j, &e)
	}
	return e, err
}

// stepIdentify takes down who the customer says she is.
func (b *Bank) stepIdentify(ctx context.Context, j journey, login string) error {
	n, err := b.db.Exec(ctx, `UPDATE corebank_journey SET login = $1 WHERE bank = $2 AND id = $3 AND state = 'open' AND proven = 0 AND (login = '' OR login = $1)`,
		login, b.code, j.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return sdk.ErrStep
	}
	if j.Approach == approachDecoupled {
		b.wakeQueue()
	}
	return nil
}

// stepPassword checks the customer's password, by the very rule of the log-in page: five wrong
// ones in a row, over both ways, lock her out for a while. A session bears no more than that
// either: for a name that is nobody's there is no lock, and the hub must see no difference.
func (b *Bank) stepPassword(ctx context.Context, j journey, login, password string) error {
	if j.Approach != approachEmbedded {
		return sdk.ErrStep // whom the phone knows needs none
	}
	n, err := b.db.Exec(ctx, `UPDATE corebank_journey SET wrong = wrong + 1, login = $1
		WHERE bank = $2 AND id = $3 AND state IN ('open', 'code') AND wrong < $4 AND (login = '' OR login = $1) AND expires_at > $5`,
		login, b.code, j.ID, wrongPasswordsMax, b.now().UnixMicro())
	if err != nil {
		return err
	}
	if n == 0 {
		return sdk.ErrStep
	}
	c, err := b.authenticate(ctx, login, password)
	if err != nil && !errors.Is(err, errCredentials) {
		return err
	}
	if err != nil || (j.Bound || j.Proven) && j.Customer != c.ID {
		return b.wrongPassword(ctx, j)
	}
	if j.Proven { // the answer to the first was lost, perhaps
		_, err := b.db.Exec(ctx, `UPDATE corebank_journey SET wrong = 0 WHERE bank = $1 AND id = $2`, b.code, j.ID)
		return err
	}
	n, err = b.db.Exec(ctx, `UPDATE corebank_journey SET proven = 1, customer = $1, wrong = 0 WHERE bank = $2 AND id = $3 AND state = 'open' AND proven = 0`,
		c.ID, b.code, j.ID)
	if err != nil || n == 0 { // 0: the same password came twice at once, and the other was faster
		return err
	}
	j.Customer, j.Proven = c.ID, true
	return b.goOnWith(ctx, j, c)
}

// wrongPassword ends j with the last password that it bears.
func (b *Bank) wrongPassword(ctx context.Context, j journey) error {
	var wrong int
	if err := b.db.QueryRow(ctx, `SELECT wrong FROM corebank_journey WHERE bank = $1 AND id = $2`, b.code, j.ID).Scan(&wrong); err != nil {
		return err
	}
	if wrong >= wrongPasswordsMax {
		if err := b.end(ctx, j, stateFailed, "AccessDenied", textUnproven, nil); err != nil && !errors.Is(err, errJourney) {
			return err
		}
	}
	return sdk.ErrCredentials
}

// goOnWith goes on with a customer who has proven who she is, as her approval on the page
// would: it looks at the accounts and the money, then asks for a method.
func (b *Bank) goOnWith(ctx context.Context, j journey, c customer) error {
	if wrong, err := b.prepare(ctx, &j); err != nil || wrong != nil {
		return errors.Join(err, b.endFor(ctx, j, wrong))
	}
	all, err := b.waysOf(ctx, j, c)
	if err != nil {
		return err
	}
	if done, err := b.exemptNow(ctx, j, len(all) == 0); done || err != nil {
		return err
	}
	switch len(all) {
	case 0:
		return b.end(ctx, j, stateFailed, "AccessDenied", textNoMethod, nil)
	case 1:
		return b.demand(ctx, j, c, all[0])
	}
	return nil
}

// An obstacle is why a journey cannot go on.
type obstacle struct{ class, message string }

// endFor ends j for o, if there is one.
func (b *Bank) endFor(ctx context.Context, j journey, o *obstacle) error {
	switch {
	case o == nil:
		return nil
	case o.class == classFunds:
		return b.end(ctx, j, stateFailed, o.class, o.message, new(false))
	}
	return b.end(ctx, j, stateFailed, o.class, o.message, nil)
}

// prepare chooses the accounts of j and its members, where there is only one choice.
func (b *Bank) prepare(ctx context.Context, j *journey) (wrong *obstacle, err error) {
	parts := []*journey{j}
	if j.Kind == kindBasket {
		all, err := b.members(b.reading(ctx), j.ID)
		if err != nil {
			return nil, err
		}
		if j.members, parts = nil, nil; len(all) == 0 {
			return nil, errJourney
		}
		for _, m := range all {
			m.Customer = j.Customer
			j.members = append(j.members, m.journey)
		}
		for i := range j.members {
			parts = append(parts, &j.members[i])
		}
	}
	for _, part := range parts {
		chosen, _, err := b.offered(ctx, *part, j.Customer)
		if err != nil {
			return nil, err
		}
		if len(chosen) == 0 {
			return &obstacle{"AccessDenied", textNotHers}, nil
		}
		one := part.Kind == kindFunds || part.payment() != ""
		if one && len(chosen) > 1 {
			return &obstacle{"InvalidAttributeValue", textChoice}, nil
		}
		if part.Signs == "" { // else who signed first has chosen
			part.Choice = nil
			for _, a := range chosen {
				part.Choice = append(part.Choice, choice{account: a.ID})
			}
		}
		// Of a basket, what has no cover is rejected by itself. And of who was only named, nobody
		// learns how much she has.
		if j.Kind != kindPayment || !j.Proven {
			continue
		}
		p, err := b.payment(ctx, j.payment())
		if err != nil {
			return nil, err
		}
		if debit, fee := b.cost(p, chosen[0].Currency); p.Service != servicePeriodic && chosen[0].Spendable() < debit.Minor+fee.Minor {
			return &obstacle{classFunds, textFunds}, nil
		}
	}
	return nil, nil
}

// stepMethod takes the customer's choice of a method. Chosen again, it sends another code.
func (b *Bank) stepMethod(ctx context.Context, j journey, id string) error {
	if !j.Proven || j.Approach != approachEmbedded { // what the phone was asked comes back to nobody's form
		return sdk.ErrStep
	}
	c, err := b.customer(ctx, j.Customer)
	if err != nil {
		return err
	}
	all, err := b.waysOf(ctx, j, c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m way) bool { return m.id == id })
	if i < 0 {
		return sdk.ErrMethodUnknown
	}
	if wrong, err := b.prepare(ctx, &j); err != nil || wrong != nil {
		return errors.Join(err, b.endFor(ctx, j, wrong))
	}
	return b.demand(ctx, j, c, all[i])
}

// stepCode takes what the customer answers to her challenge. It is bound, counted and used up as
// on the page. A wrong one has the same answer as the one that ends the session.
func (b *Bank) stepCode(ctx context.Context, j journey, code string) error {
	if !j.Proven || j.State != stateCode || j.Approach != approachEmbedded {
		return sdk.ErrStep
	}
	err := b.confirm(ctx, j, plainCode(code))
	switch {
	case errors.Is(err, errCodeWrong), errors.Is(err, errCodeOver), errors.Is(err, errCodeBlocked), errors.Is(err, errLocked):
		return sdk.ErrCode
	case errors.Is(err, ledger.ErrFunds): // the journey has ended: its standing says so
		return nil
	}
	return err
}

// plainCode removes what people put between digits.
func plainCode(code string) string { return strings.NewReplacer(" ", "", "-", "").Replace(code) }

package corebank

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// Some accounts need the signatures of several of their holders. What one of them approves is
// signed then, and done when the last one has: each on a journey of her own, that the hub
// starts for it. Who signs first is the one whose access or payment it is.

// stateSigned: by one of several customers, and waiting for others.
const stateSigned = "signed"

// nextSignature is how long after one signature the next one is waited for.
const nextSignature = 24 * time.Hour

// classUnsigned says that a signature was not given, and that another one can be asked for.
const classUnsigned = "SignatureNotGiven"

const textUnsigned = "The signature was not given."

// root is the journey that j signs: itself, unless it adds a signature.
func (j journey) root() string { return cmp.Or(j.Signs, j.ID) }

// StartSignature invites another customer to sign what waits for that. One that comes too late
// is answered by a report, as whoever opens the page meanwhile.
func (c connector) StartSignature(ctx context.Context, r wire.SignatureCreate) error {
	b := c.Bank
	if !isPlain(string(r.Signs)) || !isPlain(string(r.UserID)) {
		return sdk.ErrInvalid
	}
	first, err := scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, string(r.Signs)))
	if errors.Is(err, errJourney) || err == nil && (first.State != stateSigned || first.Signs != "" || !b.now().Before(first.ExpiresAt)) {
		return sdk.ErrInvalid
	}
	if err != nil {
		return err
	}
	j, err := b.newJourney(first.Kind, r.SessionSecret, r.AppName, r.RedirectURL)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	own := j.Request
	j.Signs, j.Request, j.Choice = first.ID, first.Request, first.Choice
	j.Request.Confirm, j.Request.Language = own.Confirm, own.Language // of this signer
	if j.ExpiresAt.After(first.ExpiresAt) {
		j.ExpiresAt = first.ExpiresAt
	}
	if user := string(r.UserID); user != "" {
		if _, err := b.customer(ctx, user); errors.Is(err, sql.ErrNoRows) {
			return sdk.ErrInvalid
		} else if err != nil {
			return err
		}
		j.Customer, j.Bound = user, true
	}
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.waits(tx, j.Signs); errors.Is(err, errJourney) {
			return b.endIn(tx, out, j, stateFailed, classUnsigned, textUnsigned, nil)
		} else if err != nil {
			return err
		}
		return b.invite(tx, out, j, wire.Event{})
	})
}

// waits returns errJourney unless the journey with this ID waits for another signature. Whoever
// signs or ends it at the same moment waits here, or is waited for.
func (b *Bank) waits(tx *sqldb.Tx, id string) error {
	n, err := tx.Exec(`UPDATE corebank_journey SET state = 'signed' WHERE bank = $1 AND id = $2 AND state = 'signed' AND expires_at > $3`, b.code, id, b.now().UnixMicro())
	if err == nil && n == 0 {
		err = errJourney
	}
	return err
}

// together says how many of the holders of an account have to sign what it is used for.
func (b *Bank) together(tx source, account string) (n int, err error) {
	err = tx.QueryRow(`SELECT COALESCE(MAX(signatures), 1) FROM corebank_account WHERE bank = $1 AND id = $2`, b.code, account).Scan(&n)
	return n, err
}

// alone keeps of accounts those that one holder can use by herself.
func (b *Bank) alone(ctx context.Context, accounts []account) ([]account, error) {
	var all []account
	for _, a := range accounts {
		n, err := b.together(outside{ctx, b.db}, a.ID)
		if err != nil {
			return nil, err
		}
		if n <= 1 {
			all = append(all, a)
		}
	}
	return all, nil
}

// unsigned lists the accounts of chosen that lack signatures on the journey with this ID.
func (b *Bank) unsigned(tx source, id string, chosen []choice) (accounts []string, err error) {
	for _, c := range chosen {
		needed, err := b.together(tx, c.account)
		if err != nil {
			return nil, err
		}
		if needed <= 1 {
			continue
		}
		var given int
		if err := tx.QueryRow(`SELECT COUNT(*) FROM corebank_signature s JOIN corebank_account a ON a.bank = s.bank AND a.customer = s.customer
			WHERE s.bank = $1 AND s.journey = $2 AND a.id = $3`, b.code, id, c.account).Scan(&given); err != nil {
			return nil, err
		}
		if given < needed {
			accounts = append(accounts, c.account)
		}
	}
	return accounts, nil
}

// toSign lists the accounts for which a customer can sign on j: those that she holds and that
// lack signatures, unless she has signed already.
func (b *Bank) toSign(ctx context.Context, j journey, customer string, all []account) ([]account, error) {
	tx := outside{ctx, b.db}
	var signed int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM corebank_signature WHERE bank = $1 AND journey = $2 AND customer = $3`, b.code, j.Signs, customer).Scan(&signed); err != nil || signed > 0 {
		return nil, err
	}
	lacking, err := b.unsigned(tx, j.Signs, j.Choice)
	return slices.DeleteFunc(all, func(a account) bool { return !slices.Contains(lacking, a.ID) }), err
}

// sign takes down the signature that j gives, where several are needed. over says that nothing
// more is to be done: others have to sign as well, or it does not count. Else first is the
// journey whose request is signed now by all who have to, which is j itself where it needs no more.
// from is the state that j was in.
func (b *Bank) sign(tx *sqldb.Tx, out *reports, j journey, from string) (first journey, over bool, err error) {
	if j.own() || j.Kind == kindBasket {
		return j, false, nil
	}
	lacking, err := b.unsigned(tx, j.root(), j.Choice)
	if err != nil || len(lacking) == 0 && j.Signs == "" {
		return j, false, err
	}
	first = j
	if j.Signs != "" {
		if err := b.waits(tx, j.Signs); errors.Is(err, errJourney) {
			return j, true, b.endIn(tx, out, j, stateFailed, classUnsigned, textUnsigned, nil)
		} else if err != nil {
			return j, true, err
		}
		if first, err = scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, j.Signs)); err != nil {
			return j, true, err
		}
	}
	n, err := tx.Exec(`INSERT INTO corebank_signature (bank, journey, customer, signed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		b.code, first.ID, j.Customer, b.now().UnixMicro())
	if err != nil {
		return j, true, err
	}
	if n == 0 { // on another journey, at the same moment
		return j, true, b.endIn(tx, out, j, stateFailed, classUnsigned, textUnsigned, nil)
	}
	if lacking, err = b.unsigned(tx, first.ID, first.Choice); err != nil {
		return j, true, err
	}
	if len(lacking) > 0 {
		return j, true, b.signedPartly(tx, out, j, first, from)
	}
	if err := b.move(tx, j, stateDone, from); err != nil {
		return j, true, err
	}
	if _, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND id = $3`, stateDone, b.code, first.ID); err != nil {
		return j, true, err
	}
	first.last = &j
	return first, false, b.closeSignatures(tx, first.ID)
}

// signedPartly tells that j has signed what first asks for, and that others have to as well.
func (b *Bank) signedPartly(tx *sqldb.Tx, out *reports, j, first journey, from string) error {
	state := stateDone
	if j.ID == first.ID {
		state = stateSigned
	}
	if err := b.move(tx, j, state, from); err != nil {
		return err
	}
	until := b.now().Add(nextSignature).UnixMicro()
	if _, err := tx.Exec(`UPDATE corebank_journey SET expires_at = $1 WHERE bank = $2 AND id = $3`, until, b.code, first.ID); err != nil {
		return err
	}
	e := wire.Event{SessionSecret: wire.String(j.Session), UserID: wire.String(j.Customer), Status: partlyOf(j.Kind)}
	switch j.Kind {
	case kindPayment:
		if _, err := tx.Exec(`UPDATE corebank_payment SET status = $1 WHERE bank = $2 AND id = $3 AND state = 'received'`, wire.StatusPartly, b.code, first.ID); err != nil {
			return err
		}
		debtor, err := b.payer(tx, j.Choice[0].account, j.Customer)
		if err != nil {
			return err
		}
		reference := debtor.reference()
		e.DebtorAccount = &reference
	case kindCancel: // until they have, or have not, nothing is executed
		if _, err := tx.Exec(`UPDATE corebank_payment SET cancelling_until = $1 WHERE bank = $2 AND id = $3 AND cancelling = $4`, until, b.code, first.payment(), first.ID); err != nil {
			return err
		}
	}
	return b.report(tx, out, report{stream: j.Session, verb: verbSuccess, event: e})
}

// partlyOf is the hub's word for what some have signed, and others have to.
func partlyOf(kind string) wire.String {
	if kind == kindAccess || kind == kindFunds {
		return wire.StatusAccessPartly
	}
	return wire.StatusPartly
}

// closeSignatures ends the journeys that could have signed the one with this ID: the hub ends
// their sessions itself.
func (b *Bank) closeSignatures(tx *sqldb.Tx, id string) error {
	_, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND signs = $3 AND signs <> '' AND state IN ('open', 'code', 'held')`, stateFailed, b.code, id)
	return err
}

// notSigned tells that j, which was to sign, has ended without that. A customer who refuses, and
// an account without cover, end what was to be signed; anything else leaves it to another one.
func (b *Bank) notSigned(tx *sqldb.Tx, out *reports, j journey, state, class, message string, funds *bool) error {
	if state == stateRefused || class == classFunds {
		n, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND id = $3 AND state = 'signed'`, state, b.code, j.Signs)
		if err != nil {
			return err
		}
		if n == 1 {
			first, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, j.Signs))
			if err == nil {
				err = b.closeSignatures(tx, first.ID)
			}
			if err != nil {
				return err
			}
			first.last = &j
			return b.ended(tx, out, first, state, class, message, funds)
		}
	}
	return b.report(tx, out, report{stream: j.Session, verb: verbFail, event: wire.Event{
		SessionSecret: wire.String(j.Session), ErrorClass: classUnsigned, ErrorMessage: textUnsigned, UserID: wire.String(j.Customer)}})
}

// A signer is who has signed, as the others are told.
type signer struct {
	Name, At string
}

// signersOf lists who has signed the journey with this ID, and how many have to sign at the
// account that needs the most.
func (b *Bank) signersOf(ctx context.Context, id string, chosen []choice, told func(time.Time) string) (all []signer, needed int, err error) {
	rows, err := b.db.Query(ctx, `SELECT c.name, s.signed_at FROM corebank_signature s JOIN corebank_customer c ON c.bank = s.bank AND c.id = s.customer
		WHERE s.bank = $1 AND s.journey = $2 ORDER BY s.signed_at, c.name`, b.code, id)
	if err != nil {
		return nil, 0, err
	}
	for rows.Next() {
		var s signer
		var at int64
		if err := rows.Scan(&s.Name, &at); err != nil {
			rows.Close()
			return nil, 0, err
		}
		s.At = told(time.UnixMicro(at).In(b.zone))
		all = append(all, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, 0, err
	}
	for _, c := range chosen {
		n, err := b.together(outside{ctx, b.db}, c.account)
		if err != nil {
			return nil, 0, err
		}
		needed = max(needed, n)
	}
	return all, needed, nil
}

// A signView is what a customer is told where several have to sign.
type signView struct {
	Needed string
	Signed []signer
}

// viewSigners tells who has signed, and how many have to: on accounts chosen, or on offer.
func (s *scaVisit) viewSigners() (*signView, error) {
	if s.j.own() || s.j.Kind == kindBasket || s.j.Kind == kindLogin {
		return nil, nil
	}
	about := s.j.Choice
	if s.j.Signs == "" && s.j.State == stateOpen { // nothing is chosen yet
		alone, err := s.b.alone(s.r.Context(), s.accounts)
		if err != nil || !s.fixed && len(alone) > 0 {
			return nil, err
		}
		about = nil
		for _, a := range s.accounts {
			about = append(about, choice{account: a.ID})
		}
	}
	signed, needed, err := s.b.signersOf(s.r.Context(), s.j.root(), about, s.b.textsFor(s.r).Minute)
	if err != nil || needed <= 1 {
		return nil, err
	}
	return &signView{Needed: strconv.Itoa(needed), Signed: signed}, nil
}

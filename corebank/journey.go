package corebank

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// Kinds of journeys.
const (
	kindAccess  = "access"
	kindFunds   = "funds"
	kindPayment = "payment"
	kindLogin   = "login"
	kindChange  = "change" // of an access, begun by its customer: the hub does not hear of it
	kindCancel  = "cancel" // of a payment
	kindBasket  = "basket" // several payments and accesses, each a journey of its own
	kindAllow   = "allow"  // checks of funds, begun by the customer: the hub does not hear of it
	kindEnrol   = "enrol"  // of a passkey, begun by the customer: the hub does not hear of it
	kindNone    = "none"   // nothing: the hub was told that no payment of this session is here
)

// States of a journey. It begins open, waits for a one-time code, and ends.
const (
	stateOpen     = "open"
	stateCode     = "code"
	stateDone     = "done"
	stateUsed     = "used"     // done, and what it allowed has happened
	stateApproved = "approved" // with its basket, and about to be done
	stateHeld     = "held"     // approved, and waiting to be confirmed
	stateRefused  = "refused"  // by the customer
	stateFailed   = "failed"
)

// journeyFor is how long a customer has, from the hub's request to the last page.
const journeyFor = 15 * time.Minute

var errJourney = errors.New("no such journey")

// A journey leads one customer's browser from the hub's request to the answer.
type journey struct {
	ID          string
	Session     string // the hub's secret
	Kind        string
	State       string
	AppName     string
	RedirectURL string
	Request     request
	Customer    string
	Bound       bool // only Customer may approve: the hub knows who it is
	Choice      []choice
	ExpiresAt   time.Time
	Basket      string // journey that leads this one; empty: none
	Place       int    // within the basket

	Approach string // of the SCA, where the customer does not come to the bank's pages; else empty, or redirect
	Login    string // what the third party says she logs in with
	Proven   bool   // by her password, which came by a step

	Signs string // journey to which this one adds a signature; empty: none

	members []journey // of a basket, while their choice is taken down
	last    *journey  // that gave the last of several signatures, or refused it; nil: this one did
}

// A request is what the hub asked, as far as later pages need it.
type request struct {
	Access     *wire.Access  `json:"access,omitempty"`
	ValidUntil string        `json:"valid_until,omitempty"`
	Account    *wire.Account `json:"account,omitempty"`
	IBAN       string        `json:"iban,omitempty"`
	Change     string        `json:"change,omitempty"` // ID of the access that is changed
	Card       *cardView     `json:"card,omitempty"`   // that funds are checked for

	Funder   *funder `json:"funder,omitempty"`   // that may check funds
	Cancels  string  `json:"cancels,omitempty"`  // ID of the payment that is cancelled
	Refused  string  `json:"refused,omitempty"`  // why a payment was rejected before it was kept
	Exempted bool    `json:"exempted,omitempty"` // no SCA was needed
	Confirm  bool    `json:"confirm,omitempty"`  // what is approved on the pages waits to be confirmed
	Language string  `json:"language,omitempty"` // that the third party says the customer reads; else empty

	Exemption string      `json:"exemption,omitempty"` // by which article
	List      wire.String `json:"list,omitempty"`      // of accounts, or with balances: no more is asked for
	Recurring bool        `json:"recurring,omitempty"`
}

// page is the journey whose page the customer sees.
func (j journey) page() string {
	if j.Basket != "" {
		return j.Basket
	}
	return j.ID
}

// payment is the ID of the payment j is about, or empty.
func (j journey) payment() string {
	switch j.Kind {
	case kindPayment:
		return j.root()
	case kindCancel:
		return j.Request.Cancels
	}
	return ""
}

// end is the journey whose session hears how j ended.
func (j journey) end() journey {
	if j.last != nil {
		return *j.last
	}
	return j
}

// own says whether the customer began j herself: the hub does not hear of it.
func (j journey) own() bool {
	return j.Kind == kindChange || j.Kind == kindAllow || j.Kind == kindEnrol
}

func (j journey) over() bool { return j.State != stateOpen && j.State != stateCode }

// newJourney checks what every start of the hub has.
func (b *Bank) newJourney(kind string, session, appName, redirectURL wire.String) (journey, error) {
	u, err := url.Parse(string(redirectURL))
	if session == "" || len(session) > 255 || !isPlain(string(session)) || !isPlain(string(appName)) || !isPlain(string(redirectURL)) || err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return journey{}, sdk.ErrInvalid
	}
	return journey{
		ID: rand.Text(), Session: string(session), Kind: kind, State: stateOpen,
		AppName: string(appName), RedirectURL: string(redirectURL), ExpiresAt: b.now().Add(journeyFor),
	}, nil
}

// begin stores j and whatever more writes, and tells the hub. When the hub's session was
// begun before, nothing happens: a start that is repeated is one start.
func (b *Bank) begin(ctx context.Context, j journey, more func(tx *sqldb.Tx, out *reports) error) error {
	var reports reports
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		added, err := b.insert(tx, j)
		if err != nil || !added {
			return err
		}
		return more(tx, &reports)
	})
	if err == nil {
		b.send(ctx, reports)
		if j.Approach == approachDecoupled {
			b.wakeQueue()
		}
	}
	return err
}

// insert stores j, unless its session is known.
func (b *Bank) insert(tx *sqldb.Tx, j journey) (added bool, err error) {
	asked, err := json.Marshal(j.Request)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(`INSERT INTO corebank_journey (bank, id, session_secret, kind, state, app_name, redirect_url, request,
			customer, bound, choice, created_at, expires_at, basket, place, approach, login, signs)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING`,
		b.code, j.ID, j.Session, j.Kind, j.State, j.AppName, j.RedirectURL, string(asked),
		j.Customer, flag(j.Bound), choices(j.Choice), b.now().UnixMicro(), j.ExpiresAt.UnixMicro(), j.Basket, j.Place, j.Approach, j.Login, j.Signs)
	return n == 1, err
}

// invite reports the address of j's page, or that its steps are waited for, and whatever else
// e has.
func (b *Bank) invite(tx *sqldb.Tx, out *reports, j journey, e wire.Event) error {
	if j.bySteps() {
		leaves, err := b.leavesChoice(tx, j)
		if err != nil {
			return err
		}
		if leaves {
			return b.endIn(tx, out, j, stateFailed, "InvalidAttributeValue", textChoice, e.FundsAvailable)
		}
	}
	switch {
	case j.Kind == kindCancel: // nothing is said of the payment until it is decided
	case j.Signs != "":
		e.Status = partlyOf(j.Kind)
	case j.Kind == kindPayment || j.Kind == kindBasket:
		e.Status = "RCVD"
	default:
		e.Status = "received"
	}
	e.SessionSecret, e.SCAStatus = wire.String(j.Session), "received"
	if j.bySteps() {
		j.told(b.textsTo(j.Request.Language), &e)
	} else {
		e.RedirectURL = wire.String(b.pageOf(j))
	}
	e.SessionExpiresAt = wire.String(j.ExpiresAt.UTC().Format(time.RFC3339))
	return b.report(tx, out, report{stream: j.Session, verb: verbUpdate, event: e})
}

// fail reports that j came to nothing. status is for payments.
func (b *Bank) fail(tx *sqldb.Tx, out *reports, j journey, class, message string) error {
	last := j.end()
	e := wire.Event{SessionSecret: wire.String(last.Session), ErrorClass: wire.String(class), ErrorMessage: wire.String(message), UserID: wire.String(last.Customer)}
	if j.Kind == kindPayment || j.Kind == kindBasket {
		e.Status = "RJCT"
		if reason := reasonOf(class); reason != "" {
			e.ErrorMessage = wire.String(reason + " " + message)
		}
	}
	return b.report(tx, out, report{stream: last.Session, verb: verbFail, event: e})
}

// reasonOf is the ISO 20022 word for why a payment that was kept came to nothing.
func reasonOf(class string) string {
	switch class {
	case classFunds:
		return reasonFunds
	case "AccessDenied":
		return reasonCustomer
	}
	return ""
}

const selectJourney = `SELECT id, session_secret, kind, state, app_name, redirect_url, request, customer, bound, choice, expires_at, basket, place,
		approach, login, proven, signs
	FROM corebank_journey WHERE bank = $1 AND `

// A scanner is a row that was found.
type scanner interface{ Scan(...any) error }

func scanJourney(row scanner) (j journey, err error) {
	var asked, choice string
	var bound, proven int
	var expires int64
	err = row.Scan(&j.ID, &j.Session, &j.Kind, &j.State, &j.AppName, &j.RedirectURL, &asked, &j.Customer, &bound, &choice, &expires, &j.Basket, &j.Place, &j.Approach, &j.Login, &proven, &j.Signs)
	if errors.Is(err, sql.ErrNoRows) {
		return j, errJourney
	}
	if err != nil {
		return j, err
	}
	j.Bound, j.Proven, j.ExpiresAt = bound == 1, proven == 1, time.UnixMicro(expires)
	if choice != "" {
		for one := range strings.SplitSeq(choice, ",") {
			j.Choice = append(j.Choice, parseChoice(one))
		}
	}
	return j, json.Unmarshal([]byte(asked), &j.Request)
}

func (b *Bank) journey(ctx context.Context, id string) (journey, error) {
	if !isPlain(id) {
		return journey{}, errJourney
	}
	return scanJourney(b.db.QueryRow(ctx, selectJourney+`id = $2`, b.code, id))
}

// move brings j from one of the states given to the next. It returns errJourney when j is
// no longer there, so that of two browsers only one goes on.
func (b *Bank) move(tx *sqldb.Tx, j journey, to string, from ...string) error {
	for _, f := range from {
		n, err := tx.Exec(`UPDATE corebank_journey SET state = $1, customer = $2, choice = $3
			WHERE bank = $4 AND id = $5 AND state = $6 AND expires_at > $7`,
			to, j.Customer, choices(j.Choice), b.code, j.ID, f, b.now().UnixMicro())
		if err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
	}
	return errJourney
}

// refuse ends j at the wish of whoever holds its page, and tells the hub.
func (b *Bank) refuse(ctx context.Context, j journey) error {
	return b.end(ctx, j, stateRefused, "AccessDenied", "The PSU refused.", nil)
}

// end closes j badly and tells the hub why. funds is reported before, when it is known.
func (b *Bank) end(ctx context.Context, j journey, state, class, message string, funds *bool) error {
	var reports reports
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		return b.endIn(tx, &reports, j, state, class, message, funds)
	})
	if err == nil {
		b.send(ctx, reports)
	}
	return err
}

func (b *Bank) endIn(tx *sqldb.Tx, out *reports, j journey, state, class, message string, funds *bool) error {
	if err := b.move(tx, j, state, stateOpen, stateCode, stateHeld); err != nil {
		return err
	}
	return b.ended(tx, out, j, state, class, message, funds)
}

// ended takes down what the end of j means, and tells the hub.
func (b *Bank) ended(tx *sqldb.Tx, out *reports, j journey, state, class, message string, funds *bool) error {
	if j.Signs != "" {
		return b.notSigned(tx, out, j, state, class, message, funds)
	}
	if j.Kind == kindBasket {
		if err := b.endMembers(tx, j.ID, state, reasonOf(class)); err != nil {
			return err
		}
	}
	if j.Kind == kindPayment {
		if _, err := tx.Exec(`UPDATE corebank_payment SET state = 'refused', status = 'RJCT', reason = $1 WHERE bank = $2 AND id = $3 AND state = 'received'`,
			reasonOf(class), b.code, j.ID); err != nil {
			return err
		}
	}
	if j.Kind == kindCancel {
		if err := b.keep(tx, j); err != nil {
			return err
		}
	}
	if funds != nil {
		session := j.end().Session
		if err := b.report(tx, out, report{stream: session, verb: verbUpdate, event: wire.Event{
			SessionSecret: wire.String(session), FundsAvailable: funds, Status: "RCVD"}}); err != nil {
			return err
		}
	}
	if j.own() {
		return nil
	}
	return b.fail(tx, out, j, class, message)
}

// offered returns which of a customer's accounts j can be about. None means that this
// customer is not the one to ask. fixed says that there is nothing to choose.
func (b *Bank) offered(ctx context.Context, j journey, customer string) (accounts []account, fixed bool, err error) {
	if j.Bound && j.Customer != customer {
		return nil, true, nil
	}
	all, err := b.accountsOf(ctx, customer)
	if err != nil {
		return nil, false, err
	}
	if j.Signs != "" {
		all, err = b.toSign(ctx, j, customer, all)
		return all, true, err
	}
	// What needs the signatures of others is asked for by itself, and through the hub.
	if j.Basket != "" || j.own() {
		some, err := b.alone(ctx, all)
		if err != nil {
			return nil, false, err
		}
		if len(some) < len(all) && j.Request.Access != nil && j.Request.Access.AllPSD2 != "" {
			return nil, true, nil
		}
		all = some
	}
	keep := func(wanted func(account) bool) []account {
		return slices.DeleteFunc(all, func(a account) bool { return !wanted(a) })
	}
	switch j.Kind {
	case kindAccess, kindChange:
		named := j.Request.named()
		switch {
		case j.Request.Access != nil && j.Request.Access.AllPSD2 != "":
			return all, true, nil
		case len(named) == 0:
			return all, false, nil
		}
		return keep(func(a account) bool { return slices.ContainsFunc(named, a.isMeantBy) }), false, nil
	case kindFunds:
		return keep(func(a account) bool { return a.isMeantBy(*j.Request.Account) && a.checked() }), true, nil
	case kindAllow:
		return keep(func(a account) bool { return a.ID == j.Choice[0].account && a.checked() }), true, nil
	case kindPayment:
		p, err := b.payment(ctx, j.payment())
		if err != nil {
			return nil, false, err
		}
		if p.NamedDebtor {
			return keep(func(a account) bool { return a.ID == p.Debtor }), true, nil
		}
		return keep(p.paidFrom), false, nil
	case kindCancel:
		p, err := b.payment(ctx, j.payment())
		if err != nil {
			return nil, false, err
		}
		return keep(func(a account) bool { return a.ID == p.Debtor }), true, nil
	}
	if j.Request.IBAN != "" && !slices.ContainsFunc(all, func(a account) bool { return a.IBAN == j.Request.IBAN }) {
		return nil, true, nil
	}
	return all, true, nil
}

// named lists the accounts that the TPP named.
func (r request) named() []wire.Account {
	var all []wire.Account
	if r.Access != nil && r.Access.Balances != nil {
		all = append(all, *r.Access.Balances...)
	}
	if r.Access != nil && r.Access.Transactions != nil {
		all = append(all, *r.Access.Transactions...)
	}
	return all
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

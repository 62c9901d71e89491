// Package dashboard decides what a PSU sees of the third parties that she let in, and lets
// her end that.
//
// She logs in at her bank (a Session, which lasts an hour at most), and then sees, over all
// TPPs, the consents that she gave and the payments that are still to come, with the record of
// each. She can end one of them, all of one TPP, or all. A consent ends at once, and its bank
// and TPP are told as of any other end; a payment is cancelled at the bank, which may want her
// approval. A bank that shows the same on its own pages asks the same Service, and vouches for
// who the PSU is.
//
// Whoever asks names the PSU by the bank's own id, and gets nothing else: what somebody else
// gave does not exist.
//
// What a consent or a payment is, and how it ends, is for packages consent and payment.
package dashboard

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
)

// Who ends what was given, for the record.
const (
	PSU  = "psu"  // on the hub's own dashboard
	Bank = "bank" // on a page of the bank's
)

// ErrUnknown says that the PSU has given no such thing.
var ErrUnknown = errors.New("access unknown")

// A Service shows PSUs what they gave.
type Service struct {
	Sessions       Sessions
	Consents       *consent.Service
	Payments       *payment.Service
	Answers        funds.Answers // of checks of funds; nil: what was answered is not shown
	Authorisations *authorisation.Service
	Cores          map[string]core.Bank    // by bank code
	Banks          map[string]profile.Bank // by bank code
	Audit          audit.Log
	Record         audit.Record
	Atomically     func(ctx context.Context, fn func(ctx context.Context) error) error
	ReturnURL      func(bank, key string) string
	Now            func() time.Time
	NewID          func() string // unguessable
}

// A Query selects a page of what a PSU gave.
type Query struct {
	Bank, PSU string
	TPP       tpp.ID // "": whomever
	Ended     bool
	// Where the page before ended: a consent, or a payment. Zero: the first page.
	AfterConsent consent.Place
	AfterPayment payment.Given
	Limit        int
}

// A Page is what a PSU gave: payments to come before consents, the newest first.
type Page struct {
	Payments []payment.Payment
	Consents []Access
	More     bool // there is another page
}

// An Access is a consent, and when the TPP last used it.
type Access struct {
	consent.Consent
	LastUsed time.Time // zero: never
}

// Next names where the next page begins, for Query.From; "" where there is none.
func (p Page) Next() string {
	if !p.More {
		return ""
	}
	if n := len(p.Consents); n > 0 {
		return written("c", p.Consents[n-1].CreatedAt, p.Consents[n-1].ID)
	}
	one := p.Payments[len(p.Payments)-1]
	return written("p", one.CreatedAt, one.ID)
}

func written(kind string, at time.Time, id string) string {
	return kind + "." + strconv.FormatInt(at.UnixMicro(), 10) + "." + id
}

// From returns q for the page that Next named; false where text is no such name.
func (q Query) From(text string) (Query, bool) {
	if text == "" {
		return q, true
	}
	parts := strings.SplitN(text, ".", 3)
	if len(parts) != 3 || parts[2] == "" {
		return q, false
	}
	micros, err := strconv.ParseInt(parts[1], 10, 64)
	at := time.UnixMicro(micros)
	switch {
	case err != nil || micros <= 0:
		return q, false
	case parts[0] == "c":
		q.AfterConsent = consent.Place{CreatedAt: at, ID: parts[2]}
	case parts[0] == "p":
		q.AfterPayment = payment.Given{CreatedAt: at, ID: parts[2]}
	default:
		return q, false
	}
	return q, true
}

// List returns one page.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	var p Page
	var err error
	room := q.Limit + 1
	if q.AfterConsent == (consent.Place{}) {
		p.Payments, err = s.Payments.Given(ctx, s.Banks[q.Bank], payment.GivenQuery{PSU: q.PSU, TPP: q.TPP, Ended: q.Ended, After: q.AfterPayment, Limit: room})
		if err != nil {
			return Page{}, err
		}
		if len(p.Payments) == room {
			p.Payments, p.More = p.Payments[:q.Limit], true
			return p, nil
		}
		room -= len(p.Payments)
	}
	all, err := s.Consents.Given(ctx, q.Bank, q.consents(room))
	if err != nil {
		return Page{}, err
	}
	if len(all) == room {
		all, p.More = all[:room-1], true
	}
	p.Consents, err = s.used(ctx, q.Bank, all)
	return p, err
}

func (q Query) consents(limit int) consent.GivenQuery {
	return consent.GivenQuery{PSU: q.PSU, TPP: q.TPP, Ended: q.Ended, After: q.AfterConsent, Limit: limit}
}

// used adds when each was last used.
func (s *Service) used(ctx context.Context, bank string, all []consent.Consent) ([]Access, error) {
	uses := make([]audit.Use, len(all))
	for i, c := range all {
		uses[i] = audit.Use{Resource: c.ID, Actor: string(c.TPP), Except: "consent."}
	}
	last, err := s.Record.Last(ctx, bank, uses)
	if err != nil {
		return nil, err
	}
	accesses := make([]Access, len(all))
	for i, c := range all {
		accesses[i] = Access{c, last[c.ID]}
	}
	return accesses, nil
}

// Consent returns one consent of the PSU's; ErrUnknown where she gave no such one.
func (s *Service) Consent(ctx context.Context, bank, psu, id string) (Access, error) {
	c, err := s.Consents.OfPSU(ctx, bank, psu, id)
	if err != nil {
		return Access{}, unknown(err)
	}
	all, err := s.used(ctx, bank, []consent.Consent{c})
	if err != nil {
		return Access{}, err
	}
	return all[0], nil
}

// Payment returns one payment of the PSU's; ErrUnknown where she has authorised no such one.
func (s *Service) Payment(ctx context.Context, bank, psu, id string) (payment.Payment, error) {
	p, err := s.Payments.OfPSU(ctx, s.Banks[bank], psu, id)
	return p, unknown(err)
}

func unknown(err error) error {
	if errors.Is(err, consent.ErrUnknown) || errors.Is(err, payment.ErrUnknown) {
		return ErrUnknown
	}
	return err
}

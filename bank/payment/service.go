package payment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
)

// A Store keeps payments. Package paymenttest says in tests what these words mean.
type Store interface {
	// Create returns ErrRepeated, and stores nothing, when the same TPP has created another
	// payment at the same bank with the same RequestID, unless that was before since: then
	// the RequestID is p's from now on.
	Create(ctx context.Context, p Payment, since time.Time) error
	// Get returns ErrUnknown when the bank has no payment with this ID.
	Get(ctx context.Context, bank, id string) (Payment, error)
	// Outline is Get without what can be large: the Document, the payments of a Bulk and its Items.
	Outline(ctx context.Context, bank, id string) (Payment, error)
	// ByRequest finds, in outline, what t created with requestID; ErrUnknown where there is nothing.
	ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (Payment, error)
	// Unsettled lists in outline, oldest first, those that are being handed over since before,
	// from the one that comes next after the one named; zero: from the first.
	Unsettled(ctx context.Context, bank string, before time.Time, after Place, limit int) ([]Payment, error)
	// Given lists, in outline and newest first, the series and payments of later days that a
	// PSU has authorised.
	Given(ctx context.Context, bank string, q GivenQuery) ([]Payment, error)
	// Update replaces a payment by what change returns, atomically; what it returns
	// unchanged is not written, and change is given an outline: Items that it returns replace
	// those that are stored, none leave them. When change fails nothing is stored. change may
	// run again, so it must only compute.
	Update(ctx context.Context, bank, id string, change func(Payment) (Payment, error)) error
}

// ErrRepeated says that a request was made before.
var ErrRepeated = errors.New("request was made before")

// A Service applies the rules to stored payments. A TPP sees only its own.
type Service struct {
	Store          Store
	Authorisations *authorisation.Service
	Cores          map[string]core.Bank    // by bank code
	Banks          map[string]profile.Bank // by bank code
	Audit          audit.Log
	Atomically     func(ctx context.Context, fn func(ctx context.Context) error) error
	ReturnURL      func(bank, key string) string // the hub's page where the PSU comes back
	Now            func() time.Time
	NewID          func() string
	Log            *slog.Logger
	Notify         *notify.Service // TPPs hear of each status; nil: nobody is told

	sweeps sweeps
}

var _ authorisation.Signable = (*Service)(nil)

// A Start is what SCA needs to begin, beside the payment.
type Start struct {
	RequestID      string // X-Request-ID; with "" nothing is the same request
	Body           []byte // what was sent, in one spelling: a repeat has the same
	RedirectURI    string
	NokRedirectURI string
	Brand          string // TPP-Brand-Logging-Information; shown to the PSU where given
	UserID         string // the bank's id of the PSU where she logged in before
	PSU            core.PSUContext
	SCA            authorisation.Wish // how and who the PSU is to authenticate
	Notification   notify.Wish        // what the TPP wants to be told of
	// Explicit leaves it to the TPP to start SCA by a request of its own, where the bank
	// offers that. Until then nothing is handed to the bank.
	Explicit bool
	actor    string // who asks in place of a TPP, for the record; "": it is a TPP
}

// A Creation is what a new payment needs.
type Creation struct {
	Request
	Start
}

// digest tells one request from another.
func (r Creation) digest() [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00", r.Service, r.Product)
	h.Write(r.Body)
	return [32]byte(h.Sum(nil))
}

// Create creates a payment and its authorisation, hands it to the bank, and waits a moment
// for the bank's page. A request that t made before has no further effect: Create returns
// the first payment as it stands now, or ErrRequest when something else was asked then.
//
// That the bank did not say whether it took the payment is no error: the payment stays
// received, and the bank's reports or the end of the time for SCA decide. When the bank
// certainly did not take it, the payment is rejected and the error says why; the same
// request can then be made again.
func (s *Service) Create(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (Payment, authorisation.Authorisation, error) {
	p, err := New(b, s.NewID(), t, r.Request, s.Now())
	if err != nil {
		// What was taken once stays taken, though a date may have passed since.
		if first, ferr := s.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID); ferr == nil && s.repeats(first, r) {
			return s.again(ctx, b, first.ID)
		}
		return Payment{}, authorisation.Authorisation{}, err
	}
	p.RequestID, p.Digest, p.PSU, p.Brand = r.RequestID, r.digest(), r.UserID, r.Brand
	if verifies(b, p.Product) {
		if before, err := s.madeBefore(ctx, p); err != nil {
			return Payment{}, authorisation.Authorisation{}, err
		} else if before {
			return s.repeat(ctx, b, t, r)
		}
		p = s.verify(ctx, b, p)
	}
	var a authorisation.Authorisation
	if !b.StartsExplicitly(r.Explicit) {
		a = s.authorisation(b, authorisation.OfPayment, p, r.Start)
		p = p.Send(s.Now(), a.Session)
		p.AuthoriseBy = a.ExpiresAt // one moment for both
	}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, string(t.ID), "payment.create", r.RequestID)); err != nil {
			return err
		}
		if err := s.Store.Create(ctx, p, p.CreatedAt.Add(-repeatWindow)); err != nil {
			return err
		}
		if p.Payees != "" {
			if err := s.Audit.Append(ctx, s.entry(p, "bank", p.found(), "")); err != nil {
				return err
			}
		}
		if err := s.Notify.Subscribe(ctx, subscription(p, "", r.Notification)); err != nil || p.Hand == Kept {
			return err
		}
		return s.Authorisations.Store.Create(ctx, a)
	})
	if errors.Is(err, ErrRepeated) {
		return s.repeat(ctx, b, t, r)
	}
	if err != nil || p.Hand == Kept {
		return p, authorisation.Authorisation{}, err
	}
	cause, err := s.hand(ctx, b, p, a, r.Start)
	if cause != nil {
		err = s.notTaken(ctx, p, a, cause)
	}
	if err != nil {
		return Payment{}, authorisation.Authorisation{}, err
	}
	return s.wait(ctx, b, p.ID, a.ID)
}

// subscription is the wish to hear of p, which came with the start of an authorisation or,
// where there is none, with the payment itself.
func subscription(p Payment, authorisation string, w notify.Wish) notify.Subscription {
	return notify.Subscription{Bank: p.Bank, Kind: notify.OfPayment, Resource: p.ID, Authorisation: authorisation, TPP: p.TPP, Wish: w}
}

// authorisation returns a new authorisation of p, not yet stored.
func (s *Service) authorisation(b profile.Bank, kind authorisation.Kind, p Payment, r Start) authorisation.Authorisation {
	approach, oauth := r.SCA.Choose(b.Profile)
	return s.Authorisations.New(authorisation.Start{
		Bank: b.Code, Kind: kind, Subject: p.ID, TPP: p.TPP, Approach: approach, OAuth: oauth,
		RedirectURI: r.RedirectURI, NokRedirectURI: r.NokRedirectURI, PSU: cmp.Or(r.UserID, p.PSU), Confirm: b.Confirms(), Timeout: b.SCATimeout,
	})
}

// repeats says whether r is the request that created first, made again in time.
func (s *Service) repeats(first Payment, r Creation) bool {
	return first.Digest == r.digest() && s.Now().Before(first.CreatedAt.Add(repeatWindow))
}

// repeat answers a request that was made before.
func (s *Service) repeat(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (Payment, authorisation.Authorisation, error) {
	first, err := s.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID)
	switch {
	case errors.Is(err, ErrUnknown): // the bank has just refused it
		return Payment{}, authorisation.Authorisation{}, core.ErrUnavailable
	case err != nil:
		return Payment{}, authorisation.Authorisation{}, err
	case !s.repeats(first, r):
		return Payment{}, authorisation.Authorisation{}, &FieldError{"X-Request-ID", "was used for another payment"}
	}
	p, a, err := s.again(ctx, b, first.ID)
	if err == nil && p.RequestID == "" { // refused while this one waited for it
		err = core.ErrUnavailable
	}
	return p, a, err
}

// again answers for a payment that was created before.
func (s *Service) again(ctx context.Context, b profile.Bank, id string) (p Payment, a authorisation.Authorisation, err error) {
	all, err := s.Authorisations.List(ctx, b.Code, authorisation.OfPayment, id)
	if err != nil {
		return p, a, err
	}
	if len(all) == 0 {
		p, err = s.Store.Outline(ctx, b.Code, id)
		return p.At(s.Now()), a, err
	}
	return s.wait(ctx, b, id, all[0].ID)
}

// wait waits for the bank's page or an end, and returns both as they stand then.
func (s *Service) wait(ctx context.Context, b profile.Bank, id, authorisationID string) (p Payment, a authorisation.Authorisation, err error) {
	if a, err = s.Authorisations.Await(ctx, b.Code, authorisationID, b.FirstUpdateWait); err != nil {
		return p, a, err
	}
	p, err = s.Store.Outline(ctx, b.Code, id)
	return p.At(s.Now()), a, err
}

// Get returns a payment to the TPP that owns it. Service and product must be the payment's:
// they are part of its name.
func (s *Service) Get(ctx context.Context, b profile.Bank, t tpp.ID, service, product, id string) (Payment, error) {
	p, err := s.Status(ctx, b, t, service, product, id)
	if err != nil {
		return Payment{}, err
	}
	// Only now: a bulk of ten thousand takes its time, by which it must not be known to others.
	p, err = s.Store.Get(ctx, b.Code, p.ID)
	return p.At(s.Now()), err
}

// Status is Get without what can be large: the Document and the payments of a Bulk.
func (s *Service) Status(ctx context.Context, b profile.Bank, t tpp.ID, service, product, id string) (Payment, error) {
	if err := Offered(b.Profile, service, product); err != nil {
		return Payment{}, err
	}
	p, err := s.Store.Outline(ctx, b.Code, id)
	if err == nil && (p.TPP != t || p.Service != service || p.Product != product) {
		return Payment{}, ErrUnknown
	}
	return p.At(s.Now()), err
}

// update changes a stored payment, and tells the TPP of its new status, in the transaction
// of ctx where there is one to tell of.
func (s *Service) update(ctx context.Context, bank, id string, change func(Payment) (Payment, error)) error {
	var before, p Payment
	err := s.Store.Update(ctx, bank, id, func(old Payment) (_ Payment, err error) {
		before = old
		p, err = change(old)
		return p, err
	})
	changed := p.Status != before.Status
	if err != nil || !changed && p.over() == before.over() {
		return err
	}
	return s.Notify.Event(ctx, notify.Event{Bank: bank, Kind: notify.OfPayment, Resource: id, Status: string(p.Status), Last: p.over(), Again: !changed})
}

// of names the payment that a authorises.
func of(a authorisation.Authorisation) Payment { return Payment{Bank: a.Bank, ID: a.Subject} }

func (s *Service) entry(p Payment, actor, action, requestID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: p.Bank, Actor: actor, Action: action, Resource: p.ID, RequestID: requestID}
}

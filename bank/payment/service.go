package payment

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/day"
)

// A Store keeps payments. Package paymenttest says in tests what these words mean.
type Store interface {
	// Create returns ErrRepeated, and stores nothing, when the same TPP has created another
	// payment at the same bank with the same RequestID, unless that was before since: then
	// the RequestID is p's from now on.
	Create(ctx context.Context, p Payment, since time.Time) error
	// Get returns ErrUnknown when the bank has no payment with this ID.
	Get(ctx context.Context, bank, id string) (Payment, error)
	// ByRequest finds what t created with requestID; ErrUnknown where there is nothing.
	ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (Payment, error)
	// Update replaces a payment by what change returns, atomically; what it returns
	// unchanged is not written. When change fails nothing is stored. change may run again,
	// so it must only compute.
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
}

var _ authorisation.Subject = (*Service)(nil)

// A Creation is what a new payment needs beside its Request.
type Creation struct {
	Request
	RequestID      string
	Body           []byte // what was sent, in one spelling: a repeat has the same
	RedirectURI    string
	NokRedirectURI string
	Brand          string // TPP-Brand-Logging-Information; shown to the PSU where given
	UserID         string // the bank's id of the PSU where she logged in before
	PSU            core.PSUContext
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
	p.RequestID, p.Digest, p.PSU = r.RequestID, r.digest(), r.UserID
	a := s.Authorisations.New(authorisation.Start{
		Bank: b.Code, Kind: authorisation.OfPayment, Subject: p.ID, TPP: t.ID, OAuth: b.OAuth.Mode == profile.OAuthIntegrated,
		RedirectURI: r.RedirectURI, NokRedirectURI: r.NokRedirectURI, PSU: r.UserID, Timeout: b.SCATimeout,
	})
	p.AuthoriseBy = a.ExpiresAt // one moment for both
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, string(t.ID), "payment.create", r.RequestID)); err != nil {
			return err
		}
		if err := s.Store.Create(ctx, p, p.CreatedAt.Add(-repeatWindow)); err != nil {
			return err
		}
		return s.Authorisations.Store.Create(ctx, a)
	})
	if errors.Is(err, ErrRepeated) {
		return s.repeat(ctx, b, t, r)
	}
	if err != nil {
		return Payment{}, authorisation.Authorisation{}, err
	}
	if err := s.hand(ctx, b, t, p, a, r); err != nil {
		return Payment{}, authorisation.Authorisation{}, err
	}
	return s.wait(ctx, b, p.ID, a.ID)
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
		p, err = s.Store.Get(ctx, b.Code, id)
		return p.At(s.Now()), a, err
	}
	return s.wait(ctx, b, id, all[0].ID)
}

// wait waits for the bank's page or an end, and returns both as they stand then.
func (s *Service) wait(ctx context.Context, b profile.Bank, id, authorisationID string) (p Payment, a authorisation.Authorisation, err error) {
	if a, err = s.Authorisations.Await(ctx, b.Code, authorisationID, b.FirstUpdateWait); err != nil {
		return p, a, err
	}
	p, err = s.Store.Get(ctx, b.Code, id)
	return p.At(s.Now()), a, err
}

// handMax bounds how long the bank may take to answer.
const handMax = 30 * time.Second

// hand hands p to the bank, once. It goes on when the TPP hangs up: what becomes of the
// payment must not depend on that.
func (s *Service) hand(ctx context.Context, b profile.Bank, t tpp.TPP, p Payment, a authorisation.Authorisation, r Creation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handMax)
	defer cancel()
	app := t.Name
	if r.Brand != "" {
		app = r.Brand
	}
	u, cause := s.Cores[b.Code].StartPayment(ctx, core.PaymentOrder{
		Session: a.Session, PaymentID: p.ID, TPP: string(t.ID), AppName: app, ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
		Product: p.Product, UserID: r.UserID, PSU: r.PSU, Payment: p.Order,
	})
	ctx = context.WithoutCancel(ctx) // the bank's time may be used up, what it said must be kept
	if cause == nil {
		return s.Authorisations.Handed(ctx, a, u, nil)
	}
	s.Log.WarnContext(ctx, "payment not taken", "bank", b.Code, "payment", p.ID, "certain", certain(cause), "err", cause)
	if !certain(cause) {
		return nil
	}
	taken := false
	err := s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Authorisations.Handed(ctx, a, nil, cause); err != nil {
			return err
		}
		return s.Store.Update(ctx, b.Code, p.ID, func(p Payment) (Payment, error) {
			taken = p.Status != Rejected // a report of the bank says more than its answer
			return p.NotTaken(), nil
		})
	})
	switch {
	case err != nil || taken:
		return err
	case errors.Is(cause, core.ErrUnavailable), errors.Is(cause, core.ErrNotOffered):
		return cause
	}
	return ErrFailed
}

// certain says whether cause rules out that the bank took the payment. An answer that makes
// no sense does not: the bank may have understood us better than we it.
func certain(cause error) bool {
	return !errors.Is(cause, core.ErrUnknownOutcome) &&
		(errors.Is(cause, core.ErrUnavailable) || errors.Is(cause, core.ErrRefused) || errors.Is(cause, core.ErrNotOffered))
}

// Get returns a payment to the TPP that owns it. Service and product must be the payment's:
// they are part of its name.
func (s *Service) Get(ctx context.Context, b profile.Bank, t tpp.ID, service, product, id string) (Payment, error) {
	if err := Offered(b.Profile, service, product); err != nil {
		return Payment{}, err
	}
	p, err := s.Store.Get(ctx, b.Code, id)
	if err == nil && (p.TPP != t || p.Service != service || p.Product != product) {
		return Payment{}, ErrUnknown
	}
	return p.At(s.Now()), err
}

// Authorised moves the payment on: the PSU has approved it.
func (s *Service) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	b := s.Banks[a.Bank]
	if err := s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.authorise", "")); err != nil {
		return err
	}
	return s.Store.Update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
		return p.Authorise(day.Of(s.Now(), b.Zone), Status(b.Payments.FinalStatus), ok), nil
	})
}

// Refused rejects or cancels the payment.
func (s *Service) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	if err := s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.reject", "")); err != nil {
		return err
	}
	return s.Store.Update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) { return p.Refuse(f), nil })
}

// Progressed moves the payment by what the bank reports. A payment that this ends needs no
// SCA any more.
func (s *Service) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	var next Payment
	err := s.Store.Update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
		next = p.Progress(u, a.Status == authorisation.Exempted, a.ExpiresAt)
		return next, nil
	})
	if err != nil || a.Status.Final() || next.Status != Rejected && next.Status != Cancelled {
		return err
	}
	return errors.Join(
		s.Audit.Append(ctx, s.entry(next, "bank", "payment.reject", "")),
		s.Authorisations.CloseAll(ctx, a.Bank, authorisation.OfPayment, a.Subject),
	)
}

// of names the payment that a authorises.
func of(a authorisation.Authorisation) Payment { return Payment{Bank: a.Bank, ID: a.Subject} }

func (s *Service) entry(p Payment, actor, action, requestID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: p.Bank, Actor: actor, Action: action, Resource: p.ID, RequestID: requestID}
}

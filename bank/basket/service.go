package basket

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
)

// A Store keeps baskets. Package baskettest says in tests what these words mean.
type Store interface {
	// Create returns ErrRepeated, and stores nothing, when the same TPP has created another
	// basket at the same bank with the same RequestID, unless that was before since: then the
	// RequestID is k's from now on.
	Create(ctx context.Context, k Basket, since time.Time) error
	// ByRequest finds what t created with requestID; ErrUnknown where there is nothing.
	ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (Basket, error)
	// Get returns ErrUnknown when the bank has no basket with this ID.
	Get(ctx context.Context, bank, id string) (Basket, error)
	// Update replaces a basket by what change returns, atomically. When change fails nothing is
	// stored. change may run again, so it must only compute.
	Update(ctx context.Context, bank, id string, change func(Basket) (Basket, error)) error
	// Unsettled lists, oldest first, those that are being handed over since before.
	Unsettled(ctx context.Context, bank string, before time.Time, limit int) ([]Basket, error)
	// Due lists those that are to be looked at by now, the longest due first.
	Due(ctx context.Context, bank string, now time.Time, limit int) ([]Basket, error)
}

// A Service applies the rules to stored baskets. A TPP sees only its own.
type Service struct {
	Store          Store
	Payments       *payment.Service
	Consents       *consent.Service
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
}

var (
	_ authorisation.Subject = (*Service)(nil)
	_ authorisation.Patient = (*Service)(nil)
)

// A Creation is what a new basket needs.
type Creation struct {
	Request
	RequestID    string      // X-Request-ID; with "" nothing is the same request
	Body         []byte      // what was sent, in one spelling: a repeat has the same
	Notification notify.Wish // what the TPP wants to be told of
}

// Create creates a basket of members of t's, none of which can be authorised alone any more.
// Members are refused by ErrMember, ErrReference, or ErrBlocked of their package, each as a
// *FieldError. A request that t made before has no further effect: Create returns the first
// basket as it stands now, or ErrRequest when something else was asked then.
func (s *Service) Create(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (Basket, error) {
	k, err := New(b, s.NewID(), t, r.Request, s.Now())
	if err != nil {
		return Basket{}, err
	}
	k.RequestID, k.Digest = r.RequestID, sha256.Sum256(r.Body)
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(k, string(t.ID), "basket.create", r.RequestID)); err != nil {
			return err
		}
		if err := s.Store.Create(ctx, k, k.CreatedAt.Add(-repeatWindow)); err != nil {
			return err
		}
		if err := s.join(ctx, k); err != nil {
			return err
		}
		return s.Notify.Subscribe(ctx, subscription(k, "", r.Notification))
	})
	if errors.Is(err, ErrRepeated) {
		first, err := s.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID)
		if err == nil && (first.Digest != k.Digest || !s.Now().Before(first.CreatedAt.Add(repeatWindow))) {
			return Basket{}, &FieldError{"X-Request-ID", "was used for another signing basket", ErrRequest}
		}
		if err != nil {
			return Basket{}, err
		}
		return s.at(ctx, first)
	}
	if err != nil {
		return Basket{}, err
	}
	return k, nil
}

// join makes the members part of k.
func (s *Service) join(ctx context.Context, k Basket) error {
	err := each(k.Payments, func(i int, id string) error {
		return refused(at("paymentIds", i), s.Payments.Join(ctx, k.Bank, k.TPP, id, k.ID))
	})
	if err != nil {
		return err
	}
	return each(k.Consents, func(i int, id string) error {
		return refused(at("consentIds", i), s.Consents.Join(ctx, k.Bank, k.TPP, id, k.ID))
	})
}

// each calls do for each of ids, in an order that is the same for every basket: two that have
// a member in common must not wait for each other.
func each(ids []string, do func(i int, id string) error) error {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(ids[i], ids[j]) })
	for _, i := range order {
		if err := do(i, ids[i]); err != nil {
			return err
		}
	}
	return nil
}

// refused says in the words of a basket why a member is refused.
func refused(field string, err error) error {
	switch {
	case errors.Is(err, payment.ErrUnknown), errors.Is(err, consent.ErrUnknown):
		return &FieldError{field, "", ErrMember}
	case errors.Is(err, payment.ErrStatus), errors.Is(err, consent.ErrStatus):
		return &FieldError{field, "is under way already, or was not created for that", ErrReference}
	case errors.Is(err, payment.ErrBlocked), errors.Is(err, consent.ErrBlocked):
		return &FieldError{field, "", err}
	}
	return err
}

// Get returns a basket to the TPP that owns it.
func (s *Service) Get(ctx context.Context, b profile.Bank, t tpp.ID, id string) (Basket, error) {
	k, err := s.Store.Get(ctx, b.Code, id)
	if err == nil && k.TPP != t {
		err = ErrUnknown
	}
	if err != nil {
		return Basket{}, err
	}
	return s.at(ctx, k)
}

// at returns k as it stands now.
func (s *Service) at(ctx context.Context, k Basket) (Basket, error) {
	if k = k.At(s.Now()); k.Status != Authorised {
		return k, nil
	}
	done, well, err := s.ended(ctx, k)
	return k.Settle(s.Now(), done, well), err
}

// Delete ends a basket of t's before its authorisation has begun, and frees its members. The
// same request again has no further effect.
func (s *Service) Delete(ctx context.Context, b profile.Bank, t tpp.TPP, id, requestID string) error {
	k, err := s.Get(ctx, b, t.ID, id)
	if err != nil {
		return err
	}
	if k.Status == Cancelled && requestID != "" && k.DeleteRequest == requestID {
		return nil
	}
	return s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(k, string(t.ID), "basket.delete", requestID)); err != nil {
			return err
		}
		if err := s.update(ctx, b.Code, id, func(k Basket) (Basket, error) { return k.Delete(s.Now(), requestID) }); err != nil {
			return err
		}
		return s.leave(ctx, k)
	})
}

// leave frees what of k the bank does not have.
func (s *Service) leave(ctx context.Context, k Basket) error {
	err := each(k.Payments, func(_ int, id string) error { return s.Payments.Leave(ctx, k.Bank, id, k.ID) })
	if err != nil {
		return err
	}
	return each(k.Consents, func(_ int, id string) error { return s.Consents.Leave(ctx, k.Bank, id, k.ID) })
}

// ended says whether every member of k has come to an end, and whether any has as it should.
func (s *Service) ended(ctx context.Context, k Basket) (done, well bool, err error) {
	for _, id := range k.Payments {
		p, err := s.Payments.Store.Outline(ctx, k.Bank, id)
		over, good := p.Over()
		if err != nil || !over {
			return false, false, err
		}
		well = well || good
	}
	for _, id := range k.Consents {
		c, err := s.Consents.Get(ctx, k.Bank, k.TPP, id)
		if err != nil || c.Status.Pending() {
			return false, false, err
		}
		well = well || c.Status != consent.Rejected
	}
	return true, well, nil
}

// subscription is the wish to hear of k, which came with the start of an authorisation or,
// where there is none, with the basket itself.
func subscription(k Basket, authorisation string, w notify.Wish) notify.Subscription {
	return notify.Subscription{Bank: k.Bank, Kind: notify.OfBasket, Resource: k.ID, Authorisation: authorisation, TPP: k.TPP, Wish: w}
}

// update changes a stored basket, and tells the TPP of its new status, in the transaction of ctx.
func (s *Service) update(ctx context.Context, bank, id string, change func(Basket) (Basket, error)) error {
	var before, k Basket
	err := s.Store.Update(ctx, bank, id, func(old Basket) (_ Basket, err error) {
		before = old
		k, err = change(old)
		return k, err
	})
	if err != nil || k.Status == before.Status {
		return err
	}
	return s.Notify.Event(ctx, notify.Event{Bank: bank, Kind: notify.OfBasket, Resource: id, Status: string(k.Status), Last: k.Status.Final()})
}

// of names the basket that a authorises.
func of(a authorisation.Authorisation) Basket { return Basket{Bank: a.Bank, ID: a.Subject} }

func (s *Service) entry(k Basket, actor, action, requestID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: k.Bank, Actor: actor, Action: action, Resource: k.ID, RequestID: requestID}
}

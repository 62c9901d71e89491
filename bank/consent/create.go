package consent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// RepeatWindow is how long a request that is made again is the same request.
const RepeatWindow = 24 * time.Hour

// A Start is what SCA of a consent needs to begin, beside the consent.
type Start struct {
	RequestID      string // X-Request-ID; with "" nothing is the same request
	Body           []byte // what was sent, in one spelling: a repeat has the same
	RedirectURI    string
	NokRedirectURI string
	Brand          string // TPP-Brand-Logging-Information; shown to the PSU where given
	PSU            core.PSUContext
	SCA            authorisation.Wish // how and who the PSU is to authenticate
	Notification   notify.Wish        // what the TPP wants to be told of
}

// A Creation is what a new consent needs.
type Creation struct {
	Request
	Funds *FundsRequest // in place of Request
	Start
	// Explicit leaves it to the TPP to start SCA by a request of its own, where the bank offers
	// that. Until then nothing is handed to the bank.
	Explicit bool
}

// consent returns what r asks for.
func (r Creation) consent(b profile.Bank, id string, t tpp.TPP, now time.Time) (Consent, error) {
	if r.Funds != nil {
		return NewFunds(b, id, t, *r.Funds, now)
	}
	return New(b, id, t, r.Request, now)
}

// Create creates a consent and its authorisation, unless the TPP wants to start that by itself,
// hands it to the bank, and waits a moment for the bank's page. That the bank did not answer in time is no error: the TPP sees it by
// the missing link and reads again.
//
// A request that t made before has no further effect: Create returns the first consent as
// it stands now, or ErrRequest when something else was asked then. A request that was
// refused, by the rules or by the bank, can be made again.
func (s *Service) Create(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (Consent, authorisation.Authorisation, error) {
	none := authorisation.Authorisation{}
	c, err := r.consent(b, s.NewID(), t, s.Now())
	if err != nil {
		// What was taken once stays taken, though a day may have passed since.
		if first, ferr := s.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID); ferr == nil && s.repeats(first, r) {
			return s.again(ctx, b, first.ID)
		}
		return Consent{}, none, err
	}
	c.RequestID, c.Digest, c.Brand = r.RequestID, sha256.Sum256(r.Body), r.Brand
	explicit := b.StartsExplicitly(r.Explicit)
	var a authorisation.Authorisation
	if explicit {
		c.AuthoriseBy = c.CreatedAt.Add(pendingMax)
	} else {
		if a, err = s.authorisation(b, c, r.Start); err != nil {
			return Consent{}, none, err
		}
		c.Session = a.Session
	}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(c, string(t.ID), "consent.create", r.RequestID)); err != nil {
			return err
		}
		if err := s.Store.Create(ctx, c); err != nil {
			return err
		}
		if err := s.Notify.Subscribe(ctx, subscription(c, "", r.Notification)); err != nil || explicit {
			return err
		}
		return s.Authorisations.Store.Create(ctx, a)
	})
	if errors.Is(err, ErrRepeated) {
		return s.repeat(ctx, b, t, r)
	}
	if err != nil {
		return Consent{}, none, err
	}
	if explicit {
		return c, none, nil
	}
	u, cause := s.start(ctx, b, t, c, a, r.Start)
	if cause != nil {
		return Consent{}, none, cmp.Or(s.notTaken(context.WithoutCancel(ctx), c, a, cause), cause)
	}
	if err := s.Authorisations.Handed(ctx, a, u, nil); err != nil {
		return Consent{}, none, err
	}
	if a, err = s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait); err != nil {
		return Consent{}, none, err
	}
	if a.Status.Final() { // the bank refused or exempted at once
		c, err = s.Store.Get(ctx, b.Code, c.ID)
	}
	return s.at(c), a, err
}

// subscription is the wish to hear of c, which came with the start of an authorisation or,
// where there is none, with the consent itself.
func subscription(c Consent, authorisation string, w notify.Wish) notify.Subscription {
	return notify.Subscription{Bank: c.Bank, Kind: notify.OfConsent, Resource: c.ID, Authorisation: authorisation, TPP: c.TPP, Wish: w}
}

// authorisation returns a new authorisation of c, not yet stored. Where the PSU has to choose
// the accounts at the bank, she cannot stay at the TPP: that is ErrNotOffered.
func (s *Service) authorisation(b profile.Bank, c Consent, r Start) (authorisation.Authorisation, error) {
	if approach, _ := r.SCA.Choose(b.Profile); approach == authorisation.Embedded && c.Model == BankOffered {
		return authorisation.Authorisation{}, notOffered("access", "the customer chooses the accounts at her bank, which the embedded approach has no place for")
	}
	return s.started(b, c, r), nil
}

// started returns a new authorisation of c, not yet stored, whatever c leaves to the PSU.
func (s *Service) started(b profile.Bank, c Consent, r Start) authorisation.Authorisation {
	approach, oauth := r.SCA.Choose(b.Profile)
	return s.Authorisations.New(authorisation.Start{
		Bank: b.Code, Kind: authorisation.OfConsent, Subject: c.ID, TPP: c.TPP, Approach: approach, OAuth: oauth,
		RedirectURI: r.RedirectURI, NokRedirectURI: r.NokRedirectURI, Confirm: b.Confirms(), Timeout: b.SCATimeout,
	})
}

// notTaken rejects a new consent because the bank did not take it. The TPP may ask again
// with the same X-Request-ID.
func (s *Service) notTaken(ctx context.Context, c Consent, a authorisation.Authorisation, cause error) error {
	return s.Atomically(ctx, func(ctx context.Context) error {
		// The TPP has no consent that it could be told of.
		if err := s.Notify.Forget(ctx, c.Bank, notify.OfConsent, c.ID); err != nil {
			return err
		}
		if err := s.Authorisations.Handed(ctx, a, nil, cause); err != nil {
			return err
		}
		return s.Store.Update(ctx, c.Bank, c.ID, func(c Consent) (Consent, error) {
			c.RequestID = ""
			if rejected, err := c.Reject(s.Now(), s.zone(c.Bank)); err == nil {
				c = rejected
			}
			return c, nil
		})
	})
}

// repeats says whether r is the request that created first, made again in time.
func (s *Service) repeats(first Consent, r Creation) bool {
	return first.Digest == sha256.Sum256(r.Body) && s.Now().Before(first.CreatedAt.Add(RepeatWindow))
}

// repeat answers a request that was made before.
func (s *Service) repeat(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (c Consent, a authorisation.Authorisation, err error) {
	first, err := s.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID)
	switch {
	case errors.Is(err, ErrUnknown): // the bank has just refused it
		return c, a, core.ErrUnavailable
	case err != nil:
		return c, a, err
	case !s.repeats(first, r):
		return c, a, wrong("X-Request-ID", "was used for another consent")
	}
	c, a, err = s.again(ctx, b, first.ID)
	if err == nil && c.RequestID == "" { // refused while this one waited for it
		err = core.ErrUnavailable
	}
	return c, a, err
}

// again answers for a consent that was created before.
func (s *Service) again(ctx context.Context, b profile.Bank, id string) (c Consent, a authorisation.Authorisation, err error) {
	all, err := s.Authorisations.List(ctx, b.Code, authorisation.OfConsent, id)
	if err != nil {
		return c, a, err
	}
	if len(all) > 0 {
		if a, err = s.Authorisations.Await(ctx, b.Code, all[len(all)-1].ID, b.FirstUpdateWait); err != nil {
			return c, a, err
		}
	}
	c, err = s.Store.Get(ctx, b.Code, id)
	return s.at(c), a, err
}

// start tells the bank of c.
func (s *Service) start(ctx context.Context, b profile.Bank, t tpp.TPP, c Consent, a authorisation.Authorisation, r Start) (*core.Update, error) {
	app := cmp.Or(r.Brand, t.Name)
	if c.Model == Funds {
		return s.Cores[b.Code].StartFundsAccess(ctx, core.FundsAccessRequest{
			Session: a.Session, ConsentID: c.ID, TPP: string(t.ID), AppName: app, ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
			Account: list(c.Access.Accounts)[0], PSU: r.PSU, SCA: r.SCA.By(a),
			CardNumber: c.Card.Number, CardExpiryDate: c.Card.ExpiryDate, CardInformation: c.Card.Information, RegistrationInformation: c.Card.Registration,
		})
	}
	req := c.request(b)
	req.Session, req.AppName, req.ReturnURL, req.PSU, req.SCA = a.Session, app, s.ReturnURL(b.Code, a.ReturnKey), r.PSU, r.SCA.By(a)
	return s.Cores[b.Code].StartAccess(ctx, req)
}

// request is what the bank is told of c, without what belongs to its SCA.
func (c Consent) request(b profile.Bank) core.AccessRequest {
	req := core.AccessRequest{
		Session: c.Session, ConsentID: c.ID, TPP: string(c.TPP),
		Recurring: c.Recurring, ValidUntil: c.ValidUntil, FrequencyPerDay: c.FrequencyPerDay,
	}
	if !b.Consent.ForceBankOffered {
		req.AllPSD2 = c.Model == Global || c.Model == AvailableAccounts
		switch {
		case c.Model == AvailableAccounts && c.Access.AvailableAccountsWithBalance != "":
			req.List = core.ListOfBalances
		case c.Model == AvailableAccounts:
			req.List = core.ListOfAccounts
		}
		if c.Model == Dedicated {
			// The protocol knows balances and transactions only, and wants both filled or both
			// empty: accounts of which less is asked stand in both, and the hub gives less.
			req.Balances, req.Transactions = c.Named(), c.Named()
		}
	}
	return req
}

// Named lists every account that the TPP named, once.
func (c Consent) Named() []core.AccountReference {
	var all []core.AccountReference
	for _, l := range []*[]core.AccountReference{c.Access.Accounts, c.Access.Balances, c.Access.Transactions} {
		for _, r := range list(l) {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

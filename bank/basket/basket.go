// Package basket decides what becomes of a signing basket: several payments and consents of
// one TPP, for all of which one SCA counts.
//
// A TPP puts what nobody has begun to authorise into a basket (RCVD). From then on nothing can
// be done to a member alone, until the basket is authorised or over. When the TPP starts SCA,
// all members are handed to the bank at once, and the PSU authorises them there: by all of the
// PSUs it takes (ACTC), or by some (PATC). Then every member goes its own way, as the bank
// reports of it, and when all have come to an end the basket is settled (ACSC). One that the
// PSU refuses or forgets is rejected (RJCT), and so is what it contains; one that its TPP
// deletes before SCA has begun is cancelled (CANC), and its members are free again.
//
// A status only moves forward, and a basket is handed over once: that it is being handed over
// is stored before, with every member, in one transaction. One of which nobody knows whether
// it arrived is never sent again; the bank is asked about its payments. When it says that it
// got none of them, and will not take them any more, the TPP may start SCA anew.
//
// The members keep their own life: packages payment and consent have the rules, package
// authorisation runs SCA.
package basket

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// Status is how far a basket has come, in the words of ISO 20022.
type Status string

const (
	Received            Status = "RCVD"
	PartiallyAuthorised Status = "PATC" // more PSUs have to agree
	Authorised          Status = "ACTC" // what it contains goes its way
	Settled             Status = "ACSC" // final: all of that has come to an end
	Rejected            Status = "RJCT" // final
	Cancelled           Status = "CANC" // final: deleted by its TPP
)

// Final says whether s is an end.
func (s Status) Final() bool { return s == Settled || s == Rejected || s == Cancelled }

// pending says whether s waits for SCA.
func (s Status) pending() bool { return s == Received || s == PartiallyAuthorised }

// Callers tell these apart with errors.Is. Each API maps them to its own codes.
var (
	ErrUnknown   = errors.New("signing basket unknown") // no such basket, or another TPP's
	ErrService   = errors.New("this bank does not offer signing baskets")
	ErrRequest   = errors.New("signing basket cannot be accepted")
	ErrMix       = errors.New("this bank does not take payments and consents in one signing basket")
	ErrMember    = errors.New("nothing of this name can be put into a signing basket") // unknown, or another TPP's
	ErrReference = errors.New("what the signing basket refers to cannot be authorised in it")
	ErrStatus    = errors.New("status of the signing basket does not allow this")
	ErrRepeated  = errors.New("request was made before")
)

// A FieldError is a refusal that names the field.
type FieldError struct {
	Field, Problem string
	Err            error
}

func (e *FieldError) Error() string {
	if e.Problem == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v: %s %s", e.Err, e.Field, e.Problem)
}

func (e *FieldError) Unwrap() error { return e.Err }

// lifeMax is how long a basket waits for its TPP to start SCA: no member waits longer.
const lifeMax = 24 * time.Hour

// repeatWindow is how long a TPP that repeats a request gets the same basket.
const repeatWindow = 24 * time.Hour

// A Basket holds payments and consents that are authorised together.
type Basket struct {
	Bank     string
	ID       string
	TPP      tpp.ID
	TPPName  string
	PSU      string   // the bank's id of the PSU; "" until known
	Payments []string // IDs, as the TPP has named them
	Consents []string
	Status   Status
	// Unconfirmed: the hub ended it by itself, by its clock. The bank's word counts more.
	Unconfirmed bool

	RequestID     string   // of the request that created it; "" once another may have it
	Digest        [32]byte // of that request: a repeat is recognised by it
	DeleteRequest string   // X-Request-ID of the request that deleted it

	Hand     payment.Hand // Kept, Sending or Taken
	HandedAt time.Time    // when it began to be Sending
	Session  string       // under which the bank has it; "" while it is Kept

	CreatedAt    time.Time
	AuthoriseBy  time.Time // not authorised by then: rejected; zero: nothing is waited for
	AuthorisedAt time.Time
	LookAt       time.Time // when to see next whether all members have come to an end; zero: no need
}

// A Request is what a TPP sends to create a basket. A list that is nil was not sent.
type Request struct {
	Payments, Consents []string // IDs
}

// New returns the basket that t asks for at now. It returns ErrService, ErrMix, or ErrRequest
// as a *FieldError.
//
// spec: xs2a/createSigningBasket
func New(b profile.Bank, id string, t tpp.TPP, r Request, now time.Time) (Basket, error) {
	if !b.Baskets.Enabled {
		return Basket{}, ErrService
	}
	for _, l := range []struct {
		field string
		ids   []string
	}{{"paymentIds", r.Payments}, {"consentIds", r.Consents}} {
		if l.ids != nil && len(l.ids) == 0 {
			return Basket{}, &FieldError{l.field, "is empty", ErrRequest}
		}
		for i, id := range l.ids {
			if slices.Contains(l.ids[:i], id) {
				return Basket{}, &FieldError{at(l.field, i), "was named before", ErrRequest}
			}
			if i >= b.Baskets.SizeMax { // the rest need not be compared
				break
			}
		}
	}
	switch n := len(r.Payments) + len(r.Consents); {
	case n == 0:
		return Basket{}, &FieldError{"paymentIds", "or consentIds is needed", ErrRequest}
	case n > b.Baskets.SizeMax:
		return Basket{}, &FieldError{"paymentIds", fmt.Sprintf("and consentIds name more than %d", b.Baskets.SizeMax), ErrRequest}
	case r.Payments != nil && r.Consents != nil && !b.Baskets.Mixed:
		return Basket{}, ErrMix
	}
	return Basket{
		Bank: b.Code, ID: id, TPP: t.ID, TPPName: t.Name, Payments: r.Payments, Consents: r.Consents, Status: Received,
		Hand: payment.Kept, CreatedAt: now, AuthoriseBy: now.Add(lifeMax),
	}, nil
}

// at names one member of a list.
func at(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// At returns k as it stands at now. One that the bank knows nothing of is rejected when its
// time is over; of any other the bank is asked first.
func (k Basket) At(now time.Time) Basket {
	if k.Hand == payment.Kept && k.Status.pending() && !now.Before(k.AuthoriseBy) {
		k.Status = Rejected
	}
	return k
}

// Send notes that k is about to be handed over at now, under session. Nobody may hand it over
// who has not stored this.
func (k Basket) Send(now time.Time, session string) (Basket, error) {
	if at := k.At(now); at.Status != Received || at.Hand != payment.Kept {
		return k, fmt.Errorf("%w: it is %s, and its authorisation was started", ErrStatus, at.Status)
	}
	k.Hand, k.HandedAt, k.Session = payment.Sending, now, session
	return k, nil
}

// NotTaken takes back that k was handed over: the bank does not have it. Where that may be
// otherwise the next time, SCA can be started again; else k is rejected.
func (k Basket) NotTaken(again bool) Basket {
	k.Hand, k.Session = payment.Kept, ""
	if !again {
		k.Status, k.AuthoriseBy = Rejected, time.Time{}
	}
	return k
}

// Delete ends k at the wish of its TPP, which is possible until SCA has begun: what the bank
// has, its PSU may authorise at any moment.
func (k Basket) Delete(now time.Time, requestID string) (Basket, error) {
	switch at := k.At(now); {
	case at.Status.Final():
		return k, fmt.Errorf("%w: it is %s", ErrStatus, at.Status)
	case at.Hand != payment.Kept:
		return k, fmt.Errorf("%w: its authorisation was started", ErrStatus)
	}
	k.Status, k.AuthoriseBy, k.DeleteRequest = Cancelled, time.Time{}, requestID
	return k, nil
}

// Authorise notes that SCA succeeded, or was not needed.
func (k Basket) Authorise(now time.Time, psu string) Basket {
	if k.Status.pending() || k.Unconfirmed {
		k.Status, k.Unconfirmed, k.AuthorisedAt, k.LookAt = Authorised, false, now, now
	}
	k.Hand, k.AuthoriseBy = payment.Taken, time.Time{}
	if psu != "" {
		k.PSU = psu
	}
	return k
}

// Refuse ends k because SCA failed or ran out of time. What the bank did not take stays.
func (k Basket) Refuse(f core.Fail) Basket {
	if k.Hand == payment.Kept || !k.Status.pending() {
		return k
	}
	k.Status, k.Unconfirmed = Rejected, f.Class == authorisation.RanOut
	if f.Status == string(Cancelled) {
		k.Status = Cancelled
	}
	k.Hand, k.AuthoriseBy = payment.Taken, time.Time{}
	return k
}

// Progress moves k by what the bank reports of its SCA.
func (k Basket) Progress(u core.Update) Basket {
	if u.Status == string(PartiallyAuthorised) && k.Status == Received {
		k.Status = PartiallyAuthorised
	}
	k.Hand = payment.Taken
	return k
}

// Settle moves an authorised k to the end that its members have come to: done says whether
// all have, and well whether any has as it should. While they have not, k is looked at less
// and less often.
func (k Basket) Settle(now time.Time, done, well bool) Basket {
	switch {
	case k.Status != Authorised:
	case !done:
		const soonest, latest = 2 * time.Second, time.Hour
		k.LookAt = now.Add(min(max(now.Sub(k.AuthorisedAt)/4, soonest), latest))
	case well:
		k.Status, k.LookAt = Settled, time.Time{}
	default:
		k.Status, k.LookAt = Rejected, time.Time{}
	}
	return k
}

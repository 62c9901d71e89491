// Package payment decides what becomes of a payment that a TPP initiates for a PSU: of a
// single one, of a bulk, and of a series.
//
// A TPP orders a payment (RCVD), the bank is asked whether the payee is called so where its
// profile wants that (RCVC, RVCM, RVNC); the hub hands the payment to the bank once, at once or when SCA is
// started, and the PSU authorises it there. From then on the bank reports how far it has
// come, in the words of ISO 20022, until it is settled (ACSC, then perhaps ACCC). One that
// the PSU refuses or forgets, or that the bank does not take, is rejected (RJCT); one that
// was not executed yet can be cancelled (CANC). Every change is a method that is told the
// time and returns a changed copy.
//
// A status only moves forward, whatever order reports arrive in, and a payment is handed
// over at most once, by whoever stored it: that it is being handed over is stored before.
// One whose fate nobody knows is never sent again before the bank has said that it did not
// get it and will not take it any more. A TPP that repeats its request gets the same payment.
//
// What only the hub has ended, by its clock, the bank may still have executed: a payment is
// rejected for want of time after the bank was asked, and its word counts more even then.
//
// The money is the bank's affair, SCA that of package authorisation.
package payment

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// Status is how far a payment has come, in the words of ISO 20022.
//
// spec: xs2a/transactionStatus
type Status string

const (
	Received                 Status = "RCVD"
	PayeeNotVerified         Status = "RVNC" // the payee's name could not be checked
	PayeeMismatched          Status = "RVCM" // it was checked, and differs
	PayeeVerified            Status = "RCVC" // it was checked
	Pending                  Status = "PDNG" // the bank is checking
	PartiallyAuthorised      Status = "PATC" // more PSUs have to agree
	TechnicallyAccepted      Status = "ACTC" // authorised, and its form is right
	AcceptedWithChange       Status = "ACWC"
	AcceptedCustomer         Status = "ACCP" // the payer's side was checked
	AcceptedFunds            Status = "ACFC" // and the money is there
	InProcess                Status = "ACSP" // being settled
	AcceptedWithoutPosting   Status = "ACWP"
	PartiallyAccepted        Status = "PART" // of a bulk: some were executed, some rejected
	Settled                  Status = "ACSC" // the payer's account was debited
	SettledOnCreditorAccount Status = "ACCC" // final: the payee has it
	Rejected                 Status = "RJCT" // final
	Cancelled                Status = "CANC" // final
)

// way is the way of a payment that goes well. Banks leave steps out.
var way = []Status{
	Received, PayeeNotVerified, PayeeMismatched, PayeeVerified, Pending, PartiallyAuthorised, TechnicallyAccepted, AcceptedWithChange, AcceptedCustomer, AcceptedFunds,
	InProcess, AcceptedWithoutPosting, PartiallyAccepted, Settled, SettledOnCreditorAccount,
}

// Final says whether s is an end. A settled payment is over for the payer, yet the payee's
// bank may still report.
func (s Status) Final() bool { return s == SettledOnCreditorAccount || s == Rejected || s == Cancelled }

// ended says whether s is an end without the money having moved.
func (s Status) ended() bool { return s == Rejected || s == Cancelled }

// ofVerification says whether s tells of the check of the payee's name.
func (s Status) ofVerification() bool {
	return s == PayeeNotVerified || s == PayeeMismatched || s == PayeeVerified
}

// before says whether s comes before t on the way of a payment.
func (s Status) before(t Status) bool {
	i, j := slices.Index(way, s), slices.Index(way, t)
	return i >= 0 && j >= 0 && i < j
}

// leadsTo says whether a payment in s can still become t. Words that are no status of a
// payment lead nowhere.
func (s Status) leadsTo(t Status) bool {
	if t == Rejected || t == Cancelled {
		return s.before(PartiallyAccepted) // debited money does not come back by a change of status
	}
	return s.before(t)
}

// moved says whether s means that money has moved, or is about to.
func (s Status) moved() bool { return slices.Index(way, s) >= slices.Index(way, InProcess) }

// Callers tell these apart with errors.Is. Each API maps them to its own codes.
var (
	ErrUnknown       = errors.New("payment unknown") // no such payment, or another TPP's
	ErrService       = errors.New("this bank does not offer this payment service")
	ErrProduct       = errors.New("this bank does not offer this payment product")
	ErrRequest       = errors.New("payment cannot be accepted")
	ErrPeriod        = errors.New("payments cannot be made in this period")
	ErrNotSupported  = errors.New("this bank does not offer this in a payment")
	ErrExecutionDate = errors.New("payment cannot be executed on the requested date")
	ErrFailed        = errors.New("the bank did not take the payment")
	ErrStatus        = errors.New("payment status does not allow this")
	ErrCancellation  = errors.New("payment cannot be cancelled any more")
	ErrBlocked       = errors.New("payment is part of a signing basket")
)

// NotProvided stands for an end-to-end identification that the TPP did not give.
//
// Source: EPC implementation guidelines, SEPA credit transfer, AT-41.
const NotProvided = "NOTPROVIDED"

// repeatWindow is how long a TPP that repeats a request gets the same payment.
const repeatWindow = 24 * time.Hour

// startMax is how long a payment waits for its TPP to start SCA.
const startMax = 24 * time.Hour

// Payment services.
const (
	Single   = "payments"
	Bulk     = "bulk-payments"
	Periodic = "periodic-payments"
)

// A Hand is how far a payment is on its way from the hub to the bank.
type Hand string

const (
	Kept    Hand = "kept"    // the bank knows nothing of it
	Sending Hand = "sending" // it is on its way: whether it arrived is not known
	Taken   Hand = "taken"   // the bank has said something about it
	// InBasket: it is on its way within a signing basket, which finds out whether it arrived.
	InBasket Hand = "inBasket"
)

// A Document is what a TPP sent where that is no JSON, byte for byte.
type Document struct {
	Media string // its Content-Type
	Bytes []byte
}

// A Payment is one payment, bulk or series that a TPP initiated.
type Payment struct {
	Bank           string
	ID             string
	TPP            tpp.ID
	TPPName        string
	Brand          string // what the PSU is shown in place of TPPName, where given
	PSU            string // the bank's id of the PSU; "" until known
	Service        string // payments, bulk-payments, periodic-payments
	Product        string // sepa-credit-transfers, …
	Order          core.Payment
	Bulk           *core.Bulk     // of bulk-payments, in place of Order
	Count          int            // of the payments of a Bulk; 0: it was not counted when it came
	Periodic       *core.Periodic // of periodic-payments, beside Order
	Document       Document       // zero: it came as JSON
	RejectNoFunds  bool
	Status         Status
	Payees         Status             // RVNC, RVCM or RCVC: how their verification ended; "": there was none
	Unconfirmed    bool               // the hub ended it by itself: the bank may say something else
	FundsAvailable *bool              // nil: the bank has not told
	Items          *core.ItemStatuses // of a Bulk: how the bank says its payments stand; nil: it does not
	ItemsEnded     bool               // Items leave none of its payments open

	RequestID     string   // of the request that created it; "" where that may be made again
	Digest        [32]byte // of that request: a repeat is recognised by it
	CancelRequest string   // X-Request-ID of the request that cancelled it

	Hand     Hand
	HandedAt time.Time // when it began to be Sending
	Session  string    // under which the bank has it; "" while it is Kept
	Basket   string    // ID of the signing basket in which it is authorised; "": alone

	CreatedAt   time.Time
	AuthoriseBy time.Time // not authorised by then: rejected; zero: nothing is waited for
}

// At returns p as it stands at now. One that the bank knows nothing of is rejected when its
// time is over; of any other the bank is asked first, so that reading does not tell of an
// end that is none.
func (p Payment) At(now time.Time) Payment {
	if p.Hand == Kept {
		return p.Expire(now)
	}
	return p
}

// Expire rejects p when it was not authorised in time. One that the bank already executes is
// beyond that.
func (p Payment) Expire(now time.Time) Payment {
	if p.Status.before(InProcess) && !p.AuthoriseBy.IsZero() && !now.Before(p.AuthoriseBy) {
		p.Status, p.Unconfirmed = Rejected, p.Hand != Kept
	}
	return p
}

// NotTaken frees the request of a payment that the bank refused to take, so that the TPP
// can repeat it and be heard anew. It changes nothing when the bank took p after all.
func (p Payment) NotTaken() Payment {
	if p.Status == Rejected {
		p.RequestID, p.Hand, p.Unconfirmed = "", Kept, false
	}
	return p
}

// Send notes that p is about to be handed over at now, under session. Nobody may hand it
// over who has not stored this.
func (p Payment) Send(now time.Time, session string) Payment {
	p.Hand, p.HandedAt, p.Session = Sending, now, session
	return p
}

// waits says whether p is to be executed after today, or again and again.
func (p Payment) waits(today day.Day, zone *time.Location) bool {
	if p.Periodic != nil {
		return true
	}
	on, at := p.Order.RequestedExecutionDate, p.Order.RequestedExecutionTime
	if p.Bulk != nil {
		on, at = p.Bulk.RequestedExecutionDate, p.Bulk.RequestedExecutionTime
	}
	if !at.IsZero() {
		on = day.Of(at, zone)
	}
	return on.After(today)
}

// revive takes back an end that only the hub's clock had told.
func (p Payment) revive() Payment {
	if p.Unconfirmed {
		p.Status, p.Unconfirmed = cmp.Or(p.Payees, Received), false
	}
	return p
}

// Authorise notes that SCA succeeded. What the bank has told of the payment's status
// counts; a bank that tells nothing leaves it at final, the profile's word, or, when the
// payment waits for a later day or is a series, at accepted.
func (p Payment) Authorise(today day.Day, zone *time.Location, final Status, s core.Success) Payment {
	p, p.Hand = p.revive(), Taken
	if p.waits(today, zone) && TechnicallyAccepted.before(final) {
		final = TechnicallyAccepted
	}
	if p.Status.before(TechnicallyAccepted) {
		p.Status = final
	}
	p.AuthoriseBy = time.Time{}
	if s.UserID != "" {
		p.PSU = s.UserID
	}
	return p.paidFrom(s.DebtorAccount)
}

// Refuse ends p because SCA failed or ran out of time. The bank's own word ends even a
// payment that is being settled; time alone does not, and what it ends the bank may revive.
func (p Payment) Refuse(f core.Fail) Payment {
	if f.Class == authorisation.NotStarted && p.Hand == Kept {
		return p // the bank did not take it, and the TPP may start again
	}
	own := f.Class == authorisation.RanOut
	to, told := Rejected, f.Status == string(Rejected) || f.Status == string(Cancelled)
	if told {
		to = Status(f.Status)
	}
	if p.Status.leadsTo(to) && (told || p.Status.before(InProcess)) {
		p.Status, p.Unconfirmed = to, own
	}
	if !own {
		p.Hand = Taken
	}
	p.AuthoriseBy = time.Time{}
	if f.UserID != "" {
		p.PSU = f.UserID
	}
	return p
}

// Progress moves p by what the bank reports. exempted: no SCA is needed; else the PSU may
// take until authoriseBy.
func (p Payment) Progress(u core.Update, exempted bool, authoriseBy time.Time) Payment {
	to := Status(u.Status)
	if to.moved() {
		p = p.revive()
	}
	if to == PartiallyAccepted && p.Bulk == nil || p.Status == PartiallyAccepted && p.ItemsEnded {
		to = ""
	}
	switch {
	case p.Status.leadsTo(to):
		p.Status = to
	case to.Final():
		p.Unconfirmed = false // the bank says that it has ended, too
	}
	p.Hand = Taken
	if u.Items != nil && p.Bulk != nil {
		p = p.itemised(*u.Items)
	}
	if u.FundsAvailable != nil {
		p.FundsAvailable = u.FundsAvailable
	}
	switch {
	case exempted:
		if p.Status.before(TechnicallyAccepted) {
			p.Status = TechnicallyAccepted
		}
		p.AuthoriseBy = time.Time{}
	case authoriseBy.After(p.AuthoriseBy) && !p.AuthoriseBy.IsZero():
		p.AuthoriseBy = authoriseBy
	}
	return p
}

// FundsTold says whether the check of funds belongs into an answer about the status.
//
// Source: Berlin Group implementation guidelines, response to the payment status request.
func (p Payment) FundsTold() bool {
	return p.FundsAvailable != nil && slices.Contains([]Status{TechnicallyAccepted, AcceptedWithChange, AcceptedCustomer}, p.Status)
}

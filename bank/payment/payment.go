// Package payment decides what becomes of a payment that a TPP initiates for a PSU.
//
// A TPP orders a payment (RCVD); the hub hands it to the bank once, and the PSU authorises
// it there. From then on the bank reports how far it has come, in the words of ISO 20022,
// until it is settled (ACSC, then perhaps ACCC). One that the PSU refuses or forgets, or
// that the bank does not take, is rejected (RJCT) or cancelled (CANC). Every change is a
// method that is told the time and returns a changed copy.
//
// A status only moves forward, whatever order reports arrive in, and a payment is handed
// over at most once, by whoever stored it: a payment whose fate nobody knows is never sent
// again. It waits for the bank's reports, and is rejected when the time for SCA is over. A
// TPP that repeats its request gets the same payment again.
//
// The money is the bank's affair, SCA that of package authorisation.
package payment

import (
	"errors"
	"slices"
	"time"

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
	Pending                  Status = "PDNG" // the bank is checking
	PartiallyAuthorised      Status = "PATC" // more PSUs have to agree
	TechnicallyAccepted      Status = "ACTC" // authorised, and its form is right
	AcceptedWithChange       Status = "ACWC"
	AcceptedCustomer         Status = "ACCP" // the payer's side was checked
	AcceptedFunds            Status = "ACFC" // and the money is there
	InProcess                Status = "ACSP" // being settled
	AcceptedWithoutPosting   Status = "ACWP"
	Settled                  Status = "ACSC" // the payer's account was debited
	SettledOnCreditorAccount Status = "ACCC" // final: the payee has it
	Rejected                 Status = "RJCT" // final
	Cancelled                Status = "CANC" // final
)

// way is the way of a payment that goes well. Banks leave steps out.
var way = []Status{
	Received, Pending, PartiallyAuthorised, TechnicallyAccepted, AcceptedWithChange, AcceptedCustomer, AcceptedFunds,
	InProcess, AcceptedWithoutPosting, Settled, SettledOnCreditorAccount,
}

// Final says whether s is an end. A settled payment is over for the payer, yet the payee's
// bank may still report.
func (s Status) Final() bool { return s == SettledOnCreditorAccount || s == Rejected || s == Cancelled }

// before says whether s comes before t on the way of a payment.
func (s Status) before(t Status) bool {
	i, j := slices.Index(way, s), slices.Index(way, t)
	return i >= 0 && j >= 0 && i < j
}

// leadsTo says whether a payment in s can still become t. Words that are no status of a
// payment lead nowhere.
func (s Status) leadsTo(t Status) bool {
	if t == Rejected || t == Cancelled {
		return s.before(Settled) // debited money does not come back by a change of status
	}
	return s.before(t)
}

// Callers tell these apart with errors.Is. Each API maps them to its own codes.
var (
	ErrUnknown       = errors.New("payment unknown") // no such payment, or another TPP's
	ErrService       = errors.New("this bank does not offer this payment service")
	ErrProduct       = errors.New("this bank does not offer this payment product")
	ErrRequest       = errors.New("payment cannot be accepted")
	ErrNotSupported  = errors.New("this bank does not offer this in a payment")
	ErrExecutionDate = errors.New("payment cannot be executed on the requested date")
	ErrFailed        = errors.New("the bank did not take the payment")
)

// NotProvided stands for an end-to-end identification that the TPP did not give.
//
// Source: EPC implementation guidelines, SEPA credit transfer, AT-41.
const NotProvided = "NOTPROVIDED"

// repeatWindow is how long a TPP that repeats a request gets the same payment.
const repeatWindow = 24 * time.Hour

// A Payment is one payment that a TPP initiated.
type Payment struct {
	Bank           string
	ID             string
	TPP            tpp.ID
	TPPName        string
	PSU            string // the bank's id of the PSU; "" until known
	Service        string // payments
	Product        string // sepa-credit-transfers, …
	Order          core.Payment
	Status         Status
	FundsAvailable *bool // nil: the bank has not told

	RequestID string   // of the request that created it; "" where that may be made again
	Digest    [32]byte // of that request: a repeat is recognised by it

	CreatedAt   time.Time
	AuthoriseBy time.Time // not authorised by then: rejected; zero: nothing is waited for
}

// At returns p as it stands at now: what was not authorised in time is rejected. A payment
// that the bank already executes is beyond that.
func (p Payment) At(now time.Time) Payment {
	if p.Status.before(InProcess) && !p.AuthoriseBy.IsZero() && !now.Before(p.AuthoriseBy) {
		p.Status = Rejected
	}
	return p
}

// NotTaken frees the request of a payment that the bank refused to take, so that the TPP
// can repeat it and be heard anew. It changes nothing when the bank took p after all.
func (p Payment) NotTaken() Payment {
	if p.Status == Rejected {
		p.RequestID = ""
	}
	return p
}

// Authorise notes that SCA succeeded. What the bank has told of the payment's status
// counts; a bank that tells nothing leaves it at final, the profile's word, or, when the
// payment waits for a later day, at accepted.
func (p Payment) Authorise(today day.Day, final Status, s core.Success) Payment {
	if p.Order.RequestedExecutionDate.After(today) && TechnicallyAccepted.before(final) {
		final = TechnicallyAccepted
	}
	if p.Status.before(TechnicallyAccepted) {
		p.Status = final
	}
	p.AuthoriseBy = time.Time{}
	if s.UserID != "" {
		p.PSU = s.UserID
	}
	if p.Order.DebtorAccount.IsZero() {
		p.Order.DebtorAccount = s.DebtorAccount
	}
	return p
}

// Refuse ends p because SCA failed or ran out of time. The bank's own word ends even a
// payment that is being settled; time alone does not.
func (p Payment) Refuse(f core.Fail) Payment {
	to, told := Rejected, f.Status == string(Rejected) || f.Status == string(Cancelled)
	if told {
		to = Status(f.Status)
	}
	if p.Status.leadsTo(to) && (told || p.Status.before(InProcess)) {
		p.Status = to
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
	if to := Status(u.Status); p.Status.leadsTo(to) {
		p.Status = to
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

package core

import (
	"context"
	"errors"
	"time"

	"kontor/kit/day"
)

// An Update is a step on the way. Empty fields say nothing.
type Update struct {
	Session        string
	Status         string // in the words of the protocol: received, redirect, RCVD, ACTC, …
	SCAStatus      string
	RedirectURL    string // where the PSU's browser goes
	ExpiresAt      time.Time
	FundsAvailable *bool
	PSUMessage     string
	Items          *ItemStatuses // of a bulk; nil: nothing is told of its payments
	// Partly says, in an answer about the status, what Success.Partly says.
	Partly bool
	// Exemption is the article of the RTS by which SCAStatus is exempted: one of Exemptions, or "".
	Exemption string

	// Of the SCA by other ways than the bank's pages. The bank may decide on another approach
	// than was asked for, as when the PSU chooses a method that works by her phone.
	SCAApproach string
	Methods     []SCAMethod // those that the PSU can choose from
	Chosen      *SCAMethod
	Challenge   *Challenge
	CodeHash    []byte // of an SCA that waits to be confirmed: SHA-256 of the code that the PSU's browser has
}

// ItemStatuses tell how the payments of a bulk stand. The newest take the place of all before.
type ItemStatuses struct {
	Told []ItemStatus
	// Others is how those stand that are not told one by one; PART: some are executed, the
	// rest is rejected, and none is open. "" says nothing of them.
	Others string
}

// An ItemStatus tells how one payment of a bulk stands.
type ItemStatus struct {
	Index  int    // its place in the bulk, from 0
	Status string // one that is settled and came back stays settled
	Reason string // ISO 20022 reason code, or the bank's own; "" where there is none
}

// A Success ends a session well.
type Success struct {
	Session       string
	UserID        string // the bank's id of the PSU
	Token         string // for reads and checks; "" for payments and log-ins
	Granted       *Grant // nil: what was asked
	DebtorAccount AccountReference
	// Exemption is the article of the RTS by which the PSU's log-in was enough: one of
	// Exemptions; "": she completed SCA, or an Update has said that none was needed.
	Exemption string
	// Partly: this PSU has signed, and others have to sign as well (extension "multilevel").
	// Nothing is authorised yet; each of them signs in a session of her own.
	Partly bool
}

// A Grant is what the PSU gave access to.
type Grant struct {
	AllPSD2                bool
	Balances, Transactions []AccountReference // both empty: all accounts
}

// A Fail ends a session badly.
type Fail struct {
	Session string
	Class   string // AccessDenied, PaymentNotCreated, … or anything
	Message string
	Status  string // payments: RJCT or CANC
	UserID  string
}

// Callers of the event methods tell these apart with errors.Is; the wire has a class for each.
var (
	ErrSessionUnknown   = errors.New("session not found") // or another bank's
	ErrSessionFinalised = errors.New("session is already finalised")
	ErrSessionClosed    = errors.New("session is closed")
	ErrSessionExpired   = errors.New("session has expired")
	ErrTokenUnknown     = errors.New("token not found")
	ErrEvent            = errors.New("event cannot be understood")
)

// Events is what the hub hears from the banks. bank is the bank's code. A repeated Success
// with the same token is accepted again for ten minutes; everything else that comes after
// the end of a session is refused.
type Events interface {
	Update(ctx context.Context, bank string, u Update) error
	Success(ctx context.Context, bank string, s Success) error
	Fail(ctx context.Context, bank string, f Fail) error
	// Revoked says that the PSU withdrew an access at the bank; funds tells which kind.
	Revoked(ctx context.Context, bank, token string, funds bool) error
	// Tokens lists the accesses that the hub holds at the bank, by ID.
	Tokens(ctx context.Context, bank string, q TokenQuery) ([]TokenInfo, error)
}

// A TokenQuery selects accesses. Empty fields select all.
type TokenQuery struct {
	UserID string
	FromID string // the first ID not to be left out
	Limit  int    // 1 to 100
}

// A TokenInfo is one access as the hub lists it for a bank's own dashboard.
type TokenInfo struct {
	ID         string
	UserID     string
	ConsentID  string
	Funds      bool
	Status     string // active, revoked, expired
	TPP        string
	AppName    string
	ValidUntil day.Day
	CreatedAt  time.Time
}

// Package sdk is what a bank needs to be reached by a hub: it speaks the connector protocol,
// so that a bank only implements a few small interfaces.
//
// New wraps a Bank into an http.Handler. What else the bank can do, it says by implementing
// more interfaces: Payments, PaymentServices, Cancellations, PaymentQueries, Baskets,
// PayeeVerification, FundsConfirmations, Cards, CardTransactions, StandingOrders,
// TrustedBeneficiaries, Refresher, Logins, Authorisations, Confirmations. What it does not implement is answered
// with 404, as the protocol wants it. Whatever the PSU does on the bank's pages is reported through Hub: Update with the
// address of those pages, then Success or Fail.
//
// The SDK checks signatures, expiry and shape before the bank is asked anything, and sends
// a repeated start (same session secret) to the bank only once.
//
// What goes beyond the protocol, with examples: doc/connector-extensions.md.
package sdk

import (
	"context"
	"errors"

	"kontor/connector/jws"
	"kontor/connector/wire"
)

// A bank returns these; the SDK answers the hub with the protocol's class and status.
var (
	ErrTokenUnknown   = errors.New("token unknown")              // 404 TokenNotFound
	ErrTokenExpired   = errors.New("token expired")              // 401 TokenExpired
	ErrAccessDenied   = errors.New("access denied")              // 401 AccessDenied
	ErrAccountUnknown = errors.New("account unknown")            // 404 AccountNotFound
	ErrPaymentUnknown = errors.New("payment unknown")            // 404 PaymentNotFound
	ErrInvalid        = errors.New("attribute value is invalid") // 400 InvalidAttributeValue
)

// A Bank gives access to accounts. Every method may be called by many goroutines.
type Bank interface {
	// StartAccess takes note of the request. The bank then calls Hub.Update with the address
	// of its page, usually before it returns, and later Hub.Success or Hub.Fail.
	StartAccess(ctx context.Context, r wire.TokenCreate) error
	// RevokeAccess ends the access behind token.
	RevokeAccess(ctx context.Context, token string) error
	Accounts(ctx context.Context, token string) ([]wire.AccountAnswer, error)
	// Transactions returns one page, newest first, booked and pending mixed. NextID in its
	// Meta is the cursor of the next page, empty on the last.
	Transactions(ctx context.Context, token string, q wire.TransactionsQuery) (wire.List[wire.TransactionAnswer], error)
}

// Payments is implemented by a bank that executes payments.
type Payments interface {
	// StartPayment takes note of the payment; the rest follows by Hub.Update, Hub.Success,
	// Hub.Fail, and by Hub.Update of how its status moves on afterwards. p.PaymentService is
	// never empty here; it is payments unless the bank implements PaymentServices.
	StartPayment(ctx context.Context, p wire.PaymentCreate) error
}

// PaymentServices is implemented by a bank whose StartPayment takes more than payments:
// "bulk-payments" and "periodic-payments" (extensions of these names). Without it the bank
// sees neither.
type PaymentServices interface {
	PaymentServices() []string
}

// Cancellations is implemented by a bank that cancels payments and series (extension
// "cancellation"). r.SessionSecret is a session of its own and has its Update, Success and
// Fail as that of a payment; r.PaymentSession is that of the payment. ErrPaymentUnknown when
// there is no such payment. Nothing of it may be executed while its cancellation is open.
type Cancellations interface {
	CancelPayment(ctx context.Context, r wire.PaymentCancel) error
}

// PaymentQueries is implemented by a bank that tells how a payment stands (extension
// "payment_status"), so that a hub that was cut off can find out. The answer names a Status.
//
// ErrPaymentUnknown is a promise: the SDK refuses a payment of this session from then on,
// should its request still be under way. A bank that runs more than one SDK must keep that
// promise itself.
type PaymentQueries interface {
	PaymentStatus(ctx context.Context, q wire.PaymentQuery) (wire.Event, error)
}

// Baskets is implemented by a bank that takes several payments and requests for access for
// which one SCA counts (extension "baskets"). It reports the SCA under b.SessionSecret and
// each member under the member's own session, as those of StartPayment and StartAccess.
//
// Each member is as whole here as one that comes alone: what the basket says for all of them
// stands in it too. Of payments there are only those that the bank takes alone.
type Baskets interface {
	StartBasket(ctx context.Context, b wire.BasketCreate) error
}

// PayeeVerification is implemented by a bank that finds out, at home or at the payee's bank,
// whether payees are called what payments say (extension "payee_verification"). Each answer
// has the ID of its payee; one that is left out could not be verified. It should come within
// five seconds: the hub goes on without it then.
type PayeeVerification interface {
	VerifyPayees(ctx context.Context, q wire.PayeesVerify) ([]wire.PayeeAnswer, error)
}

// FundsConfirmations is implemented by a bank that confirms funds.
type FundsConfirmations interface {
	StartFundsAccess(ctx context.Context, r wire.FundsTokenCreate) error
	RevokeFundsAccess(ctx context.Context, token string) error
	FundsAvailable(ctx context.Context, token string, q wire.FundsCheck) (bool, error)
}

// FundsAtBank is implemented by a bank whose customers allow checks of funds at the bank
// itself, without the hub. It returns ErrAccessDenied where the customer has not allowed
// q.TPP to ask about q.Account, or where there is no such account.
type FundsAtBank interface {
	FundsAvailableAtBank(ctx context.Context, q wire.FundsAtBank) (bool, error)
}

// Cards is implemented by a bank that shows card accounts.
type Cards interface {
	CardAccounts(ctx context.Context, token string) ([]wire.CardAnswer, error)
}

// CardTransactions is implemented by a bank that shows the entries of card accounts. The
// rules of Bank.Transactions hold; q.AccountID is that of a card account.
type CardTransactions interface {
	CardTransactions(ctx context.Context, token string, q wire.TransactionsQuery) (wire.List[wire.CardTransactionAnswer], error)
}

// StandingOrders is implemented by a bank that tells the standing orders of an account
// (extension "standing_orders"). Extra.StandingOrder of each answer says when it is
// executed; it needs neither a status nor dates of its own.
type StandingOrders interface {
	StandingOrders(ctx context.Context, token, accountID string) ([]wire.TransactionAnswer, error)
}

// TrustedBeneficiaries is implemented by a bank that tells whom the PSU can pay without SCA
// (extension "trusted_beneficiaries").
type TrustedBeneficiaries interface {
	TrustedBeneficiaries(ctx context.Context, token string) ([]wire.TrustedBeneficiary, error)
}

// Refresher is implemented by a bank whose connector keeps a copy of the core's data. The
// refresh is over when the bank calls Hub.Success for its session.
type Refresher interface {
	Refresh(ctx context.Context, token string, r wire.SessionOnly) error
}

// Logins is implemented by a bank that logs a PSU in without a consent or payment
// (extension "logins").
type Logins interface {
	StartLogin(ctx context.Context, r wire.LoginCreate) error
}

// ErrorReports is implemented by a bank that wants to hear what the hub could not use.
type ErrorReports interface {
	HubError(ctx context.Context, r wire.ErrorReport)
}

// A PublicKey is a key of the hub and when it counts. Several may count at once.
type PublicKey = jws.PublicKey

// A HubCaller reports to the hub. Hub is the one over HTTP.
type HubCaller interface {
	Update(ctx context.Context, e wire.Event) error
	Success(ctx context.Context, e wire.Event) error
	Fail(ctx context.Context, e wire.Event) error
	RevokeToken(ctx context.Context, token string) error
	RevokeFundsToken(ctx context.Context, token string) error
	Tokens(ctx context.Context, userID string) ([]wire.TokenAnswer, error)
}

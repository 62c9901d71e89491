// Package core is the port to a bank's own systems: what the hub asks of a bank, and what
// a bank tells the hub.
//
// The hub starts something (access to accounts, a payment, a log-in), the bank leads the
// PSU through its own pages, and reports by events: any number of Updates, then one Success
// or one Fail. All of them carry the session secret that the hub chose. Reads are plain
// questions with answers.
//
// The hub keeps no balances and no transactions: they pass through. Package coretest says
// in tests what every implementation must do; connector/client is the one over HTTP.
package core

import (
	"context"
	"errors"

	"kontor/kit/day"
	"kontor/kit/money"
)

// Callers tell these apart with errors.Is. The texts are fit for a TPP.
var (
	ErrUnavailable    = errors.New("the bank's systems do not answer")
	ErrMalformed      = errors.New("the bank's systems gave an answer that cannot be used")
	ErrUnknownOutcome = errors.New("the bank's systems did not say whether they took it") // sent, perhaps received
	ErrNotOffered     = errors.New("the bank does not offer this")
	ErrTokenExpired   = errors.New("the access is over at the bank")
	ErrAccessDenied   = errors.New("the access was withdrawn at the bank")
	ErrAccountUnknown = errors.New("account unknown at the bank")
	ErrPaymentUnknown = errors.New("payment unknown at the bank")
	ErrRefused        = errors.New("the bank refused the request") // 4xx with a reason of its own
)

// A Bank is one bank as the hub sees it. Every method may return ErrUnavailable,
// ErrMalformed or ErrRefused.
type Bank interface {
	// StartAccess asks for access to accounts. The PSU's part follows by events. An Update
	// in the answer itself is returned at once; it counts like one that came as an event.
	StartAccess(ctx context.Context, r AccessRequest) (*Update, error)
	// RevokeAccess ends an access. It returns nil when the bank knows it no longer.
	RevokeAccess(ctx context.Context, a Access) error

	// Accounts lists every account that the access covers.
	Accounts(ctx context.Context, a Access) ([]Account, error)
	// Transactions calls yield for each entry of one page, newest first, booked and pending
	// mixed, and returns the cursor of the next page, "" on the last. The entry and its
	// texts are only good until yield returns. An error of yield ends the page and is returned.
	Transactions(ctx context.Context, a Access, q TransactionQuery, yield func(*Transaction) error) (next string, err error)
	// CardAccounts lists the cards that the access covers; ErrNotOffered where there is no such thing.
	CardAccounts(ctx context.Context, a Access) ([]CardAccount, error)
	// CardTransactions is Transactions for a card account: q.AccountID is a CardAccount.ID.
	// ErrNotOffered where the bank shows no entries of cards.
	CardTransactions(ctx context.Context, a Access, q TransactionQuery, yield func(*CardTransaction) error) (next string, err error)
	// StandingOrders calls yield for each standing order of an account (extension
	// "standing_orders"); Standing of each is set. The rules of Transactions hold, but all
	// come at once: there are never many. ErrNotOffered where the bank does not tell them.
	StandingOrders(ctx context.Context, a Access, accountID string, yield func(*Transaction) error) error
	// TrustedBeneficiaries lists whom the PSU can pay without SCA, from any of her accounts
	// (extension "trusted_beneficiaries"); ErrNotOffered where the bank does not tell.
	TrustedBeneficiaries(ctx context.Context, a Access) ([]TrustedBeneficiary, error)
	// Refresh asks a bank that answers from a copy of its data to make the copy anew. It
	// returns when the bank has taken note. session is a session secret of its own, not that
	// of the access: its Success or Fail says that the copy is as new as it will get, and a
	// Success of it has no token. ErrNotOffered where there is no copy to refresh; then reads
	// are as new as they can be.
	Refresh(ctx context.Context, a Access, session string) error

	// StartPayment hands over a payment. It is never sent twice: when the request may have
	// arrived and no answer came, the error is ErrUnknownOutcome. ErrNotOffered where the bank
	// does not take this p.Service; then nothing was sent.
	StartPayment(ctx context.Context, p PaymentOrder) (*Update, error)
	// CancelPayment asks to cancel a payment (extension "cancellation"). The bank then leads the
	// PSU as for a payment, or not at all, and reports under the session of the cancellation.
	// Like a payment it is never sent twice: ErrUnknownOutcome. ErrPaymentUnknown when the bank
	// has no such payment; ErrNotOffered where it cancels none.
	CancelPayment(ctx context.Context, r Cancellation) (*Update, error)
	// PaymentStatus asks how the payment stands that was handed over under session (extension
	// "payment_status"). ErrPaymentUnknown says that the bank never got it, and will not take
	// it any more should it still arrive; ErrNotOffered where the bank does not tell.
	PaymentStatus(ctx context.Context, session, paymentID string) (*Update, error)
	// VerifyPayees compares names of payees with those on their accounts (extension
	// "payee_verification"). There is one result for each, in their order; one that nobody
	// can tell is PayeeUnavailable. ErrNotOffered where the bank verifies none.
	VerifyPayees(ctx context.Context, q PayeeQuery) ([]PayeeResult, error)

	// StartBasket hands over several payments and requests for access, for which one SCA
	// counts (extension "baskets"). The bank reports the SCA under the basket's session, and
	// each member under its own: before or after the basket's end, and a payment can fail by
	// itself though the SCA succeeded. When the basket fails, no member is executed or granted.
	// Like a payment it is never sent twice: ErrUnknownOutcome; PaymentStatus then tells of each
	// payment. ErrNotOffered where the bank takes no baskets, or not these members; then
	// nothing was sent.
	StartBasket(ctx context.Context, b BasketOrder) (*Update, error)

	// StartSignature asks for the signature of another PSU (extension "multilevel"), where a
	// Success was Partly. The bank leads her as it led the first one, and reports under
	// r.Session: her success completes what was signed, or is Partly too. Her fail ends all of
	// it where it is AccessDenied, or has a status; after any other, another one can be asked.
	// ErrNotOffered where one signature is always enough, ErrRefused where none is waited for.
	StartSignature(ctx context.Context, r Signature) (*Update, error)

	// StartFundsAccess asks for the right to confirm funds on one account.
	StartFundsAccess(ctx context.Context, r FundsAccessRequest) (*Update, error)
	RevokeFundsAccess(ctx context.Context, a Access) error
	// FundsAvailable asks whether amount is there now. account must be the very reference
	// that StartFundsAccess was given. An a that names its TPP only stands for what the PSU
	// has allowed at the bank (extension "funds_at_bank"): ErrAccessDenied where she has not,
	// ErrNotOffered where the bank takes no such question.
	FundsAvailable(ctx context.Context, a Access, account AccountReference, amount money.Amount) (bool, error)

	// StartLogin asks the bank to log a PSU in without a consent or payment (extension
	// "logins"); ErrNotOffered where the connector does not declare it.
	StartLogin(ctx context.Context, r LoginRequest) (*Update, error)

	// Authorise takes one step of the SCA of a session (extensions "embedded" and "decoupled").
	// What the bank says at once is returned; that the session succeeds or fails is reported
	// as ever, before or after the answer. ErrCredentials, ErrMethodUnknown, or ErrRefused where the
	// session is over or waits for another step; ErrNotOffered where the connector knows no
	// steps. A step is sent once: a code counts once. Of one that may have arrived, with no
	// answer, the error is ErrUnavailable and ErrUnknownOutcome.
	Authorise(ctx context.Context, s SCAStep) (*Update, error)
	// Confirm lets the bank go on with a session that it reported as unconfirmed, or drop it
	// (extension "confirmation"); how that ends is reported as ever, before or after the answer.
	// It may be asked again. ErrRefused where nothing is held any more; ErrNotOffered where the
	// connector holds nothing.
	Confirm(ctx context.Context, c Confirmation) (*Update, error)
}

// A PSUContext is what the TPP passed on about the customer's device. All of it is optional.
type PSUContext struct {
	IPAddress, DeviceID, UserAgent, GeoLocation, CorporateID string
	AcceptLanguage                                           string // of the texts that the bank shows her
}

// An AccountReference names an account by exactly one identifier, and its currency where
// one identifier stands for several accounts.
//
// spec: xs2a/accountReference
type AccountReference struct {
	IBAN      string `json:"iban,omitempty"`
	BBAN      string `json:"bban,omitempty"`
	PAN       string `json:"pan,omitempty"`
	MaskedPAN string `json:"maskedPan,omitempty"`
	MSISDN    string `json:"msisdn,omitempty"`
	Other     Other  `json:"other,omitzero"`
	Currency  string `json:"currency,omitempty"`
}

// Other names an account by an identifier that has no field of its own.
//
// spec: xs2a/other
type Other struct {
	Identification        string `json:"identification,omitempty"`
	SchemeNameCode        string `json:"schemeNameCode,omitempty"`
	SchemeNameProprietary string `json:"schemeNameProprietary,omitempty"`
	Issuer                string `json:"issuer,omitempty"`
}

// IsZero says whether r names nothing.
func (r AccountReference) IsZero() bool { return r == AccountReference{Currency: r.Currency} }

// Matches says whether r, perhaps without a currency, can mean the account that o names.
func (r AccountReference) Matches(o AccountReference) bool {
	if r.Currency != "" && o.Currency != "" && r.Currency != o.Currency {
		return false
	}
	return r.IBAN != "" && r.IBAN == o.IBAN || r.BBAN != "" && r.BBAN == o.BBAN || r.PAN != "" && r.PAN == o.PAN ||
		r.MaskedPAN != "" && r.MaskedPAN == o.MaskedPAN || r.MSISDN != "" && r.MSISDN == o.MSISDN ||
		r.Other.names(o) || o.Other.names(r)
}

// names says whether i is an identifier of what r names. The connector protocol has one word
// for what Berlin Group calls other and what it calls bban, where that is the bank's own.
func (i Other) names(r AccountReference) bool {
	return i.Identification != "" && (i.Identification == r.Other.Identification || i.Identification == r.BBAN)
}

// An AccessRequest asks a bank for access to accounts, for one consent.
type AccessRequest struct {
	Session         string // session secret: events carry it
	ConsentID       string
	TPP             string // authorisation number of the TPP
	AppName         string // shown to the PSU
	ReturnURL       string // the hub's own page, where the bank sends the PSU in the end
	Recurring       bool
	ValidUntil      day.Day
	FrequencyPerDay int
	AllPSD2         bool // every account; otherwise the lists, and empty lists leave the choice to the PSU
	List            List // with AllPSD2: the TPP asks for no more than the list of accounts
	Balances        []AccountReference
	Transactions    []AccountReference
	PSU             PSUContext
	SCA             SCA
}

// A List says what of the list of accounts is asked for; "": it is asked for more than that.
type List string

const (
	ListOfAccounts List = "accounts"
	ListOfBalances List = "balances" // the accounts, and their balances
)

// An Access is the right to ask, as the bank granted it.
type Access struct {
	Session   string
	Token     string // issued by the bank
	ConsentID string
	TPP       string
	PSU       PSUContext
}

// A FundsAccessRequest asks for the right to confirm funds on Account.
type FundsAccessRequest struct {
	Session   string
	ConsentID string
	TPP       string
	AppName   string
	ReturnURL string
	Account   AccountReference
	PSU       PSUContext
	SCA       SCA

	// What the TPP tells of the card that it issues for the account; each may be empty.
	CardNumber              string
	CardExpiryDate          day.Day
	CardInformation         string
	RegistrationInformation string
}

// A LoginRequest asks for a log-in of a PSU.
type LoginRequest struct {
	Session   string
	TPP       string
	AppName   string
	ReturnURL string
	IBAN      string // of the account the PSU is expected to name; optional
}

// Package pain reads payment orders that come as XML: pain.001 of ISO 20022, alone or with
// the details of a standing order as a multipart message. It answers with pain.002.
//
// Parse takes a document apart by a grammar that says what the schema of the version has in
// each place: which elements in which order, how often, how long their texts may be. What
// is read becomes the words of bank/core. What the schema has and bank/core has no word for
// is refused by its name, so that nothing of an order is lost on the way to the bank: an
// amount in another currency, a cheque, a report to an authority, a purpose that is no code.
// Parts of an address that have no place of their own go with its street. The number of a bank
// in its country is taken where it stands in the account's IBAN, too.
// Passed over is only what the bank knows better than the TPP, or does not need to execute
// the order: who sent it, the address and identification of the debtor, name and type of the
// debtor's account, and by which scheme a creditor is identified.
//
// Every refusal says where. Whether an IBAN is right, a date can be kept or a product takes
// such a payment is for the payment rules to say; here stands only what the schema demands,
// and that the counts and sums of the document are those of its payments.
//
// Documents come from outside. There is no document type declaration, no entity beyond those
// of XML itself, no encoding but UTF-8, no namespace but that of the version, and nothing is
// ever loaded. The time to read a document is proportional to its length, and what is kept
// of it to the number of its payments, which is limited.
package pain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kontor/bank/core"
)

// Callers tell these apart with errors.Is. All texts are fit for a TPP.
var (
	ErrFormat  = errors.New("payment document cannot be read")
	ErrVersion = errors.New("this version of the payment document is not offered")
	ErrTooMany = errors.New("payment document has too many payments")
	ErrReport  = errors.New("status report lacks what it must say")
)

// The versions of pain.001 that can be read.
const (
	Version03 = "pain.001.001.03"
	Version09 = "pain.001.001.09"
)

// Versions lists them.
func Versions() []string { return []string{Version03, Version09} }

// namespace precedes the version in the namespace of a document.
const namespace = "urn:iso:std:iso:20022:tech:xsd:"

// TransactionsMax is how many payments a document may have where Limits do not say it.
const TransactionsMax = 10_000

// Limits narrow what Parse accepts. Their zero value is usable.
type Limits struct {
	Transactions int            // how many payments a document may have; 0 is TransactionsMax
	Versions     []string       // those that are offered; nil: all that can be read
	Zone         *time.Location // of times that name none; nil is UTC
}

func (l Limits) transactions() int {
	if l.Transactions > 0 {
		return l.Transactions
	}
	return TransactionsMax
}

func (l Limits) offers(version string) bool {
	return l.Versions == nil || slices.Contains(l.Versions, version)
}

// An Order is what a document says: payments from one account, in one PmtInf.
type Order struct {
	Version         string
	MessageID       string
	CreationTime    time.Time
	InitiatingParty string // name; "" where not told
	ControlSum      string // of GrpHdr, as it stands there; "" where not told

	// ServiceLevel (SEPA, URGP, …) and LocalInstrument (INST, …) are those of all payments,
	// "" where not told. They must go with the payment product.
	ServiceLevel, LocalInstrument string
	// DebtorAgent is the BIC of the bank the order is meant for; "" where not told.
	DebtorAgent string

	Bulk core.Bulk
}

// Single returns the one payment of o. It returns ErrFormat when there are several.
func (o Order) Single() (core.Payment, error) {
	if n := len(o.Bulk.Payments); n != 1 {
		return core.Payment{}, &Error{"/Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf", fmt.Sprintf("stands %d times; here a document has one payment", n), ErrFormat}
	}
	p := o.Bulk.Payments[0]
	p.DebtorAccount, p.DebtorName = o.Bulk.DebtorAccount, o.Bulk.DebtorName
	p.RequestedExecutionDate, p.RequestedExecutionTime = o.Bulk.RequestedExecutionDate, o.Bulk.RequestedExecutionTime
	return p, nil
}

// An Error says where a document was refused and why. It is ErrFormat, ErrVersion or
// ErrTooMany.
type Error struct {
	Path    string // /Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf[3]/Amt/InstdAmt; "" is the whole document
	Problem string
	is      error
}

func (e *Error) Error() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%v: %s %s", e.is, e.Path, e.Problem)), " ")
}
func (e *Error) Unwrap() error { return e.is }

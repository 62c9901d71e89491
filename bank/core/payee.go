package core

// A PayeeQuery asks who holds the accounts that payments go to. There is one answer for each
// of Payees.
type PayeeQuery struct {
	TPP    string // authorisation number of the TPP whose payment it is
	Payees []Payee
}

// A Payee as a payment names it.
type Payee struct {
	Name    string
	Account AccountReference
	Agent   string // BIC; may be empty
}

// A PayeeMatch is how the name of a payee compares with that on the account.
type PayeeMatch string

const (
	PayeeMatches     PayeeMatch = "match"
	PayeeClose       PayeeMatch = "close"       // nearly: a slip, or a short form
	PayeeDiffers     PayeeMatch = "none"        // somebody else's account
	PayeeUnavailable PayeeMatch = "unavailable" // nobody could tell
)

// A PayeeResult is the answer for one payee; the zero one says that nobody has asked.
//
// Source: Regulation (EU) 2024/886, article 5c.
type PayeeResult struct {
	Match PayeeMatch
	// Name is that on the account, for the payer's eyes only. It is told on a close match
	// alone: with no match it would give a stranger's name away.
	Name string
}

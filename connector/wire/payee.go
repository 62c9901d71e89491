package wire

// PayeesVerify is the data of POST /payees/verify (extension "payee_verification"). A long
// list goes into the body, as a bulk of payments does.
type PayeesVerify struct {
	SessionSecret String  `json:"session_secret"` // of this question alone
	ProviderCode  String  `json:"provider_code"`
	Payees        []Payee `json:"payees"`
}

// Payee is whom a payment names. The BIC of its bank, where it is known, is in the account.
type Payee struct {
	ID      String  `json:"id"` // within the question; the answer repeats it
	Name    String  `json:"name"`
	Account Account `json:"account"`
}

// PayeeAnswer is the answer for the payee with this ID.
type PayeeAnswer struct {
	ID String `json:"id"`
	PayeeVerification
}

// PayeeVerification is how a name compares with that on the account.
type PayeeVerification struct {
	Match String `json:"match"`
	Name  String `json:"name,omitempty"` // that on the account, on a close match only
}

// What Match says.
const (
	PayeeMatch       String = "match"
	PayeeClose       String = "close"
	PayeeNone        String = "none"
	PayeeUnavailable String = "unavailable"
)

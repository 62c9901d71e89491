package xs2aclient

import (
	"bytes"
	"encoding/json"

	"kontor/kit/money"
)

// An AccountReference names an account by one identifier, and its currency where the
// account has several.
type AccountReference struct {
	IBAN      string `json:"iban,omitempty"`
	BBAN      string `json:"bban,omitempty"`
	PAN       string `json:"pan,omitempty"`
	MaskedPAN string `json:"maskedPan,omitempty"`
	MSISDN    string `json:"msisdn,omitempty"`
	Other     *Other `json:"other,omitempty"` // since level 1.3.11
	Currency  string `json:"currency,omitempty"`
}

// Other names an account by an identifier that has no member of its own.
type Other struct {
	Identification        string `json:"identification"`
	SchemeNameCode        string `json:"schemeNameCode,omitempty"`
	SchemeNameProprietary string `json:"schemeNameProprietary,omitempty"`
	Issuer                string `json:"issuer,omitempty"`
}

// An Amount is a decimal text with its currency, as it stands on the wire.
type Amount struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// NewAmount writes a for the wire.
func NewAmount(a money.Amount) Amount { return Amount{a.Currency, a.String()} }

// Money reads the amount exactly.
func (a Amount) Money() (money.Amount, error) { return money.Parse(a.Amount, a.Currency) }

// UnmarshalJSON reads the amount as text, or as the number that some banks send: its digits
// are kept as they stand, so nothing is rounded.
func (a *Amount) UnmarshalJSON(b []byte) error {
	var w struct {
		Currency string          `json:"currency"`
		Amount   json.RawMessage `json:"amount"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	a.Currency = w.Currency
	if bytes.HasPrefix(w.Amount, []byte{'"'}) {
		return json.Unmarshal(w.Amount, &a.Amount)
	}
	a.Amount = string(bytes.TrimPrefix(w.Amount, []byte("null")))
	return nil
}

// Links are the _links of an answer: addresses by name. Which are there says what the TPP
// can do next; unknown ones are kept.
type Links map[string]string

// Start returns the link that begins SCA, by whichever of its names it goes: they differ in what
// the bank wants to be told with it. It is empty where there is none.
func (l Links) Start() string {
	for _, with := range []string{"", "WithPsuIdentification", "WithPsuAuthentication", "WithEncryptedPsuAuthentication", "WithAuthenticationMethodSelection", "WithTransactionAuthorisation"} {
		if to := l["startAuthorisation"+with]; to != "" {
			return to
		}
	}
	return ""
}

// UnmarshalJSON reads {"name": {"href": "…"}}, and the plain text that some banks send.
// What is neither is no link, and no reason to lose the answer.
func (l *Links) UnmarshalJSON(b []byte) error {
	var w map[string]json.RawMessage
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*l = Links{}
	for name, raw := range w {
		var link struct {
			Href string `json:"href"`
		}
		if json.Unmarshal(raw, &link) != nil && json.Unmarshal(raw, &link.Href) != nil || link.Href == "" {
			continue
		}
		(*l)[name] = link.Href
	}
	return nil
}

package xs2a

import (
	"bytes"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"kontor/bank/consent"
	"kontor/bank/funds"
)

// fundsRequest is what a TPP sends to ask whether an amount is there.
//
// spec: xs2a/fundsRequest
type fundsRequest struct {
	CardNumber       string            `json:"cardNumber,omitempty" maxLength:"35"`
	Account          *accountReference `json:"account"`
	Payee            string            `json:"payee,omitempty" maxLength:"70"`
	InstructedAmount *amount           `json:"instructedAmount"`
}

type fundsAnswer struct {
	FundsAvailable bool `json:"fundsAvailable"`
}

// spec: xs2a/checkAvailabilityOfFunds
func (a *API) confirmFunds(c *call) (answer, error) {
	var body fundsRequest
	text, err := c.readText(&body)
	if err != nil {
		return answer{}, err
	}
	switch {
	case body.Account == nil:
		return answer{}, malformed("account", "is missing")
	case utf8.RuneCountInString(body.CardNumber) > 35:
		return answer{}, malformed("cardNumber", "has more than 35 characters")
	case utf8.RuneCountInString(body.Payee) > 70:
		return answer{}, malformed("payee", "has more than 70 characters")
	}
	var compact bytes.Buffer
	json.Compact(&compact, text) // valid: it was read before
	q := funds.Question{Bank: a.Bank.Code, TPP: c.tpp.ID, CardNumber: body.CardNumber, RequestID: c.requestID, Body: compact.Bytes()}
	if q.Account, err = body.Account.reference("account"); err != nil {
		return answer{}, err
	}
	if q.Amount, err = body.InstructedAmount.read("instructedAmount"); err != nil {
		return answer{}, err
	}
	if named := c.Header.Get("Consent-ID"); named != "" {
		if q.ConsentID = plainID(named); q.ConsentID == "" {
			return answer{}, inHeader(consent.ErrUnknown)
		}
	} else {
		q.ConsentID = c.bearer.Resource // what an access token is for, where there is one
	}
	ok, err := a.Funds.Available(c.Context(), q)
	if err != nil {
		return answer{}, inHeader(err)
	}
	return answer{status: http.StatusOK, body: fundsAnswer{ok}}, nil
}

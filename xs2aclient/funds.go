package xs2aclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// errNoAnswer says that a confirmation of funds has no fundsAvailable.
var errNoAnswer = errors.New("FundsConfirmation: the bank did not say whether the amount is available")

// A FundsRequest asks whether an amount is available.
type FundsRequest struct {
	CardNumber       string           `json:"cardNumber,omitempty"`
	Account          AccountReference `json:"account"`
	Payee            string           `json:"payee,omitempty"`
	InstructedAmount Amount           `json:"instructedAmount"`
}

// FundsConfirmation says whether the amount is available on the account.
func (c *Client) FundsConfirmation(ctx context.Context, r FundsRequest) (bool, error) {
	var w struct {
		FundsAvailable json.RawMessage `json:"fundsAvailable"`
	}
	_, err := c.do(ctx, request{operation: "FundsConfirmation", method: http.MethodPost, url: c.at("funds-confirmations"), body: r}, &w)
	if err != nil {
		return false, err
	}
	// A missing answer must not be read as "no": that would be a statement about the PSU.
	var available bool
	if len(w.FundsAvailable) == 0 || string(w.FundsAvailable) == "null" {
		return false, errNoAnswer
	}
	err = json.Unmarshal(w.FundsAvailable, &available)
	return available, err
}

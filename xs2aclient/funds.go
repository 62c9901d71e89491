package xs2aclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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

// A FundsConsentRequest asks for a consent to confirm funds on one account. All but the
// account may be left out.
type FundsConsentRequest struct {
	Account                 AccountReference `json:"account"`
	CardNumber              string           `json:"cardNumber,omitempty"`
	CardExpiryDate          string           `json:"cardExpiryDate,omitempty"` // YYYY-MM-DD
	CardInformation         string           `json:"cardInformation,omitempty"`
	RegistrationInformation string           `json:"registrationInformation,omitempty"`
}

// A FundsConsent is a consent to confirm funds as it stands.
type FundsConsent struct {
	FundsConsentRequest
	ConsentStatus string `json:"consentStatus"`
}

// CreateFundsConsent asks for a consent to confirm funds, at a bank where that is a resource
// of its own.
func (c *Client) CreateFundsConsent(ctx context.Context, r FundsConsentRequest, to Redirects) (created ConsentCreated, err error) {
	h, err := c.do(ctx, request{operation: "CreateFundsConsent", method: http.MethodPost, url: c.atFundsConsents(), headers: c.preferred(to), body: r}, &created)
	created.SCAApproach, created.Location = h.Get("ASPSP-SCA-Approach"), h.Get("Location")
	return created, err
}

// FundsConsent reads such a consent, and its status.
func (c *Client) FundsConsent(ctx context.Context, consentID string) (con FundsConsent, err error) {
	return con, c.get(ctx, "FundsConsent", c.atFundsConsents(consentID), &con)
}

// DeleteFundsConsent ends such a consent at the wish of the TPP.
func (c *Client) DeleteFundsConsent(ctx context.Context, consentID string) error {
	_, err := c.do(ctx, request{operation: "DeleteFundsConsent", method: http.MethodDelete, url: c.atFundsConsents(consentID)}, nil)
	return err
}

// StartFundsAuthorisation begins SCA of such a consent after a run that failed.
func (c *Client) StartFundsAuthorisation(ctx context.Context, consentID string, to Redirects) (AuthorisationStarted, error) {
	return c.startAuthorisation(ctx, c.atFundsConsents(consentID, "authorisations"), to)
}

// atFundsConsents returns the address of segments below such consents, which stand below
// another version than all else.
func (c *Client) atFundsConsents(segments ...string) *url.URL {
	path := []string{"v2", "consents", "confirmation-of-funds"}
	for _, s := range segments {
		path = append(path, url.PathEscape(s))
	}
	return c.base.JoinPath(path...)
}

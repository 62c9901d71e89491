package xs2a

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"kontor/bank/consent"
	"kontor/kit/day"
)

// fundsConsents is where consents to confirm funds are resources of their own.
const fundsConsents = "/v2/consents/confirmation-of-funds"

// fundsConsentRequest is what a TPP sends to create a consent to confirm funds.
//
// spec: xs2a/fundsConsentRequest
type fundsConsentRequest struct {
	Account                 *accountReference `json:"account"`
	CardNumber              string            `json:"cardNumber,omitempty" maxLength:"35" doc:"Of the card that the TPP issues for the account."`
	CardExpiryDate          string            `json:"cardExpiryDate,omitempty" format:"date" doc:"Last day of the card."`
	CardInformation         string            `json:"cardInformation,omitempty" maxLength:"140" doc:"What the card is."`
	RegistrationInformation string            `json:"registrationInformation,omitempty" maxLength:"140" doc:"How the PSU was registered, for example her contract with the TPP."`
}

// fundsConsentInformation is a consent to confirm funds as it stands.
//
// spec: xs2a/fundsConsentInformation
type fundsConsentInformation struct {
	Account                 accountReference `json:"account"`
	CardNumber              string           `json:"cardNumber,omitempty"`
	CardExpiryDate          string           `json:"cardExpiryDate,omitempty" format:"date"`
	CardInformation         string           `json:"cardInformation,omitempty"`
	RegistrationInformation string           `json:"registrationInformation,omitempty"`
	ConsentStatus           string           `json:"consentStatus"`
}

// spec: xs2a/createConsentConfirmationOfFunds
func (a *API) createFundsConsent(c *call) (answer, error) {
	var body fundsConsentRequest
	text, err := c.readText(&body)
	if err != nil {
		return answer{}, err
	}
	r, err := body.request()
	if err != nil {
		return answer{}, err
	}
	explicit, err := a.explicit(c)
	if err != nil {
		return answer{}, err
	}
	start, warnings, err := a.start(c, text, !explicit)
	if err != nil {
		return answer{}, err
	}
	con, auth, err := a.Consents.Create(c.Context(), a.Bank, c.tpp, consent.Creation{Funds: &r, Start: start, Explicit: explicit})
	if err != nil {
		return answer{}, err
	}
	return a.consentCreated(c, con, auth, start.SCA, warnings), nil
}

// request turns wire into a request.
func (b fundsConsentRequest) request() (r consent.FundsRequest, err error) {
	if b.Account == nil {
		return r, malformed("account", "is missing")
	}
	for _, f := range []struct {
		name, value, tooLong string
		max                  int
	}{
		{"cardNumber", b.CardNumber, "has more than 35 characters", 35}, {"cardInformation", b.CardInformation, "has more than 140 characters", 140},
		{"registrationInformation", b.RegistrationInformation, "has more than 140 characters", 140},
	} {
		if utf8.RuneCountInString(f.value) > f.max {
			return r, malformed(f.name, f.tooLong)
		}
	}
	r.Card = consent.Card{Number: b.CardNumber, Information: b.CardInformation, Registration: b.RegistrationInformation}
	if b.CardExpiryDate != "" {
		if r.Card.ExpiryDate, err = day.Parse(b.CardExpiryDate); err != nil {
			return r, malformed("cardExpiryDate", err.Error())
		}
	}
	r.Account, err = b.Account.reference("account")
	return r, err
}

// spec: xs2a/getConsentConfirmationOfFunds
func (a *API) getFundsConsent(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: fundsConsentInformation{
		Account: wireReference((*con.Access.Accounts)[0]), CardNumber: con.Card.Number, CardExpiryDate: con.Card.ExpiryDate.String(),
		CardInformation: con.Card.Information, RegistrationInformation: con.Card.Registration, ConsentStatus: string(con.Status),
	}}, nil
}

// spec: xs2a/getConsentConfirmationOfFundsStatus
func (a *API) getFundsConsentStatus(c *call) (answer, error) { return a.getConsentStatus(c) }

// spec: xs2a/deleteConsentConfirmationOfFunds
func (a *API) deleteFundsConsent(c *call) (answer, error) { return a.deleteConsent(c) }

// spec: xs2a/startConsentConfirmationOfFundsAuthorisation
func (a *API) startFundsConsentAuthorisation(c *call) (answer, error) {
	return a.startConsentAuthorisation(c)
}

// spec: xs2a/getConsentConfirmationOfFundsAuthorisation
func (a *API) getFundsConsentAuthorisations(c *call) (answer, error) {
	return a.getConsentAuthorisations(c)
}

// spec: xs2a/getConsentConfirmationOfFundsScaStatus
func (a *API) getFundsConsentSCAStatus(c *call) (answer, error) { return a.getConsentSCAStatus(c) }

// spec: xs2a/updateConsentConfirmationOfFundsPsuData
func (a *API) updateFundsConsentPSUData(c *call) (answer, error) { return a.updateConsentPSUData(c) }

// atConsent returns an absolute link to con, or to what is below it: a consent stays where it
// was asked for.
func (a *API) atConsent(con consent.Consent, below ...string) href {
	at := "/v1/consents/"
	if con.OfItsOwn() {
		at = fundsConsents + "/"
	}
	return href{a.BaseURL + at + strings.Join(append([]string{con.ID}, below...), "/")}
}

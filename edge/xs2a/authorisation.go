package xs2a

import (
	"encoding/json"
	"fmt"
	"net/http"

	"kontor/bank/authorisation"
)

// psuDataUpdate is what a TPP sends to move an authorisation on: at most one of its members,
// and none to say who the PSU is, by the header PSU-ID. PSUs authenticate on the bank's own
// pages, so the others are understood and refused.
//
// spec: xs2a/psuDataUpdate
type psuDataUpdate struct {
	PSUData                *psuData `json:"psuData,omitempty"`
	AuthenticationMethodID *string  `json:"authenticationMethodId,omitempty" maxLength:"35"`
	SCAAuthenticationData  *string  `json:"scaAuthenticationData,omitempty"`
	ConfirmationCode       *string  `json:"confirmationCode,omitempty"`
}

type psuData struct {
	Password                    *string `json:"password,omitempty"`
	EncryptedPassword           *string `json:"encryptedPassword,omitempty"`
	AdditionalPassword          *string `json:"additionalPassword,omitempty"`
	AdditionalEncryptedPassword *string `json:"additionalEncryptedPassword,omitempty"`
}

// authorisationStarted answers the start of an authorisation.
//
// spec: xs2a/authorisationStarted
type authorisationStarted struct {
	SCAStatus       string       `json:"scaStatus"`
	AuthorisationID string       `json:"authorisationId"`
	Links           links        `json:"_links"`
	PSUMessage      string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages     []tppMessage `json:"tppMessages,omitempty" since:"1.3.9"`
}

// spec: xs2a/startConsentAuthorisation
func (a *API) startConsentAuthorisation(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	body, text, err := c.psuDataUpdate()
	if err != nil {
		return answer{}, err
	}
	if err := body.check(); err != nil {
		return answer{}, err
	}
	start, warnings, err := a.start(c, text, true)
	if err != nil {
		return answer{}, err
	}
	auth, err := a.Consents.StartAuthorisation(c.Context(), a.Bank, c.tpp, con.ID, start)
	if err != nil {
		return answer{}, err
	}
	return a.started(auth, a.atConsent(con, "authorisations", auth.ID), warnings), nil
}

// started answers that auth has begun; it is at self.
func (a *API) started(auth authorisation.Authorisation, self href, warnings []tppMessage) answer {
	l, h := links{}, http.Header{"Location": {self.Href}}
	a.scaLinks(&l, h, auth, self)
	return answer{status: http.StatusCreated, header: h, body: authorisationStarted{
		SCAStatus: string(auth.Status), AuthorisationID: auth.ID, Links: l, PSUMessage: auth.PSUMessage, TPPMessages: warnings,
	}}
}

// spec: xs2a/updateConsentsPsuData
func (a *API) updateConsentPSUData(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return a.updatePSUData(c, authorisation.OfConsent, con.ID, func(id string) href { return a.atConsent(con, "authorisations", id) })
}

// updatePSUData takes note of who the PSU is, which changes nothing: the bank asks her
// itself. There is no other step that a TPP could take. self says where the authorisation is.
func (a *API) updatePSUData(c *call, kind authorisation.Kind, subject string, self func(id string) href) (answer, error) {
	auth, err := a.Authorisations.Get(c.Context(), a.Bank.Code, c.tpp.ID, kind, subject, c.id("authorisationId"))
	if err != nil {
		return answer{}, err
	}
	body, _, err := c.psuDataUpdate()
	if err != nil {
		return answer{}, err
	}
	if auth.Status.Final() {
		return answer{}, fmt.Errorf("%w: it is %s", authorisation.ErrStatus, auth.Status)
	}
	if err := body.check(); err != nil {
		return answer{}, err
	}
	if c.Header.Get("PSU-ID") == "" {
		return answer{}, malformed("PSU-ID", "header is missing: it says who the PSU is where the body is empty")
	}
	l, h := links{}, http.Header{}
	a.scaLinks(&l, h, auth, self(auth.ID))
	return answer{status: http.StatusOK, header: h, body: scaStatusAnswer{SCAStatus: string(auth.Status), PSUMessage: auth.PSUMessage, Links: &l}}, nil
}

// psuDataUpdate reads the body of a step, which may be missing, and its text. A body that is
// none of the known steps is malformed.
func (c *call) psuDataUpdate() (body psuDataUpdate, text []byte, err error) {
	if _, err := c.text("PSU-ID"); err != nil {
		return body, nil, err
	}
	if c.ContentLength == 0 {
		return body, nil, nil
	}
	if text, err = c.readText(&body); err != nil {
		return body, nil, err
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return body, nil, malformed("", err.Error())
	}
	steps := body.steps()
	switch {
	case steps > 1:
		return body, nil, malformed("", "body has more than one step")
	case steps == 0 && len(given) > 0:
		return body, nil, malformed("", "body is no step of an authorisation")
	}
	for path, s := range map[string]*string{
		"authenticationMethodId": body.AuthenticationMethodID, "scaAuthenticationData": body.SCAAuthenticationData, "confirmationCode": body.ConfirmationCode,
	} {
		if s != nil && *s == "" {
			return body, nil, malformed(path, "is empty")
		}
	}
	if id := body.AuthenticationMethodID; id != nil && len(*id) > 35 {
		return body, nil, malformed("authenticationMethodId", "has more than 35 characters")
	}
	if p := body.PSUData; p != nil && p.Password == nil && p.EncryptedPassword == nil && p.AdditionalPassword == nil && p.AdditionalEncryptedPassword == nil {
		return body, nil, malformed("psuData", "has no password")
	}
	return body, text, nil
}

// steps counts the steps that b wants to take at once.
func (b psuDataUpdate) steps() (n int) {
	for _, given := range []bool{b.PSUData != nil, b.AuthenticationMethodID != nil, b.SCAAuthenticationData != nil, b.ConfirmationCode != nil} {
		if given {
			n++
		}
	}
	return n
}

// check refuses the steps that are not offered.
func (b psuDataUpdate) check() error {
	if b.steps() > 0 {
		return authorisation.ErrNotOffered
	}
	return nil
}

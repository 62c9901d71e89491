package xs2a

import (
	"net/http"

	"kontor/bank/authorisation"
	"kontor/bank/basket"
	"kontor/kit/eidas"
)

// basketRequest is what a TPP sends to have payments and consents authorised together.
//
// spec: xs2a/basketRequest
type basketRequest struct {
	PaymentIDs []string `json:"paymentIds,omitempty" minItems:"1" doc:"Payments whose authorisation was not started."`
	ConsentIDs []string `json:"consentIds,omitempty" minItems:"1" doc:"Consents whose authorisation was not started."`
}

// basketCreated answers the creation of a signing basket.
//
// spec: xs2a/basketCreated
type basketCreated struct {
	TransactionStatus string `json:"transactionStatus" enum:"RCVD,PATC,ACTC,ACSC,RJCT,CANC"`
	BasketID          string `json:"basketId"`
	Links             links  `json:"_links"`
}

// basketInformation is a signing basket as it stands.
//
// spec: xs2a/basketInformation
type basketInformation struct {
	Payments          []string `json:"payments,omitempty"`
	Consents          []string `json:"consents,omitempty"`
	TransactionStatus string   `json:"transactionStatus" enum:"RCVD,PATC,ACTC,ACSC,RJCT,CANC"`
	Links             links    `json:"_links"`
}

// basketStatusAnswer is the status of a signing basket.
type basketStatusAnswer struct {
	TransactionStatus string `json:"transactionStatus" enum:"RCVD,PATC,ACTC,ACSC,RJCT,CANC"`
}

// spec: xs2a/createSigningBasket
func (a *API) createBasket(c *call) (answer, error) {
	var body basketRequest
	text, err := c.readText(&body)
	if err != nil {
		return answer{}, err
	}
	if err := c.mayHold(body.PaymentIDs != nil, body.ConsentIDs != nil); err != nil {
		return answer{}, err
	}
	wish, err := a.notification(c, c.w.Header())
	if err != nil {
		return answer{}, err
	}
	k, err := a.Baskets.Create(c.Context(), a.Bank, c.tpp, basket.Creation{
		Request: basket.Request{Payments: plainIDs(body.PaymentIDs), Consents: plainIDs(body.ConsentIDs)}, RequestID: c.requestID, Body: compacted(text), Notification: wish,
	})
	if err != nil {
		return answer{}, err
	}
	self := a.basketLink(k)
	l, err := a.basketLinks(c, k)
	l.Self, l.Status = &self, ptr(a.basketLink(k, "status"))
	return answer{status: http.StatusCreated, header: http.Header{"Location": {self.Href}}, body: basketCreated{
		TransactionStatus: string(k.Status), BasketID: k.ID, Links: l,
	}}, err
}

// plainIDs empties those of ids that cannot be identifiers of ours: they are as unknown as others.
func plainIDs(ids []string) []string {
	for i, id := range ids {
		ids[i] = plainID(id)
	}
	return ids
}

// mayHold checks that the caller has the role for what a basket holds, and, where a log-in
// came before, that it was for that.
func (c *call) mayHold(payments, consents bool) error {
	login := c.bearer.Payments || c.bearer.Accounts
	for _, kind := range []struct {
		held, opened bool
		role         role
	}{{payments, c.bearer.Payments, eidas.PI}, {consents, c.bearer.Accounts, eidas.AI}} {
		if !kind.held {
			continue
		}
		if err := c.tpp.May(kind.role); err != nil {
			return err
		}
		if login && !kind.opened {
			return errTokenScope
		}
	}
	return nil
}

// basketLink links to k, or to path below it.
func (a *API) basketLink(k basket.Basket, path ...string) href {
	return a.link(append([]string{"signing-baskets", k.ID}, path...)...)
}

// basketLinks leads to the authorisation of k, or to where it is started.
func (a *API) basketLinks(c *call, k basket.Basket) (l links, err error) {
	if k.Status != basket.Received && k.Status != basket.PartiallyAuthorised {
		return l, nil
	}
	all, err := a.Authorisations.List(c.Context(), a.Bank.Code, authorisation.OfBasket, k.ID)
	if n := len(all); err == nil && n > 0 && !all[n-1].Status.Final() {
		a.scaLinks(&l, http.Header{}, all[n-1], a.basketLink(k, toAuthorisations, all[n-1].ID))
		return l, nil
	}
	l.StartAuthorisation = ptr(a.basketLink(k, toAuthorisations))
	return l, err
}

// spec: xs2a/getSigningBasket
func (a *API) getBasket(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	l, err := a.basketLinks(c, k)
	return answer{status: http.StatusOK, body: basketInformation{Payments: k.Payments, Consents: k.Consents, TransactionStatus: string(k.Status), Links: l}}, err
}

// spec: xs2a/getSigningBasketStatus
func (a *API) getBasketStatus(c *call) (answer, error) {
	k, err := a.basket(c)
	return answer{status: http.StatusOK, body: basketStatusAnswer{string(k.Status)}}, err
}

// spec: xs2a/deleteSigningBasket
func (a *API) deleteBasket(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, a.Baskets.Delete(c.Context(), a.Bank, c.tpp, k.ID, c.requestID)
}

// basket returns the basket in the path.
func (a *API) basket(c *call) (basket.Basket, error) {
	k, err := a.Baskets.Get(c.Context(), a.Bank, c.tpp.ID, c.id("basketId"))
	if err != nil {
		return basket.Basket{}, err
	}
	return k, c.mayHold(len(k.Payments) > 0, len(k.Consents) > 0)
}

// spec: xs2a/startSigningBasketAuthorisation
func (a *API) startBasketAuthorisation(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	body, text, err := a.startingStep(c)
	if err != nil {
		return answer{}, err
	}
	start, warnings, err := a.paymentStart(c, compacted(text), true)
	if err != nil {
		return answer{}, err
	}
	auth, err := a.Baskets.StartAuthorisation(c.Context(), a.Bank, c.tpp, k.ID, start)
	if err != nil {
		return answer{}, err
	}
	return a.started(c, auth, body, start.SCA, a.basketLink(k, toAuthorisations, auth.ID), warnings)
}

// spec: xs2a/getSigningBasketAuthorisation
func (a *API) getBasketAuthorisations(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	return a.authorisations(c, authorisation.OfBasket, k.ID)
}

// spec: xs2a/getSigningBasketScaStatus
func (a *API) getBasketSCAStatus(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	return a.scaStatus(c, authorisation.OfBasket, k.ID, func(id string) href { return a.basketLink(k, toAuthorisations, id) })
}

// spec: xs2a/updateSigningBasketPsuData
func (a *API) updateBasketPSUData(c *call) (answer, error) {
	k, err := a.basket(c)
	if err != nil {
		return answer{}, err
	}
	return a.updatePSUData(c, authorisation.OfBasket, k.ID, func(id string) href { return a.basketLink(k, toAuthorisations, id) })
}

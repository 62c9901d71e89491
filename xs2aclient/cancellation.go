package xs2aclient

import (
	"context"
	"net/http"
	"strconv"
)

// Preferences are what a TPP may ask for beside what it creates. Banks may ignore them.
type Preferences struct {
	// Redirect and Decoupled say whether the PSU should authenticate on the bank's pages, or on
	// a device of hers; nil: not said. With neither of them she stays at the TPP.
	Redirect, Decoupled *bool
	// ExplicitAuthorisation leaves the start of SCA to the TPP: StartPaymentAuthorisation, or
	// StartCancellation where a payment is cancelled.
	ExplicitAuthorisation bool
	// RejectNoFunds has a payment without cover rejected at once.
	RejectNoFunds bool
}

// WithPreferences returns a copy that asks for p.
func (c *Client) WithPreferences(p Preferences) *Client {
	d := *c
	d.preferences = p
	return &d
}

// approached are the headers that say how the PSU should authenticate, and come back.
func (c *Client) approached(to Redirects) map[string]string {
	h := to.headers()
	for name, said := range map[string]*bool{"TPP-Redirect-Preferred": c.preferences.Redirect, "TPP-Decoupled-Preferred": c.preferences.Decoupled} {
		if said != nil {
			h[name] = strconv.FormatBool(*said)
		}
	}
	return h
}

// preferred are those of the creation of something that the PSU has to authorise.
func (c *Client) preferred(to Redirects) map[string]string {
	h := c.approached(to)
	if c.preferences.ExplicitAuthorisation {
		h["TPP-Explicit-Authorisation-Preferred"] = "true"
	}
	if c.preferences.RejectNoFunds {
		h["TPP-Rejection-NoFunds-Preferred"] = "true"
	}
	return h
}

// A Cancellation answers CancelPayment.
type Cancellation struct {
	Done              bool   `json:"-"` // otherwise the PSU has to authorise it, as Links say
	TransactionStatus string `json:"transactionStatus"`
	SCAStatus         string `json:"scaStatus"`
	Offer
	Links       Links     `json:"_links"`
	PSUMessage  string    `json:"psuMessage"`
	Messages    []Message `json:"tppMessages"`
	SCAApproach string    `json:"-"` // ASPSP-SCA-Approach
}

// CancelPayment cancels a payment that is not executed yet, or those of a standing order that
// are to come.
func (c *Client) CancelPayment(ctx context.Context, id PaymentID, to Redirects) (w Cancellation, err error) {
	h, err := c.do(ctx, request{operation: "CancelPayment", method: http.MethodDelete, url: c.at(id.Service, id.Product, id.ID), headers: c.preferred(to)}, &w)
	w.Done, w.SCAApproach = err == nil && w.TransactionStatus == "", h.Get("ASPSP-SCA-Approach")
	return w, err
}

// StartPaymentAuthorisation begins SCA of a payment that was created without.
func (c *Client) StartPaymentAuthorisation(ctx context.Context, id PaymentID, to Redirects) (AuthorisationStarted, error) {
	return c.startAuthorisation(ctx, c.at(id.Service, id.Product, id.ID, "authorisations"), to)
}

// StartCancellation begins SCA of a cancellation, where CancelPayment has not done so or the
// PSU did not finish.
func (c *Client) StartCancellation(ctx context.Context, id PaymentID, to Redirects) (AuthorisationStarted, error) {
	return c.startAuthorisation(ctx, c.at(id.Service, id.Product, id.ID, "cancellation-authorisations"), to)
}

// Cancellations lists the IDs of the authorisations of a payment's cancellation.
func (c *Client) Cancellations(ctx context.Context, id PaymentID) ([]string, error) {
	var w struct {
		AuthorisationIDs []string `json:"authorisationIds"`
	}
	err := c.get(ctx, "Cancellations", c.at(id.Service, id.Product, id.ID, "cancellation-authorisations"), &w)
	return w.AuthorisationIDs, err
}

package xs2aclient

import (
	"context"
	"net/http"
)

// A BasketRequest names what the PSU is to authorise at once: payments and consents whose SCA
// has not begun (Preferences.ExplicitAuthorisation).
type BasketRequest struct {
	PaymentIDs []string `json:"paymentIds,omitempty"`
	ConsentIDs []string `json:"consentIds,omitempty"`
}

// A BasketCreated answers CreateBasket.
type BasketCreated struct {
	TransactionStatus string    `json:"transactionStatus"`
	BasketID          string    `json:"basketId"`
	Links             Links     `json:"_links"`
	Messages          []Message `json:"tppMessages"`
}

// A Basket is a signing basket as it stands.
type Basket struct {
	Payments          []string `json:"payments"`
	Consents          []string `json:"consents"`
	TransactionStatus string   `json:"transactionStatus"`
	Links             Links    `json:"_links"`
}

// CreateBasket puts payments and consents together. None of them can be authorised alone any
// more, until the basket is deleted.
func (c *Client) CreateBasket(ctx context.Context, r BasketRequest, to Redirects) (created BasketCreated, err error) {
	_, err = c.do(ctx, request{operation: "CreateBasket", method: http.MethodPost, url: c.at("signing-baskets"), headers: to.headers(), body: r}, &created)
	return created, err
}

// StartBasketAuthorisation begins SCA of everything in a basket.
func (c *Client) StartBasketAuthorisation(ctx context.Context, basketID string, to Redirects) (AuthorisationStarted, error) {
	return c.startAuthorisation(ctx, c.at("signing-baskets", basketID, "authorisations"), to)
}

// Basket reads a signing basket.
func (c *Client) Basket(ctx context.Context, basketID string) (b Basket, err error) {
	return b, c.get(ctx, "Basket", c.at("signing-baskets", basketID), &b)
}

// DeleteBasket takes a basket apart whose SCA has not begun.
func (c *Client) DeleteBasket(ctx context.Context, basketID string) error {
	_, err := c.do(ctx, request{operation: "DeleteBasket", method: http.MethodDelete, url: c.at("signing-baskets", basketID)}, nil)
	return err
}

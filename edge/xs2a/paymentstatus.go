package xs2a

import (
	"net/http"

	"kontor/bank/authorisation"
	"kontor/bank/payment"
)

// paymentStatusAnswer is the status of a payment.
type paymentStatusAnswer struct {
	TransactionStatus string       `json:"transactionStatus"`
	FundsAvailable    *bool        `json:"fundsAvailable,omitempty" doc:"Present when the bank has checked, and until the payment is executed."`
	PSUMessage        string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages       []tppMessage `json:"tppMessages,omitempty"`
}

// spec: xs2a/getPaymentInitiationStatus
func (a *API) getPaymentStatus(c *call) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	if xml, err := wantsXML(c, p.Product); err != nil {
		return answer{}, err
	} else if xml {
		return a.statusReport(c)
	}
	body := paymentStatusAnswer{TransactionStatus: string(p.Status), TPPMessages: payeeMessages(p)}
	if p.FundsTold() {
		body.FundsAvailable = p.FundsAvailable
	}
	if body.PSUMessage, err = a.psuMessage(c, p); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// psuMessage returns what there is for the PSU while p waits for her.
func (a *API) psuMessage(c *call, p payment.Payment) (string, error) {
	if !p.Status.Initial() && p.Status != payment.Pending && p.Status != payment.PartiallyAuthorised {
		return "", nil
	}
	all, err := a.Authorisations.List(c.Context(), a.Bank.Code, authorisation.OfPayment, p.ID)
	if err != nil || len(all) == 0 {
		return withPayeeWarning(p, ""), err
	}
	last := all[len(all)-1]
	if p.Status == payment.PartiallyAuthorised && last.Status.Final() {
		return "", nil // it was for somebody who is done
	}
	return withPayeeWarning(p, last.PSUMessage), nil
}

// wholePayment returns the payment in the path, with all that was sent.
func (a *API) wholePayment(c *call) (payment.Payment, error) {
	return a.Payments.Get(c.Context(), a.Bank, c.tpp.ID, c.service, c.PathValue("paymentProduct"), c.id("paymentId"))
}

// payment returns the payment in the path, in outline.
func (a *API) payment(c *call) (payment.Payment, error) {
	return a.Payments.Status(c.Context(), a.Bank, c.tpp.ID, c.service, c.PathValue("paymentProduct"), c.id("paymentId"))
}

package xs2a

import (
	"net/http"

	"kontor/bank/payment"
)

// paymentCancelled answers a cancellation that the PSU has to authorise first.
//
// spec: xs2a/paymentCancelled
type paymentCancelled struct {
	TransactionStatus string `json:"transactionStatus"`
	SCAStatus         string `json:"scaStatus,omitempty" since:"1.3.9"`
	scaOffer
	Links       links        `json:"_links"`
	PSUMessage  string       `json:"psuMessage,omitempty" since:"1.3.9" maxLength:"500"`
	TPPMessages []tppMessage `json:"tppMessages,omitempty" since:"1.3.9"`
}

// spec: xs2a/cancelPayment
func (a *API) cancelPayment(c *call) (answer, error) {
	explicit, err := a.explicit(c)
	if err != nil {
		return answer{}, err
	}
	// What was not authorised yet is cancelled at once: no PSU goes anywhere then.
	start, warnings, err := a.paymentStart(c, nil, false)
	if err != nil {
		return answer{}, err
	}
	start.Explicit = explicit
	p, auth, err := a.Payments.Cancel(c.Context(), a.Bank, c.tpp, c.service, c.PathValue("paymentProduct"), c.id("paymentId"), start)
	switch {
	case err != nil:
		return answer{}, err
	case auth == nil && p.Status == payment.Cancelled:
		return answer{status: http.StatusNoContent}, nil
	}
	w := paymentCancelled{TransactionStatus: string(p.Status), TPPMessages: warnings}
	h := http.Header{}
	if auth == nil {
		a.startLinks(&w.Links, c, start.SCA, a.paymentLink(p, toCancellationAuthorisations))
	} else {
		w.SCAStatus, w.PSUMessage, w.scaOffer = string(auth.Status), auth.PSUMessage, offer(*auth)
		a.scaLinks(&w.Links, h, *auth, a.paymentLink(p, toCancellationAuthorisations, auth.ID))
	}
	return answer{status: http.StatusAccepted, header: h, body: w}, nil
}

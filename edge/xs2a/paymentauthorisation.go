package xs2a

import (
	"context"

	"kontor/bank/authorisation"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// Where the authorisations of a payment are, below it, and those of its cancellation.
const (
	toAuthorisations             = "authorisations"
	toCancellationAuthorisations = "cancellation-authorisations"
)

// spec: xs2a/startPaymentAuthorisation
func (a *API) startPaymentAuthorisation(c *call) (answer, error) {
	return a.startSCA(c, toAuthorisations, a.Payments.StartAuthorisation)
}

// spec: xs2a/startPaymentInitiationCancellationAuthorisation
func (a *API) startCancellationAuthorisation(c *call) (answer, error) {
	return a.startSCA(c, toCancellationAuthorisations, a.Payments.StartCancellation)
}

// A starting is how the rules begin SCA of a payment, or of its cancellation.
type starting func(ctx context.Context, b profile.Bank, t tpp.TPP, service, product, id string, r payment.Start) (authorisation.Authorisation, error)

// startSCA begins SCA by begin; the authorisation is at path below the payment.
func (a *API) startSCA(c *call, path string, begin starting) (answer, error) {
	p, err := a.payment(c)
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
	auth, err := begin(c.Context(), a.Bank, c.tpp, p.Service, p.Product, p.ID, start)
	if err != nil {
		return answer{}, err
	}
	return a.started(c, auth, body, start.SCA, a.paymentLink(p, path, auth.ID), warnings)
}

// spec: xs2a/getPaymentInitiationAuthorisation
func (a *API) getPaymentAuthorisations(c *call) (answer, error) {
	return a.listSCA(c, authorisation.OfPayment)
}

// spec: xs2a/getPaymentInitiationCancellationAuthorisationInformation
func (a *API) getCancellationAuthorisations(c *call) (answer, error) {
	return a.listSCA(c, authorisation.OfCancellation)
}

func (a *API) listSCA(c *call, kind authorisation.Kind) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	return a.authorisations(c, kind, p.ID)
}

// spec: xs2a/getPaymentInitiationScaStatus
func (a *API) getPaymentSCAStatus(c *call) (answer, error) {
	return a.readSCA(c, toAuthorisations, authorisation.OfPayment)
}

// spec: xs2a/getPaymentCancellationScaStatus
func (a *API) getCancellationSCAStatus(c *call) (answer, error) {
	return a.readSCA(c, toCancellationAuthorisations, authorisation.OfCancellation)
}

func (a *API) readSCA(c *call, path string, kind authorisation.Kind) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	return a.scaStatus(c, kind, p.ID, func(id string) href { return a.paymentLink(p, path, id) })
}

// spec: xs2a/updatePaymentPsuData
func (a *API) updatePaymentPSUData(c *call) (answer, error) {
	return a.identifyPSU(c, toAuthorisations, authorisation.OfPayment)
}

// spec: xs2a/updatePaymentCancellationPsuData
func (a *API) updateCancellationPSUData(c *call) (answer, error) {
	return a.identifyPSU(c, toCancellationAuthorisations, authorisation.OfCancellation)
}

func (a *API) identifyPSU(c *call, path string, kind authorisation.Kind) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	return a.updatePSUData(c, kind, p.ID, func(id string) href { return a.paymentLink(p, path, id) })
}

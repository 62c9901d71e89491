package xs2a

import (
	"strings"

	"kontor/bank/profile"
	"kontor/kit/eidas"
)

type role = eidas.Role

// A service decides which message codes an operation may answer with.
type service string

const (
	ais  service = "AIS"
	pis  service = "PIS"
	piis service = "PIIS"
	sbs  service = "SBS" // signing baskets have codes of their own, and are part of PIS else
)

// A tokenUse says for what an operation needs an access token, where the profile has OAuth.
type tokenUse int

const (
	noToken       tokenUse = iota
	tokenToCreate          // with OAuth as a step before
	tokenToRead            // with OAuth integrated
)

// An operation is one request that a TPP can make. The table of them routes requests and
// makes the OpenAPI document, so neither can know what the other does not.
type operation struct {
	id, method, path, summary string
	service                   service
	codes                     service // whose message codes it answers with; "": service's
	roles                     []role  // one of them is needed
	token                     tokenUse
	psuIP                     bool // PSU-IP-Address is mandatory
	many                      bool // the body may hold many payments
	offered                   func(profile.Profile) bool
	do                        func(*API, *call) (answer, error)
	pain                      string      // what of ISO 20022 the bank's products in XML send or answer here
	params                    []parameter // beside the path's and the common headers
	body                      any         // wire type of the request
	status                    int         // when all is well
	answer                    any         // wire type of the answer
	accepted                  any         // wire type of the answer when there is more to be done; nil: there never is
}

// A parameter is a header or query parameter.
type parameter struct {
	in, name, doc, format string
	required              bool
}

var (
	consentIDHeader = parameter{"header", "Consent-ID", "The consent under which this is read.", "", true}
	withBalance     = parameter{"query", "withBalance", "Show balances, as far as the consent allows and the bank offers it here.", "boolean", false}
	redirectHeaders = append([]parameter{
		{"header", "TPP-Redirect-URI", "Where the PSU goes after SCA. Mandatory for a plain redirect.", "uri", false},
		{"header", "TPP-Nok-Redirect-URI", "Where the PSU goes instead when SCA fails or is refused.", "uri", false},
		{"header", "TPP-Brand-Logging-Information", "The brand that the PSU knows; it is shown to her.", "", false},
		{"header", "TPP-Redirect-Preferred", "true or false: whether the PSU should go to the bank's pages.", "boolean", false},
		{"header", "TPP-Decoupled-Preferred", "true or false: whether the PSU should use a device of hers.", "boolean", false},
	}, append(psuHeaders, notificationHeaders...)...)
	// startHeaders say how a TPP wants SCA to begin.
	startHeaders = append([]parameter{
		{"header", "TPP-Explicit-Authorisation-Preferred", "true: no authorisation is begun yet; the TPP does so itself.", "boolean", false},
	}, redirectHeaders...)
	psuHeaders = []parameter{
		{"header", "PSU-ID", "Who the PSU is at her bank.", "", false},
		{"header", "PSU-ID-Type", "What PSU-ID is, where the bank knows several.", "", false},
		{"header", "PSU-Corporate-ID-Type", "What PSU-Corporate-ID is, where the bank knows several.", "", false},
	}
	// reportParameters narrow a list of entries.
	reportParameters = []parameter{
		{"query", "dateFrom", "First booking day. It is needed, unless the report begins at an entry.", "date", false},
		{"query", "dateTo", "Last booking day; today where it is missing.", "date", false},
		{"query", "entryReferenceFrom", "Only entries newer than the one with this entryReference.", "", false},
		{"query", "deltaList", "Only entries newer than those of the last such report.", "boolean", false},
		{"query", "cursor", "Stands in the links to other pages; opaque.", "", false},
	}
	toReadAccounts = []role{eidas.AI}
	// Consents may be of either kind; createConsent looks again, once it knows.
	toHoldConsents = []role{eidas.AI, eidas.IC}
	toPay          = []role{eidas.PI}
	toConfirmFunds = []role{eidas.IC}
	// Baskets may hold either; each operation looks again, once it knows.
	toSign = []role{eidas.PI, eidas.AI}
)

// operations lists every operation of the interface.
var operations = []operation{
	{id: "createConsent", method: "POST", path: "/v1/consents", summary: "Ask for a consent", service: ais, roles: toHoldConsents, token: tokenToCreate, psuIP: true,
		do: (*API).createConsent, params: startHeaders, body: consentRequest{}, status: 201, answer: consentCreated{}},
	{id: "getConsentInformation", method: "GET", path: "/v1/consents/{consentId}", summary: "Read a consent", service: ais, roles: toHoldConsents,
		do: (*API).getConsent, status: 200, answer: consentInformation{}},
	{id: "deleteConsent", method: "DELETE", path: "/v1/consents/{consentId}", summary: "End a consent", service: ais, roles: toHoldConsents,
		do: (*API).deleteConsent, status: 204},
	{id: "getConsentStatus", method: "GET", path: "/v1/consents/{consentId}/status", summary: "Read the status of a consent", service: ais, roles: toHoldConsents,
		do: (*API).getConsentStatus, status: 200, answer: consentStatusAnswer{}},
	{id: "getConsentAuthorisation", method: "GET", path: "/v1/consents/{consentId}/authorisations", summary: "List the authorisations of a consent", service: ais, roles: toHoldConsents,
		do: (*API).getConsentAuthorisations, status: 200, answer: authorisationList{}},
	{id: "getConsentScaStatus", method: "GET", path: "/v1/consents/{consentId}/authorisations/{authorisationId}", summary: "Read how far SCA has come", service: ais, roles: toHoldConsents,
		do: (*API).getConsentSCAStatus, status: 200, answer: scaStatusAnswer{}},
	{id: "startConsentAuthorisation", method: "POST", path: "/v1/consents/{consentId}/authorisations", summary: "Authorise a consent again", service: ais, roles: toHoldConsents, token: tokenToCreate,
		do: (*API).startConsentAuthorisation, params: redirectHeaders, body: psuDataUpdate{}, status: 201, answer: authorisationStarted{}},
	{id: "updateConsentsPsuData", method: "PUT", path: "/v1/consents/{consentId}/authorisations/{authorisationId}", summary: "Take a step of SCA", service: ais, roles: toHoldConsents,
		do: (*API).updateConsentPSUData, params: psuHeaders, body: psuDataUpdate{}, status: 200, answer: psuDataAnswer{}},

	{id: "getAccountList", method: "GET", path: "/v1/accounts", summary: "List accounts", service: ais, roles: toReadAccounts, token: tokenToRead,
		do: (*API).getAccounts, params: []parameter{consentIDHeader, withBalance}, status: 200, answer: accountList{}},
	{id: "readAccountDetails", method: "GET", path: "/v1/accounts/{accountId}", summary: "Read one account", service: ais, roles: toReadAccounts, token: tokenToRead,
		do: (*API).getAccount, params: []parameter{consentIDHeader, withBalance}, status: 200, answer: accountAnswer{}},
	{id: "getBalances", method: "GET", path: "/v1/accounts/{accountId}/balances", summary: "Read the balances of an account", service: ais, roles: toReadAccounts, token: tokenToRead,
		do: (*API).getBalances, params: []parameter{consentIDHeader}, status: 200, answer: balancesAnswer{}},
	{id: "getTransactionList", method: "GET", path: "/v1/accounts/{accountId}/transactions", summary: "Read the transactions of an account", service: ais, roles: toReadAccounts, token: tokenToRead,
		do: (*API).getTransactions, params: append([]parameter{
			consentIDHeader,
			{"query", "bookingStatus", "Which entries: booked, pending, both; information for standing orders, all for everything.", "", true},
		}, append(reportParameters,
			parameter{"query", "withBalance", "Show balances beside the entries, as far as the consent allows and the bank offers it here.", "boolean", false},
			parameter{"query", "pageIndex", "0 is the first page. Follow the links rather than counting.", "integer", false},
			parameter{"query", "itemsPerPage", "How many entries a page has.", "integer", false})...), status: 200, answer: transactionList{}},
	{id: "getTransactionDetails", method: "GET", path: "/v1/accounts/{accountId}/transactions/{transactionId}", summary: "Read one transaction", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: func(p profile.Profile) bool { return p.Accounts.TransactionDetails },
		do:      (*API).getTransaction, params: []parameter{consentIDHeader}, status: 200, answer: transactionAnswer{}},
	{id: "getTransactionDownload", method: "GET", path: "/v1/accounts/{accountId}/transactions/download/{downloadId}", summary: "Download a whole report", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: func(p profile.Profile) bool { return p.Accounts.Downloads },
		do:      (*API).downloadTransactions, params: []parameter{consentIDHeader}, status: 200, answer: transactionList{}},

	{id: "getCardAccountList", method: "GET", path: "/v1/card-accounts", summary: "List card accounts", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: cardsOn,
		do:      (*API).getCardAccounts, params: []parameter{consentIDHeader, withBalance}, status: 200, answer: cardAccountList{}},
	{id: "ReadCardAccount", method: "GET", path: "/v1/card-accounts/{accountId}", summary: "Read one card account", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: cardsOn,
		do:      (*API).getCardAccount, params: []parameter{consentIDHeader, withBalance}, status: 200, answer: cardAccountAnswer{}},
	{id: "getCardAccountBalances", method: "GET", path: "/v1/card-accounts/{accountId}/balances", summary: "Read the balances of a card account", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: cardsOn,
		do:      (*API).getCardBalances, params: []parameter{consentIDHeader}, status: 200, answer: cardBalancesAnswer{}},
	{id: "getCardAccountTransactionList", method: "GET", path: "/v1/card-accounts/{accountId}/transactions", summary: "Read the transactions of a card account", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: cardsOn,
		do:      (*API).getCardTransactions, params: append([]parameter{
			consentIDHeader,
			{"query", "bookingStatus", "Which entries: booked, pending or both.", "", true},
		}, reportParameters...), status: 200, answer: cardTransactionList{}},

	{id: "getTrustedBeneficiaries", method: "GET", path: "/v1/trusted-beneficiaries", summary: "List trusted beneficiaries", service: ais, roles: toReadAccounts, token: tokenToRead,
		offered: func(p profile.Profile) bool { return p.Accounts.TrustedBeneficiaries },
		do:      (*API).getTrustedBeneficiaries, params: []parameter{consentIDHeader, {"query", "account-id", "Only those of this account (resourceId).", "", false}}, status: 200, answer: trustedBeneficiaryList{}},

	{id: "initiatePayment", method: "POST", path: toPayments, summary: "Initiate a payment", service: pis, roles: toPay, token: tokenToCreate, psuIP: true, many: true,
		offered: paymentsOn,
		do:      (*API).createPayment, params: append([]parameter{
			{"header", "TPP-Rejection-NoFunds-Preferred", "true: what has no cover is rejected at once, where the bank can.", "boolean", false},
		}, startHeaders...), body: paymentRequests, pain: "pain.001", status: 201, answer: paymentCreated{}},
	{id: "getPaymentInformation", method: "GET", path: toPayments + "/{paymentId}", summary: "Read a payment", service: pis, roles: toPay,
		offered: paymentsOn,
		do:      (*API).getPayment, pain: "pain.001", status: 200, answer: paymentAnswers},
	{id: "getPaymentInitiationStatus", method: "GET", path: toPayments + "/{paymentId}/status", summary: "Read the status of a payment", service: pis, roles: toPay,
		offered: paymentsOn,
		do:      (*API).getPaymentStatus, pain: "pain.002", status: 200, answer: paymentStatusAnswer{}},
	{id: "getPaymentInitiationAuthorisation", method: "GET", path: toPayments + "/{paymentId}/authorisations", summary: "List the authorisations of a payment", service: pis, roles: toPay,
		offered: paymentsOn,
		do:      (*API).getPaymentAuthorisations, status: 200, answer: authorisationList{}},
	{id: "getPaymentInitiationScaStatus", method: "GET", path: toPayments + "/{paymentId}/authorisations/{authorisationId}", summary: "Read how far SCA has come", service: pis, roles: toPay,
		offered: paymentsOn,
		do:      (*API).getPaymentSCAStatus, status: 200, answer: scaStatusAnswer{}},
	{id: "startPaymentAuthorisation", method: "POST", path: toPayments + "/{paymentId}/authorisations", summary: "Authorise a payment", service: pis, roles: toPay, token: tokenToCreate,
		offered: paymentsOn,
		do:      (*API).startPaymentAuthorisation, params: redirectHeaders, body: psuDataUpdate{}, status: 201, answer: authorisationStarted{}},
	{id: "updatePaymentPsuData", method: "PUT", path: toPayments + "/{paymentId}/authorisations/{authorisationId}", summary: "Take a step of SCA", service: pis, roles: toPay,
		offered: paymentsOn,
		do:      (*API).updatePaymentPSUData, params: psuHeaders, body: psuDataUpdate{}, status: 200, answer: psuDataAnswer{}},
	{id: "cancelPayment", method: "DELETE", path: toPayments + "/{paymentId}", summary: "Cancel a payment, or what of it is to come", service: pis, roles: toPay,
		offered: cancellationOn,
		do:      (*API).cancelPayment, params: startHeaders, status: 204, accepted: paymentCancelled{}},
	{id: "startPaymentInitiationCancellationAuthorisation", method: "POST", path: toPayments + "/{paymentId}/cancellation-authorisations", summary: "Authorise a cancellation", service: pis, roles: toPay, token: tokenToCreate,
		offered: cancellationOn,
		do:      (*API).startCancellationAuthorisation, params: redirectHeaders, body: psuDataUpdate{}, status: 201, answer: authorisationStarted{}},
	{id: "getPaymentInitiationCancellationAuthorisationInformation", method: "GET", path: toPayments + "/{paymentId}/cancellation-authorisations", summary: "List the authorisations of a cancellation", service: pis, roles: toPay,
		offered: cancellationOn,
		do:      (*API).getCancellationAuthorisations, status: 200, answer: authorisationList{}},
	{id: "getPaymentCancellationScaStatus", method: "GET", path: toPayments + "/{paymentId}/cancellation-authorisations/{authorisationId}", summary: "Read how far SCA has come", service: pis, roles: toPay,
		offered: cancellationOn,
		do:      (*API).getCancellationSCAStatus, status: 200, answer: scaStatusAnswer{}},
	{id: "updatePaymentCancellationPsuData", method: "PUT", path: toPayments + "/{paymentId}/cancellation-authorisations/{authorisationId}", summary: "Take a step of SCA", service: pis, roles: toPay,
		offered: cancellationOn,
		do:      (*API).updateCancellationPSUData, params: psuHeaders, body: psuDataUpdate{}, status: 200, answer: psuDataAnswer{}},

	{id: "createSigningBasket", method: "POST", path: baskets, summary: "Have payments and consents authorised together", service: pis, codes: sbs, roles: toSign, token: tokenToCreate, psuIP: true,
		offered: basketsOn,
		do:      (*API).createBasket, params: notificationHeaders, body: basketRequest{}, status: 201, answer: basketCreated{}},
	{id: "getSigningBasket", method: "GET", path: baskets + "/{basketId}", summary: "Read a signing basket", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).getBasket, status: 200, answer: basketInformation{}},
	{id: "deleteSigningBasket", method: "DELETE", path: baskets + "/{basketId}", summary: "Dissolve a signing basket", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).deleteBasket, status: 204},
	{id: "getSigningBasketStatus", method: "GET", path: baskets + "/{basketId}/status", summary: "Read the status of a signing basket", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).getBasketStatus, status: 200, answer: basketStatusAnswer{}},
	{id: "startSigningBasketAuthorisation", method: "POST", path: baskets + "/{basketId}/authorisations", summary: "Authorise a signing basket", service: pis, codes: sbs, roles: toSign, token: tokenToCreate,
		offered: basketsOn,
		do:      (*API).startBasketAuthorisation, params: redirectHeaders, body: psuDataUpdate{}, status: 201, answer: authorisationStarted{}},
	{id: "getSigningBasketAuthorisation", method: "GET", path: baskets + "/{basketId}/authorisations", summary: "List the authorisations of a signing basket", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).getBasketAuthorisations, status: 200, answer: authorisationList{}},
	{id: "getSigningBasketScaStatus", method: "GET", path: baskets + "/{basketId}/authorisations/{authorisationId}", summary: "Read how far SCA has come", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).getBasketSCAStatus, status: 200, answer: scaStatusAnswer{}},
	{id: "updateSigningBasketPsuData", method: "PUT", path: baskets + "/{basketId}/authorisations/{authorisationId}", summary: "Take a step of SCA", service: pis, codes: sbs, roles: toSign,
		offered: basketsOn,
		do:      (*API).updateBasketPSUData, params: psuHeaders, body: psuDataUpdate{}, status: 200, answer: psuDataAnswer{}},

	{id: "createConsentConfirmationOfFunds", method: "POST", path: fundsConsents, summary: "Ask for a consent to confirm funds", service: piis, codes: ais, roles: toConfirmFunds, token: tokenToCreate,
		offered: fundsConsentsOn,
		do:      (*API).createFundsConsent, params: startHeaders, body: fundsConsentRequest{}, status: 201, answer: consentCreated{}},
	{id: "getConsentConfirmationOfFunds", method: "GET", path: fundsConsents + "/{consentId}", summary: "Read a consent to confirm funds", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).getFundsConsent, status: 200, answer: fundsConsentInformation{}},
	{id: "deleteConsentConfirmationOfFunds", method: "DELETE", path: fundsConsents + "/{consentId}", summary: "End a consent to confirm funds", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).deleteFundsConsent, status: 204},
	{id: "getConsentConfirmationOfFundsStatus", method: "GET", path: fundsConsents + "/{consentId}/status", summary: "Read the status of a consent to confirm funds", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).getFundsConsentStatus, status: 200, answer: consentStatusAnswer{}},
	{id: "getConsentConfirmationOfFundsAuthorisation", method: "GET", path: fundsConsents + "/{consentId}/authorisations", summary: "List the authorisations of a consent to confirm funds", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).getFundsConsentAuthorisations, status: 200, answer: authorisationList{}},
	{id: "getConsentConfirmationOfFundsScaStatus", method: "GET", path: fundsConsents + "/{consentId}/authorisations/{authorisationId}", summary: "Read how far SCA has come", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).getFundsConsentSCAStatus, status: 200, answer: scaStatusAnswer{}},
	{id: "startConsentConfirmationOfFundsAuthorisation", method: "POST", path: fundsConsents + "/{consentId}/authorisations", summary: "Authorise a consent to confirm funds again", service: piis, codes: ais, roles: toConfirmFunds, token: tokenToCreate,
		offered: fundsConsentsOn,
		do:      (*API).startFundsConsentAuthorisation, params: redirectHeaders, body: psuDataUpdate{}, status: 201, answer: authorisationStarted{}},
	{id: "updateConsentConfirmationOfFundsPsuData", method: "PUT", path: fundsConsents + "/{consentId}/authorisations/{authorisationId}", summary: "Take a step of SCA", service: piis, codes: ais, roles: toConfirmFunds,
		offered: fundsConsentsOn,
		do:      (*API).updateFundsConsentPSUData, params: psuHeaders, body: psuDataUpdate{}, status: 200, answer: psuDataAnswer{}},

	{id: "checkAvailabilityOfFunds", method: "POST", path: "/v1/funds-confirmations", summary: "Ask whether an amount is there", service: piis, roles: toConfirmFunds, token: tokenToRead,
		offered: fundsOn,
		do:      (*API).confirmFunds, params: []parameter{{"header", "Consent-ID", "The consent to confirm funds; else the newest one on the account counts.", "", false}},
		body: fundsRequest{}, status: 200, answer: fundsAnswer{}},
}

// toPayments is where the payments of a product are. Each payment service stands in the place
// of its parameter: see operation.routes.
const toPayments = "/v1/{paymentService}/{paymentProduct}"

// baskets is where the signing baskets are.
const baskets = "/v1/signing-baskets"

// A route is one address of an operation.
type route struct {
	path    string
	service string // payment service; "" elsewhere
}

// routes lists the addresses of op at a bank with the profile p. The parameter of a payment
// service would take whatever stands there, the addresses of consents among it.
func (op *operation) routes(p profile.Profile) []route {
	if !strings.HasPrefix(op.path, toPayments) {
		return []route{{path: op.path}}
	}
	var all []route
	for _, service := range paymentServices {
		if offersService(p, service) {
			all = append(all, route{strings.Replace(op.path, "{paymentService}", service, 1), service})
		}
	}
	return all
}

func cardsOn(p profile.Profile) bool    { return p.Accounts.Cards }
func paymentsOn(p profile.Profile) bool { return p.Payments.Enabled }
func cancellationOn(p profile.Profile) bool {
	return p.Payments.Enabled && p.Payments.Cancellation != "none"
}
func basketsOn(p profile.Profile) bool { return p.Baskets.Enabled }
func fundsOn(p profile.Profile) bool   { return p.Funds.Enabled }

func fundsConsentsOn(p profile.Profile) bool {
	return p.Funds.Enabled && p.Funds.ConsentVia == profile.FundsByV2
}

// switchedOff lists where services of the standard would be that p does not offer: a TPP is
// told so, rather than that it has the address wrong.
func switchedOff(p profile.Profile) []string {
	var paths []string
	if !p.Baskets.Enabled {
		paths = append(paths, baskets, baskets+"/")
	}
	for _, service := range paymentServices {
		if !offersService(p, service) {
			paths = append(paths, "/v1/"+service+"/")
		}
	}
	if !p.Accounts.Cards {
		paths = append(paths, "/v1/card-accounts", "/v1/card-accounts/")
	}
	if !p.Accounts.TrustedBeneficiaries {
		paths = append(paths, "/v1/trusted-beneficiaries")
	}
	if !p.Funds.Enabled {
		paths = append(paths, "/v1/funds-confirmations")
	}
	if !fundsConsentsOn(p) {
		paths = append(paths, fundsConsents, fundsConsents+"/")
	}
	return paths
}

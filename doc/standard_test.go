package doc_test

// A group is a chapter of the standard's interface.
type group struct {
	title      string
	operations []operation
}

// An operation is one request of the standard, in our own words.
type operation struct{ method, path, does string }

// standard lists every operation of the framework that a bank may offer.
var standard = []group{
	{"Payment initiation", append([]operation{
		{"POST", payment, "Initiate a payment"},
		{"GET", payment + "/{paymentId}", "Read a payment"},
		{"GET", payment + "/{paymentId}/status", "Read the status of a payment"},
		{"DELETE", payment + "/{paymentId}", "Cancel a payment"},
	}, append(authorisations(payment+"/{paymentId}/authorisations", "payment"),
		authorisations(payment+"/{paymentId}/cancellation-authorisations", "cancellation")...)...)},
	{"Consents", append([]operation{
		{"POST", "/v1/consents", "Create a consent"},
		{"GET", "/v1/consents/{consentId}", "Read a consent"},
		{"GET", "/v1/consents/{consentId}/status", "Read the status of a consent"},
		{"DELETE", "/v1/consents/{consentId}", "End a consent"},
	}, authorisations("/v1/consents/{consentId}/authorisations", "consent")...)},
	{"Accounts", []operation{
		{"GET", "/v1/accounts", "List accounts"},
		{"GET", "/v1/accounts/{account-id}", "Read one account"},
		{"GET", "/v1/accounts/{account-id}/balances", "Read its balances"},
		{"GET", "/v1/accounts/{account-id}/transactions", "Read its transactions"},
		{"GET", "/v1/accounts/{account-id}/transactions/{transactionId}", "Read one transaction"},
	}},
	{"Card accounts", []operation{
		{"GET", "/v1/card-accounts", "List card accounts"},
		{"GET", "/v1/card-accounts/{account-id}", "Read one card account"},
		{"GET", "/v1/card-accounts/{account-id}/balances", "Read its balances"},
		{"GET", "/v1/card-accounts/{account-id}/transactions", "Read its transactions"},
	}},
	{"Confirmation of funds", append([]operation{
		{"POST", "/v1/funds-confirmations", "Ask whether an amount is available"},
		{"POST", fundsConsent, "Create a consent to confirm funds"},
		{"GET", fundsConsent + "/{consentId}", "Read such a consent"},
		{"GET", fundsConsent + "/{consentId}/status", "Read its status"},
		{"DELETE", fundsConsent + "/{consentId}", "End it"},
	}, authorisations(fundsConsent+"/{consentId}/authorisations", "consent to confirm funds")...)},
	{"Signing baskets", append([]operation{
		{"POST", "/v1/signing-baskets", "Create a basket"},
		{"GET", "/v1/signing-baskets/{basketId}", "Read a basket"},
		{"GET", "/v1/signing-baskets/{basketId}/status", "Read the status of a basket"},
		{"DELETE", "/v1/signing-baskets/{basketId}", "Dissolve a basket"},
	}, authorisations("/v1/signing-baskets/{basketId}/authorisations", "basket")...)},
	{"Extended services", []operation{
		{"GET", "/v1/trusted-beneficiaries", "List the payees whom the PSU trusts"},
	}},
}

const (
	payment      = "/v1/{payment-service}/{payment-product}"
	fundsConsent = "/v2/consents/confirmation-of-funds"
)

func authorisations(path, of string) []operation {
	return []operation{
		{"POST", path, "Start an authorisation of a " + of},
		{"GET", path, "List the authorisations of a " + of},
		{"GET", path + "/{authorisationId}", "Read how far the SCA of a " + of + " has come"},
		{"PUT", path + "/{authorisationId}", "Send data of the PSU for a " + of + ", or confirm its authorisation"},
	}
}

// features are parts of the standard that show in no operation of their own.
var features = []struct {
	name  string
	there func(*document) bool
}{
	{"answers in XML (camt.052 to camt.054, pain.002)", media("out application/xml")},
	{"answers as MT940 or MT942 text", media("out text/plain")},
	{"payments in XML (pain.001)", media("in application/xml")},
	{"pages of transactions, with `_links.next`", parameter("query itemsPerPage")},
	{"lists of what has changed (`deltaList`)", parameter("query deltaList")},
	{"lists that begin after an entry (`entryReferenceFrom`)", parameter("query entryReferenceFrom")},
	{"signatures of requests and answers", parameter("header Signature")},
	{"a choice of the SCA approach by the TPP (`TPP-Redirect-Preferred`)", parameter("header TPP-Redirect-Preferred")},
	{"decoupled SCA", parameter("header TPP-Decoupled-Preferred")},
	{"embedded SCA (`scaMethods`, `challengeData`)", property("challengeData")},
	{"the TPP's wish to start authorisations itself (`TPP-Explicit-Authorisation-Preferred`)", parameter("header TPP-Explicit-Authorisation-Preferred")},
	{"codes that confirm an authorisation (`_links.confirmation`, `unconfirmed`)", property("confirmation")},
	{"a negative end of its own (`TPP-Nok-Redirect-URI`)", parameter("header TPP-Nok-Redirect-URI")},
	{"the wish to reject without funds (`TPP-Rejection-NoFunds-Preferred`)", parameter("header TPP-Rejection-NoFunds-Preferred")},
	{"notification of the TPP (`TPP-Notification-URI`)", parameter("header TPP-Notification-URI")},
	{"names of account owners", property("ownerName")},
}

func media(name string) func(*document) bool {
	return func(d *document) bool { return d.media[name] }
}

func parameter(name string) func(*document) bool {
	return func(d *document) bool { return d.parameters[name] }
}

func property(name string) func(*document) bool {
	return func(d *document) bool { return d.properties[name] }
}

package xs2aclient

import (
	"context"
	"net/http"
	"net/url"
)

// Values of consentStatus that a TPP acts on, and of scaStatus when it has ended.
const (
	ConsentReceived     = "received"
	ConsentPartlySigned = "partiallyAuthorised" // another PSU has to authorise it as well: StartAuthorisation
	ConsentValid        = "valid"
	ConsentRejected     = "rejected"
	ConsentRevokedByPSU = "revokedByPsu"
	ConsentExpired      = "expired"
	ConsentTerminated   = "terminatedByTpp"

	SCAFinalised = "finalised"
	SCAFailed    = "failed"
	SCAExempted  = "exempted"
)

// Each asks for all accounts, in AvailableAccounts, AvailableAccountsWithBalance or AllPSD2
// of an Access; the second with the names of their owners.
const (
	AllAccounts              = "allAccounts"
	AllAccountsWithOwnerName = "allAccountsWithOwnerName"
)

// An Access says what is asked for. Accounts that are named make a dedicated consent; lists
// that are there but empty leave the choice to the PSU; AllPSD2 asks for everything.
type Access struct {
	Accounts                     *[]AccountReference    `json:"accounts,omitempty"`
	Balances                     *[]AccountReference    `json:"balances,omitempty"`
	Transactions                 *[]AccountReference    `json:"transactions,omitempty"`
	AdditionalInformation        *AdditionalInformation `json:"additionalInformation,omitempty"`
	AvailableAccounts            string                 `json:"availableAccounts,omitempty"`
	AvailableAccountsWithBalance string                 `json:"availableAccountsWithBalance,omitempty"`
	AllPSD2                      string                 `json:"allPsd2,omitempty"`
	RestrictedTo                 []string               `json:"restrictedTo,omitempty"`
}

// AdditionalInformation asks for more than the accounts' own data.
type AdditionalInformation struct {
	OwnerName            *[]AccountReference `json:"ownerName,omitempty"`
	TrustedBeneficiaries *[]AccountReference `json:"trustedBeneficiaries,omitempty"`
}

// Dedicated asks for details, balances and transactions of the accounts.
func Dedicated(accounts ...AccountReference) Access {
	return Access{Accounts: &accounts, Balances: &accounts, Transactions: &accounts}
}

// BankOffered leaves the choice of accounts to the PSU at the bank.
func BankOffered() Access { return Dedicated([]AccountReference{}...) }

// A ConsentRequest asks for a consent.
type ConsentRequest struct {
	Access                   Access `json:"access"`
	RecurringIndicator       bool   `json:"recurringIndicator"`
	ValidUntil               string `json:"validUntil"` // YYYY-MM-DD; 9999-12-31: as long as the bank allows
	FrequencyPerDay          int    `json:"frequencyPerDay"`
	CombinedServiceIndicator bool   `json:"combinedServiceIndicator"`
	// ConfirmationOfFundsAllowed is no part of the framework: some banks take consents to
	// confirm funds by it.
	ConfirmationOfFundsAllowed bool `json:"confirmationOfFundsAllowed,omitempty"`
}

// A ConsentCreated answers CreateConsent.
type ConsentCreated struct {
	ConsentStatus string `json:"consentStatus"`
	ConsentID     string `json:"consentId"`
	SCAStatus     string `json:"scaStatus"`
	Offer
	Links       Links     `json:"_links"`
	PSUMessage  string    `json:"psuMessage"`
	Messages    []Message `json:"tppMessages"` // warnings
	SCAApproach string    `json:"-"`           // ASPSP-SCA-Approach
	Location    string    `json:"-"`
}

// A Consent is a consent as it stands, with the limits that the bank set.
type Consent struct {
	Access             Access `json:"access"`
	RecurringIndicator bool   `json:"recurringIndicator"`
	ValidUntil         string `json:"validUntil"`
	FrequencyPerDay    int    `json:"frequencyPerDay"`
	LastActionDate     string `json:"lastActionDate"`
	ConsentStatus      string `json:"consentStatus"`
	Links              Links  `json:"_links"`
}

// CreateConsent asks for a consent. Most banks want WithPSU for it.
func (c *Client) CreateConsent(ctx context.Context, r ConsentRequest, to Redirects) (created ConsentCreated, err error) {
	h, err := c.do(ctx, request{operation: "CreateConsent", method: http.MethodPost, url: c.at("consents"), headers: c.preferred(to), body: r}, &created)
	created.SCAApproach, created.Location = h.Get("ASPSP-SCA-Approach"), h.Get("Location")
	return created, err
}

// Consent reads a consent.
func (c *Client) Consent(ctx context.Context, consentID string) (con Consent, err error) {
	return con, c.get(ctx, "Consent", c.at("consents", consentID), &con)
}

// ConsentStatus reads the status of a consent.
func (c *Client) ConsentStatus(ctx context.Context, consentID string) (string, error) {
	var w struct {
		ConsentStatus string `json:"consentStatus"`
	}
	err := c.get(ctx, "ConsentStatus", c.at("consents", consentID, "status"), &w)
	return w.ConsentStatus, err
}

// DeleteConsent ends a consent at the wish of the TPP.
func (c *Client) DeleteConsent(ctx context.Context, consentID string) error {
	_, err := c.do(ctx, request{operation: "DeleteConsent", method: http.MethodDelete, url: c.at("consents", consentID)}, nil)
	return err
}

// An AuthorisationStarted answers StartAuthorisation.
type AuthorisationStarted struct {
	SCAStatus       string `json:"scaStatus"`
	AuthorisationID string `json:"authorisationId"`
	Offer
	Links       Links     `json:"_links"`
	PSUMessage  string    `json:"psuMessage"`
	Messages    []Message `json:"tppMessages"` // warnings
	SCAApproach string    `json:"-"`           // ASPSP-SCA-Approach
}

// StartAuthorisation begins SCA of a consent that exists: after a run of SCA that failed, or
// to have a valid one authorised anew, which opens older history. A refusal's
// startAuthorisation link leads to the same.
func (c *Client) StartAuthorisation(ctx context.Context, consentID string, to Redirects) (started AuthorisationStarted, err error) {
	return c.startAuthorisation(ctx, c.at("consents", consentID, "authorisations"), to)
}

// StartAuthorisationAt is StartAuthorisation at a startAuthorisation link.
func (c *Client) StartAuthorisationAt(ctx context.Context, link string, to Redirects) (started AuthorisationStarted, err error) {
	u, err := c.follow(link)
	if err != nil {
		return started, err
	}
	return c.startAuthorisation(ctx, u, to)
}

func (c *Client) startAuthorisation(ctx context.Context, u *url.URL, to Redirects) (AuthorisationStarted, error) {
	return c.startWith(ctx, u, nil, to)
}

// startWith begins SCA with what is known of the PSU, which may be nothing.
func (c *Client) startWith(ctx context.Context, u *url.URL, body any, to Redirects) (started AuthorisationStarted, err error) {
	h, err := c.do(ctx, request{operation: "StartAuthorisation", method: http.MethodPost, url: u, headers: c.approached(to), body: body}, &started)
	started.SCAApproach = h.Get("ASPSP-SCA-Approach")
	return started, err
}

// An SCA is how far an authorisation has come.
type SCA struct {
	Status     string `json:"scaStatus"`
	PSUMessage string `json:"psuMessage"`
	Links      Links  `json:"_links"`
}

// SCAStatus reads the authorisation behind a scaStatus link.
func (c *Client) SCAStatus(ctx context.Context, link string) (s SCA, err error) {
	u, err := c.follow(link)
	if err != nil {
		return s, err
	}
	return s, c.get(ctx, "SCAStatus", u, &s)
}

// Authorisations lists the IDs of the authorisations of the resource that link, its self
// link, leads to.
func (c *Client) Authorisations(ctx context.Context, link string) ([]string, error) {
	u, err := c.follow(link)
	if err != nil {
		return nil, err
	}
	var w struct {
		AuthorisationIDs []string `json:"authorisationIds"`
	}
	err = c.get(ctx, "Authorisations", u.JoinPath("authorisations"), &w)
	return w.AuthorisationIDs, err
}

package xs2a

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/eidas"
)

// consentRequest is what a TPP sends to create a consent.
//
// spec: xs2a/consentRequest
type consentRequest struct {
	Access                     *accountAccess `json:"access"`
	RecurringIndicator         *bool          `json:"recurringIndicator" doc:"false: the consent is used up by one access."`
	ValidUntil                 *string        `json:"validUntil" format:"date" doc:"Last day, inclusive, in the bank's calendar. 9999-12-31 asks for the longest the bank allows."`
	FrequencyPerDay            *int           `json:"frequencyPerDay" minimum:"1" doc:"Reads a day without the PSU, for each kind of read and each account."`
	CombinedServiceIndicator   *bool          `json:"combinedServiceIndicator"`
	ConfirmationOfFundsAllowed bool           `json:"confirmationOfFundsAllowed,omitempty" doc:"The consent confirms funds on the one account that is named; where the bank takes such consents here."`
}

// accountAccess says what is asked for. An empty list leaves the accounts to the PSU.
//
// spec: xs2a/accountAccess
type accountAccess struct {
	Accounts                     *[]accountReference    `json:"accounts,omitempty"`
	Balances                     *[]accountReference    `json:"balances,omitempty"`
	Transactions                 *[]accountReference    `json:"transactions,omitempty"`
	AdditionalInformation        *additionalInformation `json:"additionalInformation,omitempty"`
	AvailableAccounts            string                 `json:"availableAccounts,omitempty" enum:"allAccounts,allAccountsWithOwnerName"`
	AvailableAccountsWithBalance string                 `json:"availableAccountsWithBalance,omitempty" enum:"allAccounts,allAccountsWithOwnerName"`
	AllPSD2                      string                 `json:"allPsd2,omitempty" enum:"allAccounts,allAccountsWithOwnerName"`
	RestrictedTo                 []string               `json:"restrictedTo,omitempty" since:"1.3.8"`
}

type additionalInformation struct {
	OwnerName            *[]accountReference `json:"ownerName,omitempty"`
	TrustedBeneficiaries *[]accountReference `json:"trustedBeneficiaries,omitempty"`
}

// consentCreated answers the creation of a consent.
//
// spec: xs2a/consentCreated
type consentCreated struct {
	ConsentStatus string `json:"consentStatus" enum:"received,valid,rejected,revokedByPsu,expired,terminatedByTpp,partiallyAuthorised"`
	ConsentID     string `json:"consentId"`
	SCAStatus     string `json:"scaStatus,omitempty" since:"1.3.9"`
	scaOffer
	Links       links        `json:"_links"`
	PSUMessage  string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages []tppMessage `json:"tppMessages,omitempty" since:"1.3.9"`
}

// consentInformation is a consent as it stands: with the limits that the bank set, and,
// once the PSU has chosen accounts, with these.
//
// spec: xs2a/consentInformation
type consentInformation struct {
	Access             accountAccess `json:"access"`
	RecurringIndicator bool          `json:"recurringIndicator"`
	ValidUntil         string        `json:"validUntil" format:"date"`
	FrequencyPerDay    int           `json:"frequencyPerDay"`
	LastActionDate     string        `json:"lastActionDate" format:"date"`
	ConsentStatus      string        `json:"consentStatus"`
	Links              *links        `json:"_links,omitempty"`
}

// consentStatus is the status of a consent.
type consentStatusAnswer struct {
	ConsentStatus string `json:"consentStatus"`
	PSUMessage    string `json:"psuMessage,omitempty"`
}

// spec: xs2a/createConsent
func (a *API) createConsent(c *call) (answer, error) {
	var body consentRequest
	text, err := c.readText(&body)
	if err != nil {
		return answer{}, err
	}
	r, err := body.request()
	if err != nil {
		return answer{}, err
	}
	needed := role(eidas.AI)
	if r.ConfirmationOfFundsAllowed {
		needed = eidas.IC
	}
	if err := c.tpp.May(needed); err != nil {
		return answer{}, err
	}
	explicit, err := a.explicit(c)
	if err != nil {
		return answer{}, err
	}
	start, warnings, err := a.start(c, text, !explicit)
	if err != nil {
		return answer{}, err
	}
	con, auth, err := a.Consents.Create(c.Context(), a.Bank, c.tpp, consent.Creation{Request: r, Start: start, Explicit: explicit})
	if err != nil {
		return answer{}, err
	}
	return a.consentCreated(c, con, auth, start.SCA, warnings), nil
}

// consentCreated answers the creation of con, whichever kind it is.
func (a *API) consentCreated(c *call, con consent.Consent, auth authorisation.Authorisation, psu authorisation.Wish, warnings []tppMessage) answer {
	self := a.atConsent(con)
	l := links{Self: &self, Status: ptr(a.atConsent(con, "status"))}
	h := http.Header{"Location": {self.Href}}
	switch {
	case auth.ID != "":
		a.scaLinks(&l, h, auth, a.atConsent(con, toAuthorisations, auth.ID))
	case con.Status.Pending():
		a.startLinks(&l, c, psu, a.atConsent(con, toAuthorisations))
	}
	return answer{status: http.StatusCreated, header: h, body: consentCreated{
		ConsentStatus: string(con.Status), ConsentID: con.ID, SCAStatus: string(auth.Status), scaOffer: offer(auth), Links: l, PSUMessage: auth.PSUMessage, TPPMessages: warnings,
	}}
}

// start reads the headers that SCA of a consent needs. text is the body, or nothing. Where SCA
// begins at once, the bank must know where the PSU goes afterwards.
func (a *API) start(c *call, text []byte, atOnce bool) (s consent.Start, warnings []tppMessage, err error) {
	psu, err := c.wish()
	if err != nil {
		return s, nil, err
	}
	to, err := a.redirects(c, atOnce && a.leadsToBank(psu))
	if err != nil {
		return s, nil, err
	}
	brand, err := c.text("TPP-Brand-Logging-Information")
	if err != nil {
		return s, nil, err
	}
	wish, err := a.notification(c, c.w.Header())
	if err != nil {
		return s, nil, err
	}
	return consent.Start{
		RequestID: c.requestID, Body: compacted(text), RedirectURI: to.uri, NokRedirectURI: to.nokURI, Brand: brand, PSU: c.psu, SCA: psu, Notification: wish,
	}, to.warnings, nil
}

// leadsToBank says whether SCA that psu asks for is a plain redirect.
func (a *API) leadsToBank(psu authorisation.Wish) bool {
	approach, oauth := psu.Choose(a.Bank.Profile)
	return approach == authorisation.Redirect && !oauth
}

// request turns wire into a request, and refuses what has no meaning. Whether the bank
// offers it is for the rules.
func (b consentRequest) request() (r consent.Request, err error) {
	for _, m := range []struct {
		name    string
		missing bool
	}{
		{"access", b.Access == nil}, {"recurringIndicator", b.RecurringIndicator == nil}, {"validUntil", b.ValidUntil == nil},
		{"frequencyPerDay", b.FrequencyPerDay == nil}, {"combinedServiceIndicator", b.CombinedServiceIndicator == nil},
	} {
		if m.missing {
			return r, malformed(m.name, "is missing")
		}
	}
	if r.ValidUntil, err = day.Parse(*b.ValidUntil); err != nil {
		return r, malformed("validUntil", err.Error())
	}
	r.Recurring, r.FrequencyPerDay = *b.RecurringIndicator, *b.FrequencyPerDay
	r.CombinedServiceIndicator, r.ConfirmationOfFundsAllowed = *b.CombinedServiceIndicator, b.ConfirmationOfFundsAllowed
	w := b.Access
	r.Access = consent.Access{AvailableAccounts: w.AvailableAccounts, AvailableAccountsWithBalance: w.AvailableAccountsWithBalance, AllPSD2: w.AllPSD2, RestrictedTo: w.RestrictedTo}
	type refs struct {
		path string
		from *[]accountReference
		to   **[]core.AccountReference
	}
	lists := []refs{
		{"access.accounts", w.Accounts, &r.Access.Accounts}, {"access.balances", w.Balances, &r.Access.Balances},
		{"access.transactions", w.Transactions, &r.Access.Transactions},
	}
	if more := w.AdditionalInformation; more != nil {
		lists = append(lists, refs{"access.additionalInformation.ownerName", more.OwnerName, &r.Access.OwnerName},
			refs{"access.additionalInformation.trustedBeneficiaries", more.TrustedBeneficiaries, &r.Access.TrustedBeneficiaries})
	}
	for _, l := range lists {
		if l.from == nil {
			continue
		}
		if len(*l.from) > accountsMax {
			return r, malformed(l.path, "names too many accounts")
		}
		refs := []core.AccountReference{}
		for _, w := range *l.from {
			ref, err := w.reference(l.path)
			if err != nil {
				return r, err
			}
			refs = append(refs, ref)
		}
		*l.to = &refs
	}
	if len(w.RestrictedTo) > accountsMax {
		return r, malformed("access.restrictedTo", "names too many types")
	}
	return r, nil
}

// spec: xs2a/getConsentInformation
func (a *API) getConsent(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	info := consentInformation{
		Access: wireAccess(con), RecurringIndicator: con.Recurring, ValidUntil: con.ValidUntil.String(), FrequencyPerDay: con.FrequencyPerDay,
		LastActionDate: con.LastActionDate.String(), ConsentStatus: string(con.Status),
	}
	switch con.Status {
	case consent.Valid:
		if con.Model != consent.Funds {
			info.Links = &links{Account: ptr(a.link("accounts"))}
		}
	case consent.Received, consent.PartiallyAuthorised:
		l := links{}
		auths, err := a.Authorisations.List(c.Context(), a.Bank.Code, authorisation.OfConsent, con.ID)
		if err != nil {
			return answer{}, err
		}
		for _, auth := range auths {
			a.scaLinks(&l, http.Header{}, auth, a.atConsent(con, toAuthorisations, auth.ID))
		}
		if len(auths) == 0 || slices.ContainsFunc(auths, func(auth authorisation.Authorisation) bool { return auth.Awaits(a.Now()) }) {
			l.StartAuthorisation = ptr(a.atConsent(con, toAuthorisations))
		}
		info.Links = &l
	}
	return answer{status: http.StatusOK, body: info}, nil
}

// wireAccess shows what c really covers: what was asked for, and once the PSU has given
// single accounts, these.
func wireAccess(c consent.Consent) accountAccess {
	covered := c.Covered()
	if covered != nil && c.Chosen() {
		return wireChosen(covered)
	}
	w := accountAccess{
		AvailableAccounts: c.Access.AvailableAccounts, AvailableAccountsWithBalance: c.Access.AvailableAccountsWithBalance,
		AllPSD2: c.Access.AllPSD2, RestrictedTo: c.Access.RestrictedTo,
	}
	show := func(asked *[]core.AccountReference, in func(consent.Account) bool) *[]accountReference {
		switch {
		case asked == nil:
			return nil
		case covered != nil:
			return wireReferences(covered, in)
		}
		refs := []accountReference{}
		for _, r := range *asked {
			refs = append(refs, wireReference(r))
		}
		return &refs
	}
	w.Accounts = show(c.Access.Accounts, anyAccount)
	w.Balances = show(c.Access.Balances, withBalances)
	w.Transactions = show(c.Access.Transactions, withTransactions)
	if c.Access.OwnerName != nil || c.Access.TrustedBeneficiaries != nil {
		w.AdditionalInformation = &additionalInformation{
			OwnerName: show(c.Access.OwnerName, withOwnerName), TrustedBeneficiaries: show(c.Access.TrustedBeneficiaries, withBeneficiaries),
		}
	}
	return w
}

// wireChosen shows the accounts that the PSU gave where access to all was asked for.
func wireChosen(covered []consent.Account) accountAccess {
	some := func(in func(consent.Account) bool) *[]accountReference {
		if !slices.ContainsFunc(covered, in) {
			return nil
		}
		return wireReferences(covered, in)
	}
	w := accountAccess{Accounts: wireReferences(covered, anyAccount), Balances: some(withBalances), Transactions: some(withTransactions)}
	if names := some(withOwnerName); names != nil {
		w.AdditionalInformation = &additionalInformation{OwnerName: names}
	}
	return w
}

// wireReferences lists those of accounts that are in.
func wireReferences(accounts []consent.Account, in func(consent.Account) bool) *[]accountReference {
	refs := []accountReference{}
	for _, a := range accounts {
		if in(a) {
			refs = append(refs, wireReference(a.Reference))
		}
	}
	return &refs
}

func anyAccount(consent.Account) bool          { return true }
func withBalances(a consent.Account) bool      { return a.Balances }
func withTransactions(a consent.Account) bool  { return a.Transactions }
func withOwnerName(a consent.Account) bool     { return a.OwnerName }
func withBeneficiaries(a consent.Account) bool { return a.Beneficiaries }

// spec: xs2a/getConsentStatus
func (a *API) getConsentStatus(c *call) (answer, error) {
	con, err := a.consent(c)
	return answer{status: http.StatusOK, body: consentStatusAnswer{ConsentStatus: string(con.Status)}}, err
}

// spec: xs2a/deleteConsent
func (a *API) deleteConsent(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, a.Consents.Terminate(c.Context(), a.Bank.Code, c.tpp.ID, con.ID, c.requestID)
}

// spec: xs2a/getConsentAuthorisation
func (a *API) getConsentAuthorisations(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return a.authorisations(c, authorisation.OfConsent, con.ID)
}

// spec: xs2a/getConsentScaStatus
func (a *API) getConsentSCAStatus(c *call) (answer, error) {
	con, err := a.consent(c)
	if err != nil {
		return answer{}, err
	}
	return a.scaStatus(c, authorisation.OfConsent, con.ID, func(id string) href { return a.atConsent(con, "authorisations", id) })
}

// consent returns the consent in the path. It is only where it was asked for.
func (a *API) consent(c *call) (consent.Consent, error) {
	con, err := a.Consents.Get(c.Context(), a.Bank.Code, c.tpp.ID, c.id("consentId"))
	if err == nil && con.OfItsOwn() != strings.HasPrefix(c.op.path, fundsConsents) {
		return consent.Consent{}, consent.ErrUnknown
	}
	return con, err
}

// authorisations lists the IDs of the authorisations of a resource of the caller's.
func (a *API) authorisations(c *call, kind authorisation.Kind, subject string) (answer, error) {
	all, err := a.Authorisations.List(c.Context(), a.Bank.Code, kind, subject)
	ids := []string{}
	for _, auth := range all {
		ids = append(ids, auth.ID)
	}
	return answer{status: http.StatusOK, body: authorisationList{ids}}, err
}

// scaStatus shows one authorisation of a resource of the caller's. self says where it is.
func (a *API) scaStatus(c *call, kind authorisation.Kind, subject string, self func(id string) href) (answer, error) {
	auth, err := a.Authorisations.Get(c.Context(), a.Bank.Code, c.tpp.ID, kind, subject, c.id("authorisationId"))
	if err != nil {
		return answer{}, err
	}
	body := scaStatusAnswer{SCAStatus: string(auth.Status), PSUMessage: auth.PSUMessage}
	if l := (links{}); !auth.OAuth {
		if a.redirectLinks(&l, auth, self(auth.ID)); l != (links{}) {
			body.Links = &l
		}
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// A redirect is where the PSU goes after SCA.
type redirect struct {
	uri, nokURI string
	warnings    []tppMessage
}

// redirects reads the redirect headers. For a plain redirect the bank must know where to
// send the PSU, so the header is mandatory; an OAuth client names its address later.
func (a *API) redirects(c *call, mandatory bool) (to redirect, err error) {
	for name, uri := range map[string]*string{"TPP-Redirect-URI": &to.uri, "TPP-Nok-Redirect-URI": &to.nokURI} {
		s := c.Header.Get(name)
		if s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || !u.IsAbs() || u.Opaque != "" || len(s) > 2000 || strings.ContainsAny(s, "\"<>\\^`{|} ") || dangerous[strings.ToLower(u.Scheme)] {
			return to, malformed(name, "header is not a URI that a browser can be sent to")
		}
		if (u.Scheme == "http" || u.Scheme == "https") && u.Host == "" {
			return to, malformed(name, "header names no host")
		}
		*uri = s
		if a.Bank.RedirectDomainCheck != profile.DomainIgnore && !c.tpp.RedirectAllowed(s) {
			if a.Registered != nil {
				known, err := a.Registered(c.Context(), a.Bank.Code, c.tpp, s)
				if err != nil {
					return to, err
				}
				if known {
					continue
				}
			}
			if a.Bank.RedirectDomainCheck == profile.DomainReject {
				return to, malformed(name, "header is outside the domains of the certificate")
			}
			to.warnings = append(to.warnings, tppMessage{"WARNING", "WARNING", name, "the address is outside the domains of the certificate"})
		}
	}
	if mandatory && to.uri == "" {
		return to, malformed("TPP-Redirect-URI", "header is missing")
	}
	return to, nil
}

// dangerous are schemes that a page must never be left by.
var dangerous = map[string]bool{"javascript": true, "data": true, "vbscript": true, "file": true, "blob": true, "about": true}

func ptr[T any](v T) *T { return &v }

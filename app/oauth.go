package app

import (
	"net/http"

	"kontor/bank/profile"
	"kontor/edge/oauth"
	"kontor/edge/page"
)

// mountOAuth serves the authorization server of b. Clients come to the api listener, where
// their certificate is asked for; browsers to the web listener, where none is.
func (a *Hub) mountOAuth(b profile.Bank, api, web *http.ServeMux, pages *page.Pages) error {
	s, err := oauth.New(oauth.Config{
		Bank: b, Issuer: a.bankURL(b) + "/oauth", AuthorizeURL: a.browserURL() + b.BasePath + "/oauth/authorize",
		Tokens: a.tokens, Apps: a.apps, Journeys: a.journeys, Payment: a.journeys.Payment, Cancellation: a.journeys.Cancellation, Basket: a.journeys.Basket, Identify: a.identify, Pages: pages, Now: a.now, Log: a.log,
	})
	if err != nil {
		return err
	}
	s.Mount(api)
	s.Mount(web)
	a.continueURLs[b.Code] = s.ContinueURL
	return nil
}

// continueURL is where the authorization server of bank takes a PSU back.
func (a *Hub) continueURL(bank, session, key string) string {
	if of, ok := a.continueURLs[bank]; ok {
		return of(session, key)
	}
	return a.browserURL()
}

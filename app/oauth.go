package app

import (
	"net/http"

	"kontor/bank/profile"
	"kontor/edge/page"
)

func (a *Hub) mountOAuth(b profile.Bank, api, web *http.ServeMux, pages *page.Pages) error { return nil }

func (a *Hub) continueURL(bank, session string) string {
	return a.browserURL() + a.banks[bank].BasePath + "/oauth/authorize/continue/" + session
}

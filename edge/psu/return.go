// Package psu serves the hub's own pages to PSUs. A PSU meets the hub only in passing: the
// bank sends her here when SCA is over, and she is sent on to the TPP at once, by the way
// that fits how it went; where the TPP has to confirm that she came back to it, with the code
// that the bank gave her browser.
package psu

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/edge/page"
)

// endWait is how long a PSU is kept who comes back before the bank has told how it went.
const endWait = 3 * time.Second

// A Return is where banks send PSUs back to.
type Return struct {
	Authorisations *authorisation.Service
	Banks          map[string]profile.Bank // by code
	// ContinueURL is the authorization server's address for a session that waits, and to which
	// the browser comes back with key.
	ContinueURL func(bank, session, key string) string
	Pages       *page.Pages
	Log         *slog.Logger
}

// Handler serves GET /return/{bank}/{key}.
func (p *Return) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /return/{bank}/{key}", p.back)
	return mux
}

func (p *Return) back(w http.ResponseWriter, r *http.Request) {
	bank, key := r.PathValue("bank"), r.PathValue("key")
	a, err := p.find(r, bank, key)
	switch {
	case errors.Is(err, authorisation.ErrUnknown):
		p.Pages.Error(w, r, http.StatusNotFound, "return.unknown")
	case err != nil:
		p.Log.ErrorContext(r.Context(), "return failed", "bank", bank, "err", err)
		p.Pages.Error(w, r, http.StatusInternalServerError, "error.internal")
	case a.OAuthSession != "":
		http.Redirect(w, r, p.ContinueURL(bank, a.OAuthSession, key), http.StatusSeeOther)
	case !a.Status.Final() && a.Status != authorisation.Unconfirmed:
		p.Pages.Waiting(w, r)
	default:
		to := p.withCode(a, r.URL.Query().Get(core.ParameterConfirmationCode))
		if a.Status == authorisation.Failed && a.NokRedirectURI != "" {
			to = a.NokRedirectURI
		}
		p.Pages.Leave(w, r, to)
	}
}

// withCode is where the PSU of a goes on well: with code, if it is the one that confirms a. Any
// other is no use to the TPP, and would end what she has just approved.
func (p *Return) withCode(a authorisation.Authorisation, code string) string {
	if !a.Brings(code) {
		return a.RedirectURI
	}
	rest, fragment, there := strings.Cut(a.RedirectURI, "#")
	if there {
		fragment = "#" + fragment
	}
	mark := "?"
	if strings.Contains(rest, "?") {
		mark = "&"
	}
	return rest + mark + p.Banks[a.Bank].SCAConfirmation.Parameter + "=" + url.QueryEscape(code) + fragment
}

func (p *Return) find(r *http.Request, bank, key string) (authorisation.Authorisation, error) {
	const longest = 64
	for _, s := range []string{bank, key} {
		if len(s) > longest {
			return authorisation.Authorisation{}, authorisation.ErrUnknown
		}
		for _, c := range []byte(s) {
			if c <= ' ' || c >= 0x7f {
				return authorisation.Authorisation{}, authorisation.ErrUnknown
			}
		}
	}
	a, err := p.Authorisations.ByReturnKey(r.Context(), bank, key)
	if err == nil && a.OAuthSession == "" && !a.Status.Final() {
		a, err = p.Authorisations.AwaitBack(r.Context(), bank, a.ID, endWait)
	}
	return a, err
}

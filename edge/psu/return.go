// Package psu serves the hub's own pages to PSUs. A PSU meets the hub only in passing: the
// bank sends her here when SCA is over, and she is sent on to the TPP at once, by the way
// that fits how it went.
package psu

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"kontor/bank/authorisation"
	"kontor/edge/page"
)

// endWait is how long a PSU is kept who comes back before the bank has told how it went.
const endWait = 3 * time.Second

// A Return is where banks send PSUs back to.
type Return struct {
	Authorisations *authorisation.Service
	// ContinueURL is the authorization server's address for a session that waits.
	ContinueURL func(bank, session string) string
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
		http.Redirect(w, r, p.ContinueURL(bank, a.OAuthSession), http.StatusSeeOther)
	case !a.Status.Final():
		p.Pages.Waiting(w, r)
	default:
		to := a.RedirectURI
		if a.Status == authorisation.Failed && a.NokRedirectURI != "" {
			to = a.NokRedirectURI
		}
		p.Pages.Leave(w, r, to)
	}
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
		a, err = p.Authorisations.AwaitEnd(r.Context(), bank, a.ID, endWait)
	}
	return a, err
}
